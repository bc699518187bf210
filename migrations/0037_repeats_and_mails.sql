-- Which of these erasures the ledger lacks: after a restore from an older backup. Asked of each by its
-- own id: what 0034 compared was the ledger's id with itself, so that once the ledger had any entry,
-- none was found missing.
CREATE OR REPLACE FUNCTION missing_erasures(ids uuid[]) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
BEGIN ATOMIC
    SELECT given.id FROM unnest(missing_erasures.ids) AS given (id)
    WHERE NOT EXISTS (SELECT FROM erasure AS e WHERE e.id = given.id);
END;

-- ---- what a browser says it is ----

-- Sealed under the person's key as all that identifies people. What stood there in clear goes.
DO $$
DECLARE
    one text;
BEGIN
    FOREACH one IN ARRAY '{authorization_code,session}'::text[] LOOP
        EXECUTE format('UPDATE %1$I SET agent = NULL WHERE agent IS NOT NULL', one);
        EXECUTE format('ALTER TABLE %1$I DROP CONSTRAINT %2$I, '
            'ADD CONSTRAINT %2$I CHECK (is_sealed(agent) AND length(agent) <= 400)', one,
            one || '_agent_check');
    END LOOP;
END $$;

DROP FUNCTION find_sign_in(text, inet);
CREATE FUNCTION find_sign_in(typed_index text, place inet)
    RETURNS TABLE (account uuid, password text, may boolean, trusted boolean, person uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
BEGIN ATOMIC
    SELECT account.id, credential.password, NOT suspended,
        EXISTS (SELECT FROM session WHERE account_id = account.id
            AND created_at > now() - interval '90 days'
            AND subscriber_of(address) = subscriber_of(place)),
        account.person_id
    FROM credential JOIN account ON account.id = credential.account_id
    WHERE sign_in_index = typed_index;
END;
GRANT EXECUTE ON FUNCTION find_sign_in(text, inet) TO iqm_server;

-- ---- who uploads ----

-- An erasure holds the account and then the evidence: who uploads holds them in the same order.
CREATE FUNCTION hold_uploader() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    PERFORM FROM account WHERE id = nullif(current_setting('iqm.actor', true), '')::uuid
    FOR KEY SHARE;
END $$;
GRANT EXECUTE ON FUNCTION hold_uploader() TO iqm_server;
