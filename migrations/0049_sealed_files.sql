-- Files that people upload are sealed under the key of who did (src/programme/evidence), as all that is
-- known about them: an erasure takes the chunks away, and what is left of them in backups and the
-- write-ahead log is ciphertext without a key. What programs and operators send is nobody's own, and
-- stays as it is; so does what was there before.
ALTER TABLE evidence_chunk ADD COLUMN person_id uuid, -- whose key it is sealed under; null: in clear
    DROP CONSTRAINT evidence_chunk_bytes_check,
    ADD CHECK (octet_length(bytes) BETWEEN 1 AND 262144 + CASE WHEN person_id IS NULL THEN 0 ELSE 40 END);
