-- Signing in at a registered client: authorization codes and refresh tokens, and the functions that
-- spend them. Each takes keyed hashes, never a secret, and does one step whole; the server may call
-- them and nothing else here. Locks are taken in one order: client, account, credential, code or
-- refresh token, session, token.
-- Source: RFC 6749, RFC 7009, RFC 7636, RFC 7662, RFC 9700 (best current practice).

CREATE TABLE authorization_code (
    hash bytea PRIMARY KEY CHECK (length(hash) = 32),
    client_id uuid NOT NULL REFERENCES client ON DELETE CASCADE,
    account_id uuid NOT NULL REFERENCES account ON DELETE CASCADE,
    redirect_uri text, -- as it was sent; null when it was not
    challenge text NOT NULL CHECK (length(challenge) = 43),
    scopes text[] NOT NULL,
    address inet NOT NULL, -- where the person sat
    agent text CHECK (length(agent) <= 200),
    expires_at timestamptz NOT NULL DEFAULT now() + interval '60 seconds',
    spent_at timestamptz,
    session_id uuid REFERENCES session ON DELETE SET NULL -- what came of it
);
CREATE INDEX authorization_code_account ON authorization_code (account_id);
CREATE INDEX authorization_code_client ON authorization_code (client_id);
CREATE INDEX authorization_code_session ON authorization_code (session_id);
CALL keep_from_server('authorization_code');

-- Spent ones are kept until they would have expired, to know them when they come again.
CREATE TABLE refresh_token (
    hash bytea PRIMARY KEY CHECK (length(hash) = 32),
    session_id uuid NOT NULL REFERENCES session ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    spent_at timestamptz
);
CREATE INDEX refresh_token_session ON refresh_token (session_id);
CALL keep_from_server('refresh_token');

-- A code got with a password that is no longer the password is worth nothing.
CREATE FUNCTION credential_voids_codes() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    DELETE FROM authorization_code WHERE account_id = NEW.account_id AND spent_at IS NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER credential_voids_codes AFTER UPDATE ON credential
    FOR EACH ROW WHEN (OLD.changed_at IS DISTINCT FROM NEW.changed_at)
    EXECUTE FUNCTION credential_voids_codes();

-- Nor is one that was got before all sign-ins of the account were ended.
CREATE OR REPLACE FUNCTION end_sessions(account uuid, except_session uuid DEFAULT NULL) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public
BEGIN ATOMIC
    DELETE FROM authorization_code WHERE account_id = account AND spent_at IS NULL;
    UPDATE session SET revoked_at = now()
    WHERE account_id = account AND revoked_at IS NULL AND id IS DISTINCT FROM except_session;
    UPDATE token SET revoked_at = now()
    WHERE account_id = account AND revoked_at IS NULL AND session_id IS DISTINCT FROM except_session;
END;

-- ---- helpers of the owner ----

-- What counts as one place: an IPv4 address, or the /64 of an IPv6 one.
CREATE FUNCTION subscriber_of(address inet) RETURNS cidr
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN network(set_masklen(address, CASE family(address) WHEN 4 THEN 32 ELSE 64 END));

-- A public client has no secret and shows none; a confidential one shows its own.
CREATE FUNCTION client_is(caller uuid, secret bytea) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
    RETURN EXISTS (SELECT FROM client LEFT JOIN client_secret ON client_id = client.id
        WHERE client.id = caller
            AND CASE kind WHEN 'public' THEN secret IS NULL ELSE client_secret.hash = secret END);

-- The same, for who makes tokens: until they are made, the client does not change.
CREATE FUNCTION client_may_get_tokens(caller uuid, secret bytea) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    PERFORM FROM client WHERE id = caller FOR SHARE;
    RETURN client_is(caller, secret);
END $$;

