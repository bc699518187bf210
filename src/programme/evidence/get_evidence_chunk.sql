SELECT bytes FROM evidence_chunk WHERE file_id = :file_id::uuid AND n = :n::integer
