-- The right to be forgotten (UK GDPR, Article 17). One transaction takes away what is a person's own and
-- leaves of the person a row with its id, so that what others recorded holds together; the places and
-- what happens to each are declared in the contract (personal_place). Afterwards the server destroys
-- the person's key, and with it every copy.

-- The ledger of erasures: ids, counts and grounds, nothing about a person.
CREATE TABLE erasure (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    doc json NOT NULL,
    written_by uuid,
    -- What anybody can verify: the certificate as a JWS (RFC 7515).
    certificate text NOT NULL,
    person_id uuid NOT NULL UNIQUE GENERATED ALWAYS AS ((doc->>'person_id')::uuid) STORED,
    erased_at text COLLATE "C" NOT NULL GENERATED ALWAYS AS (doc->>'erased_at') STORED
);
CREATE INDEX erasure_erased_at ON erasure (erased_at, id);
CALL protect_ledger('erasure', '{head_office}');

-- Row-level security binds the owner, too: what belongs to a person is counted wherever it stands.
DO $$
DECLARE
    name regclass;
BEGIN
    FOR name IN SELECT c.oid FROM pg_class AS c
            WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relrowsecurity
                AND NOT EXISTS (SELECT FROM pg_policy AS p WHERE p.polrelid = c.oid
                    AND p.polpermissive AND p.polcmd IN ('r', '*')
                    AND p.polroles && ARRAY[current_user::regrole::oid]) LOOP
        EXECUTE format('CREATE POLICY owner_reads ON %s FOR SELECT TO CURRENT_USER USING (true)',
            name);
    END LOOP;
END $$;

-- Nothing new is written about who was erased: an erasure holds the person FOR UPDATE, so who comes
-- meanwhile waits here, and finds nobody.
CREATE FUNCTION person_is_there() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    PERFORM FROM person WHERE id = NEW.person_id AND NOT erased FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'There is no such person.'
            USING ERRCODE = '23503', CONSTRAINT = TG_TABLE_NAME || '_person_id_fkey';
    END IF;
    RETURN NULL;
END $$;

-- Who put evidence there: it goes with that person. Who holds no account any more puts none.
ALTER TABLE evidence ADD COLUMN uploaded_by uuid;
UPDATE evidence SET uploaded_by = coalesce((SELECT h.actor FROM history AS h
    WHERE h.resource = 'evidence' AND h.id = evidence.id AND h.version = 1), written_by);
CREATE INDEX evidence_uploaded_by ON evidence (uploaded_by);

CREATE FUNCTION note_uploader() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    PERFORM FROM account WHERE id = NEW.written_by FOR KEY SHARE;
    IF NOT FOUND AND NOT EXISTS (SELECT FROM client WHERE id = NEW.written_by)
        AND NOT EXISTS (SELECT FROM token WHERE id = NEW.written_by) THEN
        RAISE EXCEPTION 'This account is suspended or gone.' USING ERRCODE = 'IQ403';
    END IF;
    NEW.uploaded_by := NEW.written_by;
    RETURN NEW;
END $$;
CREATE TRIGGER note_uploader BEFORE INSERT ON evidence
    FOR EACH ROW WHEN (NEW.written_by IS NOT NULL) EXECUTE FUNCTION note_uploader();
CREATE TRIGGER note_uploader_of_file BEFORE UPDATE OF file_id ON evidence
    FOR EACH ROW WHEN (NEW.written_by IS NOT NULL AND OLD.file_id IS DISTINCT FROM NEW.file_id)
    EXECUTE FUNCTION note_uploader();

DO $$
DECLARE
    name regclass;
BEGIN
    FOREACH name IN ARRAY '{account,ambassador,enquiry,consent_record,privacy_request,legal_hold}'
            ::regclass[] LOOP
        EXECUTE format('CREATE CONSTRAINT TRIGGER person_is_there AFTER INSERT ON %s '
            'FOR EACH ROW EXECUTE FUNCTION person_is_there()', name);
    END LOOP;
END $$;

-- How many rows of a person each place has, and what an erasure does with them.
CREATE FUNCTION count_places(person uuid) RETURNS TABLE (place text, on_erasure text, count bigint,
        ground text)
    LANGUAGE plpgsql STABLE
AS $$
DECLARE
    one personal_place%ROWTYPE;
