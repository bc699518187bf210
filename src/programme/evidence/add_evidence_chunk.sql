INSERT INTO evidence_chunk (file_id, n, evidence_id, bytes)
VALUES (:file_id::uuid, :n::integer, :evidence_id::uuid, :bytes::bytea)
