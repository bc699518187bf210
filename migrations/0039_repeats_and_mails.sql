-- Which of these erasures the ledger lacks, or has of somebody who is there: after a restore from an older
-- backup, of the whole or of people alone. Asked of each by its own id: what 0034 compared was the ledger's
-- id with itself, so that once the ledger had any entry, none was found missing.
CREATE OR REPLACE FUNCTION missing_erasures(ids uuid[]) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
BEGIN ATOMIC
    SELECT given.id FROM unnest(missing_erasures.ids) AS given (id)
    WHERE NOT EXISTS (SELECT FROM erasure AS e WHERE e.id = given.id
        AND NOT EXISTS (SELECT FROM person AS p WHERE p.id = e.person_id AND NOT p.erased));
END;

-- ---- what a browser says it is ----

-- Sealed under the person's key as all that identifies people, so it is said whose that is. What stood
-- there in clear goes.
CREATE FUNCTION note_whose_account() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    NEW.person_id := (SELECT person_id FROM account WHERE id = NEW.account_id);
    RETURN NEW;
END $$;
DO $$
DECLARE
    one text;
BEGIN
    FOREACH one IN ARRAY '{authorization_code,session}'::text[] LOOP
        EXECUTE format('ALTER TABLE %I ADD COLUMN person_id uuid', one);
        EXECUTE format('UPDATE %1$I SET agent = NULL, person_id = account.person_id FROM account '
            'WHERE account.id = %1$I.account_id', one);
        EXECUTE format('CREATE TRIGGER note_whose_account BEFORE INSERT ON %I '
            'FOR EACH ROW EXECUTE FUNCTION note_whose_account()', one);
        EXECUTE format('ALTER TABLE %1$I DROP CONSTRAINT %2$I, '
            'ADD CONSTRAINT %2$I CHECK (is_sealed(agent) AND length(agent) <= 800)', one,
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

-- ---- what people are told by mail ----

-- Mail for somebody who has an address; for anybody else, and for nobody, it takes as long.
CREATE FUNCTION tell_person(person uuid, kind text, body text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    -- Held, so that nothing is put there while the person is erased.
    PERFORM enqueue_mail((SELECT p.id FROM person AS p WHERE p.id = tell_person.person
        AND p.email_index IS NOT NULL AND NOT p.erased FOR KEY SHARE), tell_person.kind,
        tell_person.body);
END $$;

-- Whether anything of this kind was put into the outbox today for anybody with the person's address: what
-- anybody can have sent to an address that is not theirs is sent once a day. Its caller holds the
-- address (hold_consents).
CREATE FUNCTION was_told_lately(person uuid, of_kind text) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN EXISTS (SELECT FROM person AS one JOIN person AS same ON same.email_index = one.email_index
            JOIN outbox AS o ON o.person_id = same.id
        WHERE one.id = was_told_lately.person AND o.kind = was_told_lately.of_kind
            AND o.created_at > now() - interval '1 day');

CREATE FUNCTION wording_text(wanted uuid) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
    RETURN (SELECT w.doc->>'text' FROM consent_wording AS w WHERE w.id = wording_text.wanted);

-- As in 0029, and what the person is told. The form is anybody's, and so is the address: each mail goes
-- to it once a day at most.
DROP FUNCTION create_enquiry(json, json, uuid, boolean, uuid, text);
CREATE FUNCTION create_enquiry(person json, enquiry json, contact_wording uuid, marketing boolean,
    marketing_wording uuid, request_id text, received text, confirmation text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    who uuid := person->>'id';
BEGIN
    PERFORM set_config('iqm.roles', '', true), set_config('iqm.actor', '', true),
        set_config('iqm.client', '', true), set_config('iqm.operation', 'create_enquiry', true),
        set_config('iqm.request_id', create_enquiry.request_id, true);
    INSERT INTO person (id, version, doc) VALUES (who, 1, create_enquiry.person);
    INSERT INTO enquiry (id, version, doc)
    VALUES ((create_enquiry.enquiry->>'id')::uuid, 1, create_enquiry.enquiry);
    PERFORM hold_consents(who, false),
        append_consent(who, 'contact', true, contact_wording, 'enquiry_form');
    PERFORM tell_person(CASE WHEN NOT was_told_lately(who, 'enquiry_received') THEN who END,
        'enquiry_received', received);
    IF marketing THEN
        PERFORM append_consent(who, 'marketing', true, marketing_wording, 'enquiry_form');
        PERFORM tell_person(CASE WHEN NOT was_told_lately(who, 'consent_confirmation') THEN who END,
            'consent_confirmation', confirmation);
    END IF;
END $$;

-- As in 0028, and what the person is told: the words they agreed to, or that they agree no more where
-- they did. `mail` comes sealed; NULL: nothing is told.
DROP FUNCTION create_consent_record(uuid, text, boolean, uuid, text);
CREATE FUNCTION create_consent_record(of_person uuid, of_purpose text, grants boolean, wording uuid,
    said text, mail text, OUT outcome text, OUT doc json)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    is_own boolean := of_person IS NOT DISTINCT FROM (SELECT person_id FROM account WHERE id IN
        (actor_with_role('head_office'), actor_with_role('ambassador'), actor_with_role('school')));
    spreads boolean := of_purpose = 'marketing' AND NOT grants;
    through text := CASE WHEN is_own THEN 'own_account' ELSE 'head_office' END;
    held uuid[];
    was_live boolean;
BEGIN
    IF NOT is_own AND NOT acts_for_head_office() THEN
        outcome := 'foreign';
    ELSIF said IS NOT NULL AND NOT acts_for_head_office() THEN
        outcome := 'note';
    ELSE
        outcome := wording_fault(wording, of_purpose, grants);
    END IF;
    IF outcome IS NOT NULL THEN
        RETURN;
    END IF;
    held := hold_consents(of_person, spreads);
    IF held IS NULL THEN
        outcome := 'person';
        RETURN;
    END IF;
    was_live := any_consents(held);
    doc := append_consent(of_person, of_purpose, grants, wording, through, said);
    IF spreads THEN
        PERFORM withdraw_among(array_remove(held, of_person), through);
    END IF;
    IF mail IS NOT NULL AND of_purpose = 'marketing' AND (grants OR was_live) THEN
        PERFORM tell_person(of_person,
            CASE WHEN grants THEN 'consent_confirmation' ELSE 'consent_withdrawn' END, mail);
    END IF;
    outcome := 'made';
END $$;

CREATE FUNCTION any_consents(people uuid[]) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN (SELECT coalesce(bool_or(consent_is_live(one, 'marketing')), false)
        FROM unnest(people) AS one);

DROP FUNCTION withdraw_by_link(uuid, text);
CREATE FUNCTION withdraw_by_link(of_person uuid, request_id text, mail text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    held uuid[];
    was_live boolean;
BEGIN
    PERFORM set_config('iqm.roles', '', true), set_config('iqm.actor', '', true),
        set_config('iqm.client', '', true), set_config('iqm.operation', 'withdraw_consent', true),
        set_config('iqm.request_id', withdraw_by_link.request_id, true);
    held := hold_consents(of_person, true);
    IF held IS NULL THEN
        RETURN false;
    END IF;
    was_live := any_consents(held);
    PERFORM withdraw_among(held, 'one_click_link');
    IF mail IS NOT NULL AND was_live THEN
        PERFORM tell_person(of_person, 'consent_withdrawn', mail);
    END IF;
    RETURN true;
END $$;

-- ---- requests in public ----

-- Whom a verification would tell, and somebody who is nobody: so keys are asked for whoever it is, and
-- whatever a server remembers.
CREATE FUNCTION find_verification_person(verification uuid) RETURNS TABLE (person_id uuid, kind text)
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public
BEGIN ATOMIC
    SELECT coalesce((SELECT p.held_id FROM request_verification_person AS p
            WHERE p.holder_id = find_verification_person.verification ORDER BY p.held_id LIMIT 1),
            gen_random_uuid()),
        coalesce((SELECT v.kind FROM request_verification AS v
            WHERE v.id = find_verification_person.verification), 'access')
    UNION ALL SELECT gen_random_uuid(), 'access';
END;

-- As in 0033, and one of the people with the address is told, about the request with this id. Whose
-- address it was stays known as long as its index does, so that it goes with the person.
DROP FUNCTION confirm_request_verification(uuid, bytea, date, date, date, text);
CREATE FUNCTION confirm_request_verification(verification uuid, hash bytea, received_on date,
    due_on date, acknowledge_by date, request_id text, told uuid, reference uuid, mail text)
    RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    noted request_verification%ROWTYPE;
    complains boolean;
    made text := time_text(now());
BEGIN
    -- An erasure holds the person and then the verification: so does who has the code.
    IF (SELECT v.hash = confirm_request_verification.hash FROM request_verification AS v
            WHERE v.id = verification) THEN
        PERFORM FROM person WHERE id IN (SELECT held_id FROM request_verification_person
            WHERE holder_id = verification) ORDER BY id FOR KEY SHARE;
    END IF;
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
        LATERAL (SELECT CASE WHEN p.held_id = confirm_request_verification.told
            THEN confirm_request_verification.reference ELSE uuid7() END AS id) AS new
    WHERE p.holder_id = verification;
    UPDATE request_verification_person SET details = NULL WHERE holder_id = verification;
    PERFORM tell_person(confirm_request_verification.told, 'request_received',
        confirm_request_verification.mail);
    RETURN true;
END $$;

GRANT EXECUTE ON FUNCTION tell_person(uuid, text, text), wording_text(uuid),
    create_enquiry(json, json, uuid, boolean, uuid, text, text, text),
    create_consent_record(uuid, text, boolean, uuid, text, text), withdraw_by_link(uuid, text, text),
    find_verification_person(uuid),
    confirm_request_verification(uuid, bytea, date, date, date, text, uuid, uuid, text) TO iqm_server;