BEGIN
    FOR one IN SELECT * FROM personal_place WHERE condition IS NOT NULL ORDER BY ordinal LOOP
        EXECUTE format('SELECT count(*) FROM %I WHERE %s', one.name, one.condition)
        INTO count USING person;
        IF count > 0 THEN
            place := one.name;
            on_erasure := one.on_erasure;
            ground := one.ground;
            RETURN NEXT;
        END IF;
    END LOOP;
END $$;

CREATE FUNCTION has_documents(name text) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN EXISTS (SELECT FROM pg_attribute
        WHERE attrelid = format('public.%I', name)::regclass AND attname = 'doc')
        AND name <> 'history';

-- Takes the rows of one place away. Of documents, with the versions that this leaves in history.
CREATE FUNCTION delete_place(place text, condition text, person uuid) RETURNS bigint
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
    DELETE FROM history WHERE resource = place AND id = ANY (gone);
    RETURN coalesce(cardinality(gone), 0);
END $$;

CREATE FUNCTION anonymise_person(person uuid) RETURNS void
    LANGUAGE plpgsql
AS $$
BEGIN
    UPDATE person AS p SET version = p.version + 1, doc = json_build_object('id', p.id,
        'version', p.version + 1, 'erased_at', time_text(now()))
    WHERE p.id = anonymise_person.person;
    DELETE FROM history WHERE resource = 'person' AND id = anonymise_person.person;
END $$;

-- Goes through the places in their order; what was done, place by place. Who erases holds the person.
CREATE FUNCTION erase_places(person uuid) RETURNS json
    LANGUAGE plpgsql
AS $$
DECLARE
    one record;
    erased json[] := '{}';
    kept json[] := '{}';
BEGIN
    FOR one IN SELECT c.*, p.condition FROM count_places(person) AS c
            JOIN personal_place AS p ON p.name = c.place ORDER BY p.ordinal LOOP
        IF one.on_erasure = 'keep' THEN
            kept := kept || json_build_object('place', one.place, 'rows', one.count,
                'ground', one.ground);
            CONTINUE;
        ELSIF one.on_erasure = 'anonymise' THEN
            PERFORM anonymise_person(person);
        ELSE
            PERFORM delete_place(one.place, one.condition, person);
        END IF;
        erased := erased || json_build_object('place', one.place, 'rows', one.count);
    END LOOP;
    RETURN json_build_object('erased', array_to_json(erased), 'kept', array_to_json(kept));
END $$;

-- Who was given what is known about a person: to be told of the erasure (Article 19).
CREATE FUNCTION recipients_of(person uuid) RETURNS json
    LANGUAGE sql STABLE
    RETURN (SELECT coalesce(json_agg(json_build_object('recipient_id', r.recipient_id,
            'kind', r.kind, 'what', r.what, 'first_at', time_text(r.first_at),
            'last_at', time_text(r.last_at)) ORDER BY r.first_at, r.recipient_id, r.what), '[]')
        FROM (SELECT * FROM recipient WHERE person_id = person
            ORDER BY first_at, recipient_id, what LIMIT 1000) AS r);

-- Holds a person and the accounts, in this order, so that who writes in their name meanwhile waits and
-- then finds nobody. False: there is no such person.
CREATE FUNCTION hold_person(person uuid) RETURNS boolean
    LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM FROM account AS a WHERE a.person_id = hold_person.person FOR UPDATE;
    PERFORM FROM person AS p WHERE p.id = hold_person.person AND NOT p.erased FOR UPDATE;
    RETURN FOUND;
END $$;

-- What an erasure would do. Outcome: unknown, or shown.
CREATE FUNCTION preview_erasure(person uuid) RETURNS json
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    IF NOT acts_for_head_office() OR NOT EXISTS (SELECT FROM person AS p
            WHERE p.id = preview_erasure.person AND NOT p.erased) THEN
        RETURN NULL;
    END IF;
    RETURN json_strip_nulls(json_build_object('person_id', person, 'erased', (SELECT coalesce(json_agg(json_build_object('place', c.place, 'rows', c.count)),
            '[]') FROM count_places(person) AS c WHERE c.on_erasure <> 'keep'),
        'kept', (SELECT coalesce(json_agg(json_build_object('place', c.place, 'rows', c.count,
            'ground', c.ground)), '[]') FROM count_places(person) AS c WHERE c.on_erasure = 'keep'),
        'same_address', (SELECT coalesce(json_agg(other.id ORDER BY other.id), '[]')
            FROM person AS one JOIN person AS other ON other.email_index = one.email_index
            WHERE one.id = person AND other.id <> person AND NOT other.erased),
        'recipients', recipients_of(person), 'hold', hold_of(person)));
