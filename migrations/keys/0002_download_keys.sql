-- Keys of files that hold the whole programme (include/iqm/downloads.h): destroyed with the file, and with
-- the key of anybody who is erased, in the same transaction.
CREATE TABLE download_key (
    download_id uuid PRIMARY KEY,
    wrapped bytea NOT NULL CHECK (length(wrapped) = 72),
    master_id bytea NOT NULL CHECK (length(master_id) = 8),
    created_at timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT ON download_key TO iqm_server;

-- A new key; one of before, of an attempt that was cut off, goes.
CREATE FUNCTION keep_download_key(download uuid, new_wrapped bytea, new_master_id bytea) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public
BEGIN ATOMIC
    INSERT INTO download_key AS k (download_id, wrapped, master_id)
    VALUES (download, new_wrapped, new_master_id)
    ON CONFLICT (download_id) DO UPDATE SET wrapped = excluded.wrapped,
        master_id = excluded.master_id, created_at = now();
END;

-- Destroys keys, also such as nobody asks for any more; which of `expected` there are none of.
CREATE FUNCTION destroy_download_keys(due uuid[], expected uuid[]) RETURNS SETOF uuid
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    DELETE FROM download_key WHERE download_id = ANY (due) OR created_at < now() - interval '3 days';
    RETURN QUERY SELECT id FROM unnest(expected) AS id
        WHERE NOT EXISTS (SELECT FROM download_key WHERE download_id = id);
END $$;
GRANT EXECUTE ON FUNCTION keep_download_key(uuid, bytea, bytea), destroy_download_keys(uuid[], uuid[])
    TO iqm_server;

CREATE OR REPLACE FUNCTION log_erasure(person uuid, erasure uuid, erasure_doc json, signed text)
    RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(person::text, 0));
    INSERT INTO erasure_log (person_id, erasure_id, doc, certificate)
    VALUES (person, erasure, erasure_doc, signed) ON CONFLICT DO NOTHING;
    DELETE FROM person_key WHERE person_id = person;
    DELETE FROM download_key;
END $$;
