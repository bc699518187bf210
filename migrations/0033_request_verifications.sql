-- Requests about personal data that somebody makes without signing in. They count once they are
-- confirmed with a code that is mailed to the address on file.

-- Whom it may concern, with what was said sealed as in the record that comes of it, is kept beside it.
CREATE TABLE request_verification (
    id uuid PRIMARY KEY,
    email_index text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    hash bytea NOT NULL CHECK (length(hash) = 32),
    mailed boolean NOT NULL,
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts BETWEEN 0 AND 5),
    confirmed boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX request_verification_email ON request_verification (email_index, created_at);
CREATE INDEX request_verification_created ON request_verification (created_at);
CALL keep_from_server('request_verification');

CREATE TABLE request_verification_person (
    holder_id uuid NOT NULL REFERENCES request_verification ON DELETE CASCADE,
    held_id uuid NOT NULL REFERENCES person ON DELETE CASCADE,
    details text COLLATE "C" CHECK (is_sealed(details)),
    PRIMARY KEY (holder_id, held_id)
);
CREATE INDEX request_verification_person_held ON request_verification_person (held_id);
CALL keep_from_server('request_verification_person');

-- Those who have the address of this index, at most ten, and ids of nobody up to eleven: so one at
-- least is nobody's, and keys of all are asked for, whoever's a server remembers.
CREATE FUNCTION find_request_people(address text) RETURNS TABLE (person_id uuid, known boolean)
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public
BEGIN ATOMIC
    SELECT id, known FROM (
        (SELECT person.id, true AS known FROM person
            WHERE person.email_index = address AND NOT person.erased ORDER BY person.id LIMIT 10)
        UNION ALL SELECT gen_random_uuid(), false FROM generate_series(1, 11)) AS found
    LIMIT 11;
END;

-- Three codes an hour go to an address, whoever asks for them: beyond that, all is done but the mail.
-- Who asks is told nothing of it.
CREATE FUNCTION begin_request_verification(verification uuid, address text, kind text, hash bytea,
    people json, mail text) RETURNS timestamptz
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    may_mail boolean;
    good_until timestamptz := date_trunc('milliseconds', now() + interval '30 minutes');
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('request_verification' || address, 0));
    may_mail := (SELECT count(*) FROM request_verification AS v WHERE v.email_index = address
        AND v.mailed AND v.created_at > now() - interval '1 hour') < 3;
    INSERT INTO request_verification (id, email_index, kind, hash, mailed, expires_at)
    VALUES (verification, address, begin_request_verification.kind,
        begin_request_verification.hash, may_mail, good_until);
    INSERT INTO request_verification_person (holder_id, held_id, details)
    SELECT verification, (one->>'person_id')::uuid, one->>'details'
    FROM json_array_elements(people) AS one;
    PERFORM enqueue_mail(CASE WHEN may_mail THEN (people->0->>'person_id')::uuid END,
        'request_code', mail);
    RETURN good_until;
END $$;

-- As everything that is over: called now and then by the server.
CREATE FUNCTION forget_request_verifications() RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public
BEGIN ATOMIC
    DELETE FROM request_verification WHERE id IN (SELECT id FROM request_verification
        WHERE created_at < now() - interval '1 hour' LIMIT 5000 FOR UPDATE SKIP LOCKED);
END;

-- A record for each person, as the rules of privacy_request make it; true where the code was right.
-- An id, a code that was right before, one that is too late and the sixth try are all like a wrong
-- one. Hashes are keyed: how long comparing them takes tells nothing of the code.
CREATE FUNCTION confirm_request_verification(verification uuid, hash bytea, received_on date,
    due_on date, acknowledge_by date, request_id text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    noted request_verification%ROWTYPE;
    complains boolean;
    made text := time_text(now());
BEGIN
    UPDATE request_verification SET attempts = attempts + 1
    WHERE id = verification AND attempts < 5 AND expires_at > now() AND NOT confirmed
    RETURNING * INTO noted;
    IF NOT FOUND OR noted.hash <> confirm_request_verification.hash THEN
        RETURN false;
    END IF;
    UPDATE request_verification SET confirmed = true WHERE id = verification;
    complains := noted.kind = 'complaint';
    PERFORM set_config('iqm.roles', '', true), set_config('iqm.actor', '', true),
        set_config('iqm.client', '', true),
        set_config('iqm.operation', 'confirm_request_verification', true),
        set_config('iqm.request_id', confirm_request_verification.request_id, true);
    INSERT INTO privacy_request (id, version, doc)
    SELECT new.id, 1, ('{"id":"' || new.id || '","version":1,"created_at":"' || made
        || '","updated_at":"' || made || '","person_id":"' || p.held_id
        || '","kind":"' || noted.kind || '"' || coalesce(',"details":' || to_json(p.details), '')
        || ',"received_on":"' || confirm_request_verification.received_on
        || '","channel":"public","due_on":"' || confirm_request_verification.due_on
        || '","paused_days":0,"extended":false'
        || CASE WHEN complains THEN ',"acknowledge_by":"'
            || confirm_request_verification.acknowledge_by || '"' ELSE '' END
        || ',"status":"received","transitions":[]}')::json
    FROM request_verification_person AS p
        JOIN person ON person.id = p.held_id AND NOT person.erased,
        LATERAL (SELECT uuid7() AS id WHERE p.held_id IS NOT NULL) AS new
    WHERE p.holder_id = verification;
    DELETE FROM request_verification_person WHERE holder_id = verification;
    RETURN true;
END $$;

GRANT EXECUTE ON FUNCTION find_request_people(text), forget_request_verifications(),
    begin_request_verification(uuid, text, text, bytea, json, text),
    confirm_request_verification(uuid, bytea, date, date, date, text) TO iqm_server;
