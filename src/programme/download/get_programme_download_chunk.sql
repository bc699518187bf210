SELECT bytes FROM read_programme_download_chunk(:programme_download_id::uuid, :n::integer) AS bytes