CREATE FUNCTION end_session(ended uuid) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public
BEGIN ATOMIC
    UPDATE session SET revoked_at = now() WHERE id = ended AND revoked_at IS NULL;
    UPDATE token SET revoked_at = now() WHERE session_id = ended AND revoked_at IS NULL;
END;

-- An access token for an hour, for a client and perhaps a session.
CREATE FUNCTION make_access_token(access bytea, caller uuid, of_session uuid, good_for text[])
    RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public
BEGIN ATOMIC
    INSERT INTO token (id, hash, name, roles, scopes, account_id, client_id, session_id, expires_at)
    SELECT uuid7(), access, client.name, '{client}'::text[], good_for, session.account_id, client.id,
        session.id, now() + interval '1 hour'
    FROM client LEFT JOIN session ON session.id = of_session
    WHERE client.id = caller;
END;

CREATE FUNCTION make_refresh_token(refresh bytea, of_session uuid) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public
BEGIN ATOMIC
    INSERT INTO refresh_token (hash, session_id, expires_at)
    SELECT refresh, id, least(now() + interval '30 days', created_at + interval '1 year')
    FROM session WHERE id = of_session;
END;

CREATE FUNCTION scopes_in_both(these text[], those text[]) RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ARRAY(SELECT one FROM unnest(these) AS one WHERE one = ANY (those) ORDER BY one);

-- ---- what a client's change brings with it ----

-- Tokens that it holds for itself.
CREATE FUNCTION end_client_tokens(ended uuid) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public
BEGIN ATOMIC
    UPDATE token SET revoked_at = now()
    WHERE client_id = ended AND account_id IS NULL AND revoked_at IS NULL;
END;

-- Scopes that it loses its tokens and sign-ins lose at once, and for good; without any left, they
-- end. A code sent to an address that it no longer has is nobody's. Who cannot keep a secret has
-- none, and does not act for itself.
CREATE FUNCTION client_rules_tokens() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    IF NOT OLD.redirect_uris <@ NEW.redirect_uris THEN
        DELETE FROM authorization_code WHERE client_id = NEW.id AND spent_at IS NULL;
    END IF;
    IF NOT OLD.scopes <@ NEW.scopes THEN
        UPDATE session SET scopes = scopes_in_both(scopes, NEW.scopes),
            revoked_at = CASE WHEN NOT scopes && NEW.scopes THEN now() END
        WHERE client_id = NEW.id AND revoked_at IS NULL AND NOT scopes <@ NEW.scopes;
        UPDATE token SET scopes = scopes_in_both(scopes, NEW.scopes),
            revoked_at = CASE WHEN NOT scopes && NEW.scopes THEN now() END
        WHERE client_id = NEW.id AND revoked_at IS NULL AND NOT scopes <@ NEW.scopes;
    END IF;
    IF NEW.kind = 'public' AND OLD.kind <> 'public' THEN
        DELETE FROM client_secret WHERE client_id = NEW.id;
        PERFORM end_client_tokens(NEW.id);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER client_rules_tokens AFTER UPDATE ON client
    FOR EACH ROW EXECUTE FUNCTION client_rules_tokens();

-- A secret is changed because others may know it: so may they have got tokens with it. Who signed
-- in stays: to refresh that, the new secret is needed.
CREATE FUNCTION secret_rules_tokens() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    PERFORM end_client_tokens(OLD.client_id);
    RETURN NULL;
END $$;
CREATE TRIGGER secret_rules_tokens AFTER UPDATE OR DELETE ON client_secret
    FOR EACH ROW EXECUTE FUNCTION secret_rules_tokens();

-- ---- what the server calls ----

CREATE FUNCTION find_client(wanted uuid)
    RETURNS TABLE (name text, redirect_uris text, scopes text[])
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
BEGIN ATOMIC
    SELECT client.name, doc->>'redirect_uris', client.scopes FROM client WHERE id = wanted;
END;

