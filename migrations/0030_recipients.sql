-- Who was given data about whom: what an erasure tells, so that they can be asked to erase it, too.

CREATE TABLE recipient (
    person_id uuid NOT NULL REFERENCES person ON DELETE CASCADE,
    recipient_id uuid NOT NULL,
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('account', 'client', 'token')),
    what text COLLATE "C" NOT NULL CHECK (length(what) BETWEEN 1 AND 60),
    first_at timestamptz NOT NULL DEFAULT now(),
    last_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (person_id, recipient_id, what)
);
CREATE INDEX recipient_of ON recipient (recipient_id);
CALL keep_from_server('recipient');

-- Of people who are there, and in one order, so that two that note the same do not lock each other
-- out.
CREATE FUNCTION add_recipients(people uuid[], recipients uuid[], given text) RETURNS void
    LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO recipient AS known (person_id, recipient_id, kind, what)
    SELECT person.id, to_whom, CASE WHEN EXISTS (SELECT FROM account WHERE id = to_whom) THEN 'account'
        WHEN EXISTS (SELECT FROM client WHERE id = to_whom) THEN 'client' ELSE 'token' END, given
    FROM (SELECT DISTINCT pair.person_id, pair.to_whom
            FROM unnest(people, recipients) AS pair (person_id, to_whom)) AS new
        JOIN person ON person.id = new.person_id
    WHERE to_whom IS NOT NULL AND NOT person.erased
    ORDER BY person.id, to_whom
    ON CONFLICT (person_id, recipient_id, what) DO UPDATE SET last_at = now();
END;

-- That the caller of this transaction, and the client through which the call came, were given it.
CREATE FUNCTION note_recipients(ids uuid[], what text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    caller uuid := nullif(current_setting('iqm.actor', true), '')::uuid;
    through uuid := nullif(current_setting('iqm.client', true), '')::uuid;
BEGIN
    IF coalesce(current_setting('iqm.roles', true), '') NOT IN ('', '{}') THEN
        PERFORM add_recipients(ids || ids, array_fill(caller, ARRAY[cardinality(ids)])
            || array_fill(through, ARRAY[cardinality(ids)]), note_recipients.what);
    END IF;
END $$;

-- That these people were read through the API by these clients, pair by pair.
CREATE FUNCTION note_client_reads(people uuid[], clients uuid[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    PERFORM add_recipients(people, clients, 'api');
END $$;
GRANT EXECUTE ON FUNCTION note_recipients(uuid[], text), note_client_reads(uuid[], uuid[])
    TO iqm_server;
