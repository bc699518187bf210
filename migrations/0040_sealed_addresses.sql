-- ---- where people sign in from ----

-- Sealed like what their browser says it is. Whether they have been there before is told by the blind
-- index of the subscriber behind it (an IPv4 address, the /64 of an IPv6 one). What stood there in
-- clear goes.
DROP FUNCTION find_sign_in(text, inet);
DROP FUNCTION list_own_sessions(uuid);
DROP FUNCTION grant_code(bytea, uuid, uuid, text, text, text, text, text[], inet, text, text);
DO $$
DECLARE
    one text;
BEGIN
    FOREACH one IN ARRAY '{authorization_code,session}'::text[] LOOP
        EXECUTE format('ALTER TABLE %I ALTER COLUMN address DROP NOT NULL, '
            'ALTER COLUMN address TYPE text COLLATE "C" USING NULL', one);
        EXECUTE format('ALTER TABLE %I ADD CHECK (is_sealed(address) AND length(address) <= 400)',
            one);
    END LOOP;
END $$;
ALTER TABLE session ADD COLUMN subscriber_index text COLLATE "C"
    GENERATED ALWAYS AS (blind_index(address)) STORED;
DROP FUNCTION subscriber_of(inet);

-- As in 0008.
CREATE FUNCTION list_own_sessions(current_session uuid) RETURNS json
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
    RETURN (SELECT ('[' || coalesce(string_agg(row_to_json(item)::text, ','), '') || ']')::json FROM (
        SELECT session.id, client_id, name AS client_name,
            time_text(session.created_at) AS created_at,
            time_text(session.last_used_at) AS last_used_at, address, agent,
            session.id IS NOT DISTINCT FROM current_session AS current
        FROM session JOIN client ON client.id = client_id
        WHERE account_id = own_account() AND session.revoked_at IS NULL AND (
            EXISTS (SELECT FROM token WHERE token.session_id = session.id
                AND token.revoked_at IS NULL
                AND (token.expires_at IS NULL OR token.expires_at > now()))
            OR EXISTS (SELECT FROM refresh_token WHERE refresh_token.session_id = session.id
                AND refresh_token.spent_at IS NULL AND refresh_token.expires_at > now()))
        ORDER BY session.last_used_at DESC, session.id DESC LIMIT 200) AS item);

CREATE FUNCTION find_sign_in(typed_index text, subscriber text)
    RETURNS TABLE (account uuid, password text, may boolean, trusted boolean, person uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
BEGIN ATOMIC
    SELECT account.id, credential.password, NOT suspended,
        EXISTS (SELECT FROM session WHERE account_id = account.id
            AND created_at > now() - interval '90 days' AND subscriber_index = subscriber),
        account.person_id
    FROM credential JOIN account ON account.id = credential.account_id
    WHERE sign_in_index = typed_index;
END;

-- As in 0007, but for `place`, which is sealed; null where the key was away.
CREATE FUNCTION grant_code(code bytea, caller uuid, person uuid, verified text, fresh text,
    redirect text, code_challenge text, wanted text[], place text, program text, request text)
    RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    PERFORM FROM account WHERE id = person AND NOT suspended FOR SHARE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM FROM credential WHERE account_id = person AND password = verified FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF fresh IS NOT NULL THEN
        UPDATE credential SET password = fresh WHERE account_id = person;
    END IF;
    INSERT INTO authorization_code
        (hash, client_id, account_id, redirect_uri, challenge, scopes, address, agent)
    VALUES (code, caller, person, redirect, code_challenge, wanted, place, program);
    PERFORM note_sign_in(person, caller, 'done', request, 'post_authorization');
    RETURN true;
END $$;
GRANT EXECUTE ON FUNCTION list_own_sessions(uuid), find_sign_in(text, text),
    grant_code(bytea, uuid, uuid, text, text, text, text, text[], text, text, text) TO iqm_server;