-- Who signs in with a name. `may` is false for who is suspended; `trusted` says that the person has
-- signed in from this place before.
CREATE FUNCTION find_sign_in(typed text, place inet)
    RETURNS TABLE (account uuid, password text, may boolean, trusted boolean)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
BEGIN ATOMIC
    SELECT account.id, credential.password, NOT suspended,
        EXISTS (SELECT FROM session WHERE account_id = account.id
            AND created_at > now() - interval '90 days'
            AND subscriber_of(address) = subscriber_of(place))
    FROM credential JOIN account ON account.id = credential.account_id
    WHERE sign_in_name = lower(typed COLLATE "C");
END;

-- Makes a code, for who has just shown the password that `verified` is the hash of; keeps `fresh`
-- in its place where that is given. False when the account was suspended or its password changed
-- meanwhile.
CREATE FUNCTION grant_code(code bytea, caller uuid, person uuid, verified text, fresh text,
    redirect text, code_challenge text, wanted text[], place inet, program text, request text)
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

-- Exchanges a code for tokens. It is spent by whoever shows it, whatever comes of that; shown
-- again, it ends what came of it.
CREATE FUNCTION redeem_code(caller uuid, secret bytea, code bytea, redirect text, verifier text,
    access bytea, refresh bytea, request text)
    RETURNS TABLE (outcome text, granted text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    person uuid := (SELECT account_id FROM authorization_code WHERE hash = code);
    may boolean;
    found_code authorization_code;
    good_for text[];
    made uuid := uuid7();
BEGIN
    IF NOT client_may_get_tokens(caller, secret) THEN
        RETURN QUERY SELECT 'client', NULL;
        RETURN;
    END IF;
    SELECT NOT suspended INTO may FROM account WHERE id = person FOR SHARE;
    PERFORM FROM credential WHERE account_id = person FOR SHARE;
    SELECT * INTO found_code FROM authorization_code WHERE hash = code FOR UPDATE;
    IF found_code.hash IS NULL THEN
        RETURN QUERY SELECT 'grant', NULL;
        RETURN;
    END IF;
    IF found_code.spent_at IS NOT NULL THEN
        PERFORM end_session(found_code.session_id);
        PERFORM note_sign_in(person, caller, 'denied', request, 'create_token');
        RETURN QUERY SELECT 'grant', NULL;
        RETURN;
    END IF;
    good_for := scopes_in_both(found_code.scopes, (SELECT scopes FROM client WHERE id = caller));
    IF found_code.client_id <> caller OR found_code.expires_at < now() OR NOT may
        OR found_code.redirect_uri IS NOT NULL
            AND found_code.redirect_uri IS DISTINCT FROM redirect
        OR found_code.challenge <> verifier OR good_for = '{}' THEN
        UPDATE authorization_code SET spent_at = now() WHERE hash = code;
        RETURN QUERY SELECT 'grant', NULL;
        RETURN;
    END IF;
    INSERT INTO session (id, account_id, client_id, scopes, address, agent)
    VALUES (made, person, caller, good_for, found_code.address, found_code.agent);
    UPDATE authorization_code SET spent_at = now(), session_id = made WHERE hash = code;
    PERFORM make_access_token(access, caller, made, good_for);
    PERFORM make_refresh_token(refresh, made);
    PERFORM record_audit(person::text, NULL, caller::text, 'create_token', 'session', made, NULL,
        request, 'done');
    RETURN QUERY SELECT 'done', array_to_string(good_for, ' ');
END $$;

-- Exchanges a refresh token for the next one and an access token. Shown again after that, it ends
-- the session: somebody has a copy, and who that is cannot be told.
CREATE FUNCTION refresh_session(caller uuid, secret bytea, old bytea, wanted text[], access bytea,
    refresh bytea, request text)
    RETURNS TABLE (outcome text, granted text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    person uuid := (SELECT account_id FROM refresh_token JOIN session ON session.id = session_id
        WHERE hash = old AND client_id = caller);
    may boolean;
    found_token refresh_token;
    found_session session;
    good_for text[];
BEGIN
    IF NOT client_may_get_tokens(caller, secret) THEN
        RETURN QUERY SELECT 'client', NULL;
        RETURN;
    END IF;
    SELECT NOT suspended INTO may FROM account WHERE id = person FOR SHARE;
    IF may IS NOT TRUE THEN
        RETURN QUERY SELECT 'grant', NULL;
        RETURN;
    END IF;
    SELECT * INTO found_token FROM refresh_token WHERE hash = old FOR UPDATE;
    SELECT * INTO found_session FROM session WHERE id = found_token.session_id FOR NO KEY UPDATE;
    IF found_token.spent_at IS NOT NULL THEN
        PERFORM end_session(found_session.id);
        PERFORM note_sign_in(person, caller, 'denied', request, 'create_token');
    END IF;
    IF found_token.spent_at IS NOT NULL OR found_session.revoked_at IS NOT NULL
        OR found_session.id IS NULL OR found_token.expires_at < now() THEN
        RETURN QUERY SELECT 'grant', NULL;
        RETURN;
    END IF;
    good_for := scopes_in_both(coalesce(wanted, found_session.scopes),
        (SELECT scopes FROM client WHERE id = caller));
    IF good_for = '{}' OR NOT coalesce(wanted, '{}') <@ found_session.scopes THEN
        RETURN QUERY SELECT 'scope', NULL;
        RETURN;
    END IF;
    UPDATE refresh_token SET spent_at = now() WHERE hash = old;
    UPDATE session SET last_used_at = now() WHERE id = found_session.id;
    PERFORM make_access_token(access, caller, found_session.id, good_for);
    PERFORM make_refresh_token(refresh, found_session.id);
    RETURN QUERY SELECT 'done', array_to_string(good_for, ' ');
END $$;

-- A token for a confidential client that acts for itself.
CREATE FUNCTION issue_client_token(caller uuid, secret bytea, wanted text[], access bytea)
    RETURNS TABLE (outcome text, granted text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    may boolean := client_may_get_tokens(caller, secret);
    allowed text[] := (SELECT scopes FROM client WHERE id = caller);
    good_for text[] := scopes_in_both(coalesce(wanted, allowed), allowed);
BEGIN
    IF NOT may THEN
        RETURN QUERY SELECT 'client', NULL;
    ELSIF secret IS NULL THEN
        RETURN QUERY SELECT 'public', NULL;
    ELSIF NOT coalesce(wanted, '{}') <@ allowed THEN
        RETURN QUERY SELECT 'scope', NULL;
    ELSE
        PERFORM make_access_token(access, caller, NULL, good_for);
        RETURN QUERY SELECT 'done', array_to_string(good_for, ' ');
    END IF;
END $$;

-- Ends an access token, or the session of a refresh token, if it is this client's.
CREATE FUNCTION revoke_token(caller uuid, secret bytea, shown bytea, request text)
    RETURNS TABLE (outcome text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    who uuid;
    what uuid;
BEGIN
    IF NOT client_is(caller, secret) THEN
        RETURN QUERY SELECT 'client';
        RETURN;
    END IF;
    UPDATE session SET revoked_at = now()
    WHERE id = (SELECT session_id FROM refresh_token WHERE hash = shown)
        AND client_id = caller AND revoked_at IS NULL
    RETURNING account_id, id INTO who, what;
    IF FOUND THEN
        PERFORM end_session(what);
        PERFORM record_audit(who::text, NULL, caller::text, 'revoke_token', 'session', what, NULL,
            request, 'done');
    END IF;
    UPDATE token SET revoked_at = now()
    WHERE hash = shown AND client_id = caller AND revoked_at IS NULL
    RETURNING actor, id INTO who, what;
    IF FOUND THEN
        PERFORM record_audit(who::text, NULL, caller::text, 'revoke_token', 'token', what, NULL,
            request, 'done');
    END IF;
    RETURN QUERY SELECT 'done';
END $$;

-- What a confidential client may know of its own tokens; null for all others.
CREATE FUNCTION introspect_token(caller uuid, secret bytea, shown bytea)
    RETURNS TABLE (outcome text, answer json)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
BEGIN ATOMIC
    SELECT CASE WHEN NOT client_is(caller, secret) THEN 'client' WHEN secret IS NULL THEN 'public'
            ELSE 'done' END,
        (SELECT json_build_object('active', true, 'scope', array_to_string(found.scopes, ' '),
            'client_id', caller, 'sub', found.sub, 'token_type', found.kind,
            'exp', floor(extract(epoch FROM found.expires_at))::bigint,
            'iat', floor(extract(epoch FROM found.created_at))::bigint)
        FROM (SELECT scopes, actor AS sub, 'Bearer' AS kind, expires_at, created_at FROM token
                WHERE hash = shown AND client_id = caller AND revoked_at IS NULL
            UNION ALL
            SELECT session.scopes, account_id, 'refresh_token', expires_at,
                refresh_token.created_at
            FROM refresh_token JOIN session ON session.id = session_id
            WHERE hash = shown AND client_id = caller AND spent_at IS NULL
                AND revoked_at IS NULL) AS found
        WHERE found.expires_at > now());
END;

-- Origins of registered clients, for CORS.
CREATE FUNCTION client_origins() RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
    RETURN (SELECT string_agg(DISTINCT origin, ',') FROM client, unnest(origins) AS origin);

-- Clears away what nobody can use any more; some at a time, by one server at a time. Sessions stay
-- for 90 days: they say where a person has signed in.
CREATE FUNCTION forget_expired() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    at_once CONSTANT integer := 5000;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('forget_expired')) THEN
        RETURN;
    END IF;
    DELETE FROM authorization_code WHERE hash IN (SELECT hash FROM authorization_code
        WHERE expires_at < now() - interval '1 day' LIMIT at_once FOR UPDATE SKIP LOCKED);
    DELETE FROM refresh_token WHERE hash IN (SELECT hash FROM refresh_token
        WHERE expires_at < now() - interval '1 day' LIMIT at_once FOR UPDATE SKIP LOCKED);
    DELETE FROM token WHERE id IN (SELECT id FROM token WHERE client_id IS NOT NULL
        AND least(expires_at, revoked_at) < now() - interval '1 day'
        LIMIT at_once FOR UPDATE SKIP LOCKED);
    UPDATE session SET revoked_at = now() WHERE id IN (SELECT id FROM session
        WHERE revoked_at IS NULL AND NOT EXISTS (SELECT FROM refresh_token
            WHERE session_id = session.id AND spent_at IS NULL AND expires_at > now())
        AND NOT EXISTS (SELECT FROM token WHERE token.session_id = session.id
            AND token.revoked_at IS NULL
            AND (token.expires_at IS NULL OR token.expires_at > now()))
        LIMIT at_once FOR NO KEY UPDATE SKIP LOCKED);
    DELETE FROM session WHERE id IN (SELECT id FROM session
        WHERE greatest(created_at, revoked_at) < now() - interval '90 days'
            AND revoked_at IS NOT NULL LIMIT at_once FOR UPDATE SKIP LOCKED);
END $$;

GRANT EXECUTE ON FUNCTION find_client(uuid), find_sign_in(text, inet),
    grant_code(bytea, uuid, uuid, text, text, text, text, text[], inet, text, text),
    redeem_code(uuid, bytea, bytea, text, text, bytea, bytea, text),
    refresh_session(uuid, bytea, bytea, text[], bytea, bytea, text),
    issue_client_token(uuid, bytea, text[], bytea), revoke_token(uuid, bytea, bytea, text),
    introspect_token(uuid, bytea, bytea), client_origins(), forget_expired() TO iqm_server;
