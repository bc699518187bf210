INSERT INTO evidence_chunk (file_id, n, evidence_id, bytes, person_id)
VALUES (:file_id::uuid, :n::integer, :evidence_id::uuid, :bytes::bytea, :person_id::uuid)
