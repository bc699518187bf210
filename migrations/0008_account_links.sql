-- Links with which people choose a password, what people do to their own account, and the secrets
-- of clients. Each function looks at who calls by itself: it runs as the owner.

-- A change that is not one of a document, for the audit log.
CREATE FUNCTION note_change(resource text, resource_id uuid) RETURNS void
    LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM record_audit(current_setting('iqm.actor', true), current_setting('iqm.roles', true),
        current_setting('iqm.client', true), current_setting('iqm.operation', true), resource,
        resource_id, NULL, current_setting('iqm.request_id', true), 'done');
END $$;

-- The one link of an account that works; making another, or using it, takes it away.
CREATE TABLE account_link (
    account_id uuid PRIMARY KEY REFERENCES account ON DELETE CASCADE,
    hash bytea NOT NULL UNIQUE CHECK (length(hash) = 32),
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
CALL keep_from_server('account_link');

-- A link is for the person it was made for, at the address it was sent to.
CREATE FUNCTION void_account_link() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    IF TG_TABLE_NAME = 'account' THEN
        DELETE FROM account_link WHERE account_id = NEW.id;
    ELSE
        DELETE FROM account_link WHERE account_id = NEW.account_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER void_account_link AFTER UPDATE ON account
    FOR EACH ROW WHEN (NEW.suspended AND NOT OLD.suspended) EXECUTE FUNCTION void_account_link();
CREATE TRIGGER void_account_link AFTER UPDATE ON credential
    FOR EACH ROW WHEN (OLD.sign_in_name <> NEW.sign_in_name) EXECUTE FUNCTION void_account_link();

-- The person of this transaction, as its identity says; null for programs and for nobody.
CREATE FUNCTION own_account() RETURNS uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
    RETURN (SELECT id FROM account WHERE id = nullif(current_setting('iqm.actor', true), '')::uuid);

CREATE FUNCTION read_own_account(OUT person_id uuid, OUT school_id uuid) RETURNS SETOF record
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
BEGIN ATOMIC
    SELECT account.person_id, account.school_id FROM account WHERE id = own_account();
END;

CREATE FUNCTION acts_for_head_office() RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, public
    RETURN coalesce(
        'head_office' = ANY (nullif(current_setting('iqm.roles', true), '')::text[]), false);

-- Outcome: made, unknown, suspended. The first password may take a week, a new one a day.
CREATE FUNCTION create_account_link(account uuid, hash bytea,
        OUT outcome text, OUT expires_at text, OUT purpose text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    known record;
    ends timestamptz;
BEGIN
    SELECT a.suspended, a.activated INTO known FROM account a
    WHERE a.id = create_account_link.account AND acts_for_head_office() FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        outcome := 'unknown';
        RETURN;
    ELSIF known.suspended THEN
        outcome := 'suspended';
        RETURN;
    END IF;
    ends := now() + CASE WHEN known.activated THEN interval '24 hours' ELSE interval '7 days' END;
    INSERT INTO account_link AS link (account_id, hash, expires_at)
    VALUES (create_account_link.account, create_account_link.hash, ends)
    ON CONFLICT (account_id) DO UPDATE
        SET hash = excluded.hash, created_at = now(), expires_at = excluded.expires_at;
    PERFORM note_change('account', create_account_link.account);
    outcome := 'made';
    expires_at := time_text(ends);
    purpose := CASE WHEN known.activated THEN 'reset' ELSE 'invite' END;
END $$;

-- What the account of a link that works signs in with; no row for any other.
CREATE FUNCTION read_account_link(hash bytea) RETURNS SETOF text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
BEGIN ATOMIC
    SELECT credential.sign_in_name FROM account_link
    JOIN credential USING (account_id) JOIN account ON account.id = account_id
    WHERE account_link.hash = read_account_link.hash AND account_link.expires_at > now()
        AND NOT account.suspended;
END;

-- Uses a link up: its account has this password from now on, and signs in anew everywhere. The
-- account is locked first, as by everything else that changes it; who comes second finds no link.
CREATE FUNCTION redeem_account_link(hash bytea, chosen text, request_id text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    who uuid := (SELECT link.account_id FROM account_link link
        WHERE link.hash = redeem_account_link.hash);
    own_roles text[];
BEGIN
    SELECT a.roles INTO own_roles FROM account a WHERE a.id = who AND NOT a.suspended
    FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    DELETE FROM account_link link
    WHERE link.hash = redeem_account_link.hash AND link.expires_at > now();
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM set_config('iqm.roles', own_roles::text, true),
        set_config('iqm.actor', who::text, true), set_config('iqm.client', '', true),
        set_config('iqm.operation', 'post_password_page', true),
        set_config('iqm.request_id', redeem_account_link.request_id, true);
    UPDATE credential SET password = chosen, changed_at = now() WHERE account_id = who;
    UPDATE account SET version = version + 1, written_by = who,
        doc = document_with(doc, json_build_object('version', version + 1,
            'updated_at', time_text(now()),
            'activated_at', coalesce(doc->>'activated_at', time_text(now()))))
    WHERE id = who;
    PERFORM end_sessions(who);
    RETURN true;
END $$;

-- What a person's own password is compared with and judged by; no row where there is none.
CREATE FUNCTION read_own_credential(OUT password text, OUT sign_in_name text) RETURNS SETOF record
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
BEGIN ATOMIC
    SELECT credential.password, credential.sign_in_name FROM credential
    WHERE account_id = own_account() AND credential.password IS NOT NULL;
END;

-- Changes it where it is still the one that was compared; ends all sign-ins but one.
CREATE FUNCTION change_own_password(was text, chosen text, except_session uuid) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    who uuid := own_account();
BEGIN
    PERFORM FROM account WHERE id = who AND NOT suspended FOR NO KEY UPDATE;
    UPDATE credential SET password = chosen, changed_at = now()
    WHERE account_id = who AND password = was;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    DELETE FROM account_link WHERE account_id = who;
    PERFORM end_sessions(who, except_session);
    PERFORM note_change('account', who);
    RETURN true;
END $$;

-- The own sign-ins that still work, as the items of a list.
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

-- Ends one own sign-in. False: there is no such one that works.
CREATE FUNCTION revoke_own_session(wanted uuid) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    PERFORM FROM session
    WHERE id = wanted AND account_id = own_account() AND revoked_at IS NULL FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM end_session(wanted);
    PERFORM note_change('session', wanted);
    RETURN true;
END $$;

CREATE FUNCTION revoke_own_sessions() RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    who uuid := own_account();
BEGIN
    IF who IS NULL THEN
        RETURN false;
    END IF;
    PERFORM end_sessions(who);
    PERFORM note_change('account', who);
    RETURN true;
END $$;

-- Nobody lends a client scopes that the own token lacks: neither directly nor by getting at what it
-- has already. Operators, who say nothing about scopes, have all.
CREATE FUNCTION may_lend(scopes text[]) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, public
    RETURN (SELECT coalesce('*' = ANY (own::text[]) OR scopes <@ own::text[], true)
        FROM (SELECT CASE current_setting('iqm.scopes', true) WHEN '' THEN '{}'
            ELSE current_setting('iqm.scopes', true) END AS own) AS caller);

CREATE FUNCTION check_lent_scopes() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    lent text[] := NEW.scopes;
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.kind = OLD.kind AND NEW.redirect_uris <@ OLD.redirect_uris THEN
        lent := ARRAY(SELECT unnest(NEW.scopes) EXCEPT SELECT unnest(OLD.scopes));
    END IF;
    IF NOT may_lend(lent) THEN
        RAISE EXCEPTION 'The client would have scopes that your own token does not have.'
            USING ERRCODE = 'IQ403', CONSTRAINT = 'client_scopes_check';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER check_lent_scopes AFTER INSERT OR UPDATE ON client
    FOR EACH ROW EXECUTE FUNCTION check_lent_scopes();

-- Outcome: made, unknown, public, scopes. The former secret is gone at once.
CREATE FUNCTION create_client_secret(client uuid, hash bytea) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    known record;
BEGIN
    SELECT kind, scopes INTO known FROM client c
    WHERE c.id = create_client_secret.client AND acts_for_head_office() FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN 'unknown';
    ELSIF known.kind <> 'confidential' THEN
        RETURN 'public';
    ELSIF NOT may_lend(known.scopes) THEN
        RETURN 'scopes';
    END IF;
    INSERT INTO client_secret (client_id, hash)
    VALUES (create_client_secret.client, create_client_secret.hash)
    ON CONFLICT (client_id) DO UPDATE SET hash = excluded.hash, created_at = now();
    PERFORM note_change('client', create_client_secret.client);
    RETURN 'made';
END $$;

GRANT EXECUTE ON FUNCTION read_own_account(), create_account_link(uuid, bytea),
    read_account_link(bytea), redeem_account_link(bytea, text, text), read_own_credential(),
    change_own_password(text, text, uuid), list_own_sessions(uuid), revoke_own_session(uuid),
    revoke_own_sessions(), create_client_secret(uuid, bytea) TO iqm_server;
