-- Recipients are also the endpoints of webhooks, which are told of people by their ids, programs with
-- an operator's token, and the operator, who has everything written into a file. Whom it is about may
-- be gone by the time that it is noted: erased, or deleted.

ALTER TABLE recipient DROP CONSTRAINT recipient_kind_check,
    ADD CHECK (kind IN ('account', 'client', 'token', 'webhook_endpoint', 'operator'));

-- No record stands for the operator.
CREATE FUNCTION operator_id() RETURNS uuid
    LANGUAGE sql IMMUTABLE
    RETURN '00000000-0000-0000-0000-000000000000'::uuid;

-- In one order, so that two that note the same do not lock each other out.
CREATE OR REPLACE FUNCTION add_recipients(people uuid[], recipients uuid[], given text) RETURNS void
    LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO recipient AS known (person_id, recipient_id, kind, what)
    SELECT new.person_id, to_whom, CASE WHEN to_whom = operator_id() THEN 'operator'
        WHEN EXISTS (SELECT FROM account WHERE id = to_whom) THEN 'account'
        WHEN EXISTS (SELECT FROM client WHERE id = to_whom) THEN 'client'
        WHEN EXISTS (SELECT FROM webhook_endpoint WHERE id = to_whom) THEN 'webhook_endpoint'
        ELSE 'token' END, given
    FROM (SELECT DISTINCT pair.person_id, pair.to_whom
            FROM unnest(people, recipients) AS pair (person_id, to_whom)) AS new
    WHERE new.person_id IS NOT NULL AND to_whom IS NOT NULL
    ORDER BY new.person_id, to_whom
    ON CONFLICT (person_id, recipient_id, what) DO UPDATE SET last_at = now();
END;

-- That the operator has these people written into a file (iqmd export), before they are.
CREATE FUNCTION note_programme_export(people uuid[]) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public
BEGIN ATOMIC
    SELECT add_recipients(people, array_fill(operator_id(), ARRAY[cardinality(people)]), 'iqmd export');
END;
GRANT EXECUTE ON FUNCTION note_programme_export(uuid[]) TO iqm_server;
