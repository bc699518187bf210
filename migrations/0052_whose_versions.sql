-- What is a person's though the row that tied it to them is gone: evidence whose uploader has no account any
-- more, and versions in history of records that were deleted, or that became somebody else's since. Both say
-- themselves whose they are: access and erasure find them, and a legal hold keeps them, by that alone.

ALTER TABLE evidence ADD COLUMN uploader_person_id uuid; -- null: a program put it there
ALTER TABLE history ADD COLUMN person_id uuid;

-- ---- what there was before ----

-- Accounts that are there, and those that history still knows.
CREATE TEMPORARY TABLE known_account ON COMMIT DROP AS
SELECT id, person_id FROM account
UNION SELECT id, (doc->>'person_id')::uuid FROM history WHERE resource = 'account' AND doc IS NOT NULL;

-- Whose account had put the file of each version of evidence there: of the version that brought it. The
-- earliest that is known counts as having brought its own.
CREATE TEMPORARY TABLE known_uploader ON COMMIT DROP AS
WITH seen AS (
    SELECT id, version, actor, doc->'file'->>'sha256' AS file FROM history
    WHERE resource = 'evidence' AND doc IS NOT NULL
    UNION ALL SELECT id, version, written_by, doc->'file'->>'sha256' FROM evidence),
brought AS (
    SELECT *, lag(version) OVER before IS NULL OR file IS DISTINCT FROM lag(file) OVER before AS is_new
    FROM seen WINDOW before AS (PARTITION BY id ORDER BY version)),
since AS (
    SELECT *, max(version) FILTER (WHERE is_new) OVER (PARTITION BY id ORDER BY version) AS first
    FROM brought)
SELECT since.id, since.version, known_account.person_id FROM since
JOIN seen ON seen.id = since.id AND seen.version = since.first
JOIN known_account ON known_account.id = seen.actor;

-- Row-level security binds the owner, too, who changes no evidence otherwise.
ALTER TABLE evidence NO FORCE ROW LEVEL SECURITY;
UPDATE evidence SET uploader_person_id = coalesce(
    (SELECT a.person_id FROM known_account AS a WHERE a.id = evidence.uploaded_by),
    (SELECT u.person_id FROM known_uploader AS u
        WHERE u.id = evidence.id AND u.version = evidence.version AND evidence.uploaded_by IS NULL));
ALTER TABLE evidence FORCE ROW LEVEL SECURITY;

UPDATE history SET person_id = CASE resource WHEN 'person' THEN id ELSE (doc->>'person_id')::uuid END
WHERE resource IN ('person', 'account', 'enquiry', 'legal_hold', 'privacy_request');
UPDATE history AS h SET person_id = u.person_id FROM known_uploader AS u
WHERE h.resource = 'evidence' AND u.id = h.id AND u.version = h.version;
UPDATE history AS gone SET person_id = was.person_id FROM history AS was
WHERE gone.doc IS NULL AND was.person_id IS NOT NULL
    AND (was.resource, was.id, was.version) = (gone.resource, gone.id, gone.version - 1);

ALTER TABLE evidence DROP COLUMN uploaded_by;
CREATE INDEX evidence_uploader ON evidence (uploader_person_id) WHERE uploader_person_id IS NOT NULL;
CREATE INDEX history_person ON history (person_id) WHERE person_id IS NOT NULL;

-- ---- from now on ----

-- Who puts a file there: it goes with that person. Who holds no account any more puts none.
CREATE OR REPLACE FUNCTION note_uploader() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    SELECT a.person_id INTO NEW.uploader_person_id FROM account AS a
    WHERE a.id = NEW.written_by FOR KEY SHARE;
    IF NOT FOUND AND NOT EXISTS (SELECT FROM client WHERE id = NEW.written_by)
        AND NOT EXISTS (SELECT FROM token WHERE id = NEW.written_by) THEN
        RAISE EXCEPTION 'This account is suspended or gone.' USING ERRCODE = 'IQ403';
    END IF;
    RETURN NEW;
END $$;

-- As in 0027; where the trigger says `whose` and a column, with the person that the row named there.
CREATE OR REPLACE FUNCTION record_change() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    changed uuid;
    version bigint;
    digest text;
    person uuid;