END $$;

-- Erases, but for the key. Outcome: unknown; held, with the hold; request, where that is none of this
-- person for an erasure; or erased, with what was done.
CREATE FUNCTION erase_person(person uuid, request uuid, OUT outcome text, OUT detail json)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    recipients json;
BEGIN
    IF NOT acts_for_head_office() OR NOT hold_person(person) THEN
        outcome := 'unknown';
        RETURN;
    END IF;
    detail := hold_of(person);
    IF detail IS NOT NULL THEN
        outcome := 'held';
    ELSIF request IS NOT NULL AND NOT EXISTS (SELECT FROM privacy_request AS r WHERE r.id = request
            AND r.person_id = erase_person.person AND r.kind = 'erasure') THEN
        outcome := 'request';
    ELSE
        recipients := recipients_of(person);
        outcome := 'erased';
        detail := (SELECT json_build_object('erased', done->'erased', 'kept', done->'kept',
            'recipients', recipients) FROM erase_places(person) AS done);
    END IF;
END $$;

-- Enters an erasure in the ledger, in the transaction that made it.
CREATE FUNCTION record_erasure(entry json, signed text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM person AS p WHERE p.id = (entry->>'person_id')::uuid AND p.erased) THEN
        RAISE EXCEPTION 'Nobody was erased.' USING ERRCODE = 'IQ403';
    END IF;
    INSERT INTO erasure (id, version, doc, written_by, certificate)
    VALUES ((entry->>'id')::uuid, 1, entry, nullif(current_setting('iqm.actor', true), '')::uuid,
        signed);
END $$;

CREATE FUNCTION read_erasure_certificate(wanted uuid) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
    RETURN (SELECT e.certificate FROM erasure AS e WHERE e.id = wanted);

-- ---- agreeing with the key database's log ----

-- Which of these erasures the ledger lacks: after a restore from an older backup.
CREATE FUNCTION missing_erasures(ids uuid[]) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
BEGIN ATOMIC
    SELECT id FROM unnest(ids) AS id WHERE NOT EXISTS (SELECT FROM erasure AS e WHERE e.id = id);
END;

-- Does again what the log says was done: the key is gone already, so nothing can stand against it.
CREATE FUNCTION repeat_erasure(entry json, signed text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    who uuid := entry->>'person_id';
BEGIN
    PERFORM set_config('iqm.roles', '', true), set_config('iqm.actor', '', true),
        set_config('iqm.client', '', true), set_config('iqm.operation', 'repeat_erasure', true);
    IF hold_person(who) THEN
        PERFORM erase_places(who);
    END IF;
    INSERT INTO erasure (id, version, doc, certificate)
    VALUES ((entry->>'id')::uuid, 1, entry, signed) ON CONFLICT DO NOTHING;
END $$;

-- The ledger page by page, for the log.
CREATE FUNCTION list_erasures(after uuid, most integer) RETURNS TABLE (id uuid, person_id uuid,
        doc json, certificate text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
BEGIN ATOMIC
    SELECT e.id, e.person_id, e.doc, e.certificate FROM erasure AS e
    WHERE e.id > after ORDER BY e.id LIMIT most;
END;
GRANT EXECUTE ON FUNCTION preview_erasure(uuid), erase_person(uuid, uuid), record_erasure(json, text),
    read_erasure_certificate(uuid), missing_erasures(uuid[]), repeat_erasure(json, text),
    list_erasures(uuid, integer) TO iqm_server;

-- What an erasure takes away beside what functions of the owner write anyway.
CREATE POLICY owner_erases ON enquiry FOR DELETE TO CURRENT_USER USING (true);
CREATE POLICY owner_erases ON legal_hold FOR DELETE TO CURRENT_USER USING (true);
CREATE POLICY owner_erases ON evidence FOR DELETE TO CURRENT_USER USING (true);
CREATE POLICY owner_erases ON evidence_chunk FOR DELETE TO CURRENT_USER USING (true);