BEGIN
    IF TG_OP = 'INSERT' THEN
        changed := NEW.id;
        version := NEW.version;
    ELSIF TG_OP = 'UPDATE' AND NEW.version = OLD.version THEN
        RETURN NULL;
    ELSE
        IF TG_ARGV[0] = 'whose' THEN
            -- One by one: a statement made anew for each change takes as long as all the rest.
            CASE TG_ARGV[1]
                WHEN 'id' THEN person := OLD.id;
                WHEN 'person_id' THEN person := OLD.person_id;
                WHEN 'uploader_person_id' THEN person := OLD.uploader_person_id;
            END CASE;
        END IF;
        INSERT INTO history (resource, id, version, at, actor, doc, person_id)
        VALUES (TG_TABLE_NAME, OLD.id, OLD.version, (OLD.doc->>'updated_at')::timestamptz,
            OLD.written_by, OLD.doc, person);
        changed := OLD.id;
        IF TG_OP = 'UPDATE' THEN
            version := NEW.version;
        ELSE
            version := OLD.version + 1;
            INSERT INTO history (resource, id, version, at, actor, doc, person_id)
            VALUES (TG_TABLE_NAME, OLD.id, OLD.version + 1, now(),
                nullif(current_setting('iqm.actor', true), '')::uuid, NULL, person);
        END IF;
    END IF;
    IF TG_ARGV[0] = 'digest' AND TG_OP <> 'DELETE' THEN
        digest := digest_of(NEW.doc);
    END IF;
    PERFORM record_audit(current_setting('iqm.actor', true), current_setting('iqm.roles', true),
        current_setting('iqm.client', true), current_setting('iqm.operation', true),
        TG_TABLE_NAME, changed, version, current_setting('iqm.request_id', true), 'done', digest);
    RETURN NULL;
END $$;

-- Has the versions of a table's documents say whose they are: of the person whose id the column holds, which
-- is one that record_change knows.
CREATE PROCEDURE own_versions(name regclass, person name)
    LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE format('DROP TRIGGER record_change ON %s', name);
    EXECUTE format('CREATE TRIGGER record_change AFTER INSERT OR UPDATE OR DELETE ON %s '
        'FOR EACH ROW EXECUTE FUNCTION record_change(''whose'', %L)', name, person);
END $$;
CALL own_versions('person', 'id');
CALL own_versions('account', 'person_id');
CALL own_versions('enquiry', 'person_id');
CALL own_versions('legal_hold', 'person_id');
CALL own_versions('privacy_request', 'person_id');
CALL own_versions('evidence', 'uploader_person_id');

-- Takes the rows of one place away. Of documents, with the person's versions in history, also those that came
-- in meanwhile; and with those of nobody, where the record is gone. Another person's are that person's.
CREATE OR REPLACE FUNCTION delete_place(place text, condition text, person uuid) RETURNS bigint
    LANGUAGE plpgsql
AS $$
DECLARE
    gone uuid[];
    count bigint;
BEGIN
    IF NOT has_documents(place) THEN
        EXECUTE format('DELETE FROM %I WHERE %s', place, condition) USING person;
        GET DIAGNOSTICS count = ROW_COUNT;
        RETURN count;
    END IF;
    EXECUTE format('WITH gone AS (DELETE FROM %I WHERE %s RETURNING id) '
        'SELECT array_agg(id) FROM gone', place, condition) INTO gone USING person;
    DELETE FROM history AS h WHERE h.resource = place
        AND (h.person_id = delete_place.person OR h.person_id IS NULL AND h.id = ANY (gone));
    RETURN coalesce(cardinality(gone), 0);
END $$;

-- Another file in the place of one destroys it: as little as the evidence itself may that be, while its
-- uploader is under a legal hold.
CREATE FUNCTION keep_held_file() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    hold uuid := (SELECT h.id FROM legal_hold AS h WHERE h.person_id = OLD.uploader_person_id
        AND h.placed_on <= today() AND h.lifted_on > today() ORDER BY h.placed_on, h.id LIMIT 1);
BEGIN
    IF hold IS NOT NULL THEN
        PERFORM refuse_held(hold);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep_held_file BEFORE UPDATE OF file_id ON evidence
    FOR EACH ROW WHEN (OLD.file_id IS NOT NULL AND OLD.file_id IS DISTINCT FROM NEW.file_id)
    EXECUTE FUNCTION keep_held_file();

-- ---- of who was erased before ----

-- What nothing tied to them then goes now. As an erasure that is done again: the places have yet to say that
-- evidence has an uploader.
SELECT set_config('iqm.operation', 'repeat_erasure', true);
WITH gone AS (DELETE FROM evidence AS e USING person AS p
    WHERE p.id = e.uploader_person_id AND p.erased RETURNING e.id)
DELETE FROM history WHERE resource = 'evidence' AND person_id IS NULL AND id IN (SELECT id FROM gone);
DELETE FROM history AS h USING person AS p WHERE p.id = h.person_id AND p.erased;
SELECT set_config('iqm.operation', '', true);
