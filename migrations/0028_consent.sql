-- What people agreed to: the wordings they were shown, version by version, and the ledger of what they
-- said. Both can only be added to. Two purposes, contact and marketing, and no record is of both.

CREATE TABLE consent_wording (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    doc json NOT NULL,
    written_by uuid,
    purpose text COLLATE "C" NOT NULL GENERATED ALWAYS AS (doc->>'purpose') STORED
        CHECK (purpose IN ('contact', 'marketing')),
    wording_version bigint NOT NULL
        GENERATED ALWAYS AS ((doc->>'wording_version')::bigint) STORED,
    UNIQUE (purpose, wording_version)
);
CREATE INDEX consent_wording_list ON consent_wording (purpose, id);
-- Whoever agreed to one may read it.
CALL protect_ledger('consent_wording', '{head_office,ambassador,school}');

-- The next version of a purpose's text, valid from now on. One after the other, so that ids and times
-- have the order of the numbers.
CREATE FUNCTION add_wording(of_purpose text, words text, chosen_id uuid DEFAULT NULL) RETURNS json
    LANGUAGE plpgsql
AS $$
DECLARE
    new_id uuid;
    made json;
BEGIN
    LOCK TABLE consent_wording IN SHARE ROW EXCLUSIVE MODE;
    new_id := coalesce(chosen_id, uuid7());
    made := ('{"id":"' || new_id || '","created_at":"' || time_text(clock_timestamp())
        || '","purpose":' || to_json(of_purpose) || ',"wording_version":'
        || (SELECT coalesce(max(w.wording_version), 0) + 1 FROM consent_wording AS w
            WHERE w.purpose = of_purpose)
        || ',"text":' || to_json(words) || '}')::json;
    INSERT INTO consent_wording (id, version, doc, written_by)
    VALUES (new_id, 1, made, nullif(current_setting('iqm.actor', true), '')::uuid);
    RETURN made;
END $$;

CREATE FUNCTION create_consent_wording(of_purpose text, words text) RETURNS json
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    IF NOT acts_for_head_office() THEN
        RETURN NULL;
    END IF;
    RETURN add_wording(of_purpose, words);
END $$;

-- Those of the programme's own form.
SELECT add_wording('contact',
    'I consent to the data submitted being stored and used to contact me based on the information '
    'provided on this form.', '00feb74a-6800-7000-8000-000000000011');
SELECT add_wording('marketing',
    'I consent to receive relevant information that may be of interest to me.',
    '00feb74a-6800-7000-8000-000000000012');

-- The wordings in force, for anybody: what the enquiry form asks.
CREATE FUNCTION read_enquiry_form() RETURNS json
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
    RETURN (SELECT ('{"wordings":[' || string_agg('{"purpose":"' || purpose || '","required":'
            || (purpose = 'contact') || ',"wording_id":"' || id || '","wording_version":'
            || wording_version || ',"text":' || (doc->'text')::text || '}', ',' ORDER BY purpose)
            || ']}')::json
        FROM (SELECT DISTINCT ON (purpose) * FROM consent_wording
            ORDER BY purpose, wording_version DESC) AS in_force);

-- ---- the ledger ----

-- The last record of a person and a purpose is the state: `number` says which that is. It is drawn
-- while the person's consents are held (hold_consents), so it never depends on a clock.
CREATE SEQUENCE consent_number;

CREATE TABLE consent_record (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    doc json NOT NULL,
    written_by uuid,
    number bigint NOT NULL GENERATED ALWAYS AS ((doc->>'number')::bigint) STORED UNIQUE,
    person_id uuid NOT NULL
        GENERATED ALWAYS AS ((doc->>'person_id')::uuid) STORED REFERENCES person,
    purpose text COLLATE "C" NOT NULL GENERATED ALWAYS AS (doc->>'purpose') STORED
        CHECK (purpose IN ('contact', 'marketing')),
    granted boolean NOT NULL GENERATED ALWAYS AS ((doc->>'granted')::boolean) STORED,
    wording_id uuid
        GENERATED ALWAYS AS ((doc->>'wording_id')::uuid) STORED REFERENCES consent_wording,
    CHECK (wording_id IS NOT NULL OR NOT granted),
    CONSTRAINT consent_record_sealed CHECK (is_sealed(doc->>'note'))
);
CREATE INDEX consent_record_state ON consent_record (person_id, purpose, number DESC);
CREATE INDEX consent_record_person ON consent_record (person_id, id);
CREATE INDEX consent_record_purpose ON consent_record (purpose, person_id, number DESC);
CREATE INDEX consent_record_wording ON consent_record (wording_id);
CALL protect_ledger('consent_record', '{head_office}', 'person_id = (SELECT own_person())');

CREATE POLICY owner_locks ON person FOR UPDATE TO CURRENT_USER USING (true) WITH CHECK (false);

-- Holds what is known of a person's consents until the transaction ends: nobody else adds a record,
-- not of anybody with the same address either, and nobody erases the person. Gives the person; with
-- `others` also everybody with that address, so that a withdrawal reaches them. NULL: there is no
-- such person.
CREATE FUNCTION hold_consents(wanted uuid, others boolean) RETURNS uuid[]
    LANGUAGE plpgsql
AS $$
DECLARE
    address text := (SELECT p.email_index::text FROM person AS p WHERE p.id = wanted);
    people uuid[] := ARRAY[wanted];
BEGIN
    IF address IS NOT NULL THEN
        PERFORM pg_advisory_xact_lock(hashtextextended(address, 7310580));
    END IF;
    IF others THEN
        people := people || ARRAY(SELECT same.id FROM person AS one
            JOIN person AS same ON same.email_index = one.email_index
            WHERE one.id = wanted AND same.id <> wanted);
    END IF;
    PERFORM FROM person AS p WHERE p.id = ANY (people) ORDER BY p.id FOR NO KEY UPDATE;
    people := ARRAY(SELECT p.id FROM person AS p
        WHERE p.id = ANY (people) AND NOT p.erased ORDER BY p.id);
    RETURN CASE WHEN wanted = ANY (people) THEN people END;
END $$;

CREATE FUNCTION consent_is_live(of_person uuid, of_purpose text) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN coalesce((SELECT granted FROM consent_record
        WHERE person_id = of_person AND purpose = of_purpose ORDER BY number DESC LIMIT 1), false);

-- Adds a record; its caller holds the person's consents and has checked the wording. The note comes
-- sealed.
CREATE FUNCTION append_consent(of_person uuid, of_purpose text, grants boolean, wording uuid,
    through text, note text DEFAULT NULL) RETURNS json
    LANGUAGE plpgsql
AS $$
DECLARE
    new_id uuid := uuid7();
    who text := nullif(current_setting('iqm.actor', true), '');
    made json;
BEGIN
    made := ('{"id":"' || new_id || '","number":' || nextval('consent_number') || ',"person_id":"'
        || of_person || '","purpose":' || to_json(of_purpose) || ',"granted":' || grants
        || coalesce(',"wording_id":"' || wording || '","wording_version":'
            || (SELECT w.wording_version FROM consent_wording AS w WHERE w.id = wording), '')
        || ',"channel":' || to_json(through) || coalesce(',"actor":"' || who::uuid || '"', '')
        || ',"given_at":"' || time_text(clock_timestamp()) || '"'
        || coalesce(',"note":' || to_json(note), '') || '}')::json;
    INSERT INTO consent_record (id, version, doc, written_by)
    VALUES (new_id, 1, made, who::uuid);
    RETURN made;
END $$;

-- What stands against a wording as what somebody was shown just now; NULL: nothing. One that was
-- replaced may still be shown by pages that were opened before: for a day.
CREATE FUNCTION wording_fault(wording uuid, of_purpose text, grants boolean) RETURNS text
    LANGUAGE plpgsql STABLE
AS $$
DECLARE
    known consent_wording%ROWTYPE;
BEGIN
    IF wording IS NULL THEN
        RETURN CASE WHEN grants THEN 'missing' END;
    END IF;
    SELECT * INTO known FROM consent_wording WHERE id = wording;
    IF NOT FOUND THEN
        RETURN 'unknown';
    ELSIF known.purpose <> of_purpose THEN
        RETURN 'other_purpose';
    ELSIF grants AND EXISTS (SELECT FROM consent_wording AS newer
        WHERE newer.purpose = known.purpose AND newer.wording_version = known.wording_version + 1
            AND (newer.doc->>'created_at')::timestamptz < now() - interval '1 day') THEN
        RETURN 'replaced';
    END IF;
    RETURN NULL;
END $$;

-- Withdraws marketing for everybody among these for whom it is live.
CREATE FUNCTION withdraw_among(people uuid[], through text) RETURNS void
    LANGUAGE plpgsql
AS $$
DECLARE
    one uuid;
BEGIN
    FOREACH one IN ARRAY people LOOP
        IF consent_is_live(one, 'marketing') THEN
            PERFORM append_consent(one, 'marketing', false, NULL, through);
        END IF;
    END LOOP;
END $$;

-- Outcome: made, person (there is none), foreign (nobody the caller may speak for), note (not the
-- caller's to make), or the fault of the wording. Who withdraws marketing at one address does so for
-- every other record of a person with that address.
CREATE FUNCTION create_consent_record(of_person uuid, of_purpose text, grants boolean, wording uuid,
    said text, OUT outcome text, OUT doc json)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    is_own boolean := of_person IS NOT DISTINCT FROM (SELECT person_id FROM account WHERE id IN
        (actor_with_role('head_office'), actor_with_role('ambassador'), actor_with_role('school')));
    spreads boolean := of_purpose = 'marketing' AND NOT grants;
    through text := CASE WHEN is_own THEN 'own_account' ELSE 'head_office' END;
    held uuid[];
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
    doc := append_consent(of_person, of_purpose, grants, wording, through, said);
    IF spreads THEN
        PERFORM withdraw_among(array_remove(held, of_person), through);
    END IF;
    outcome := 'made';
END $$;

-- ---- the link in an e-mail ----

-- Whether marketing is live for the person of a link, or for another with that address; NULL: there
-- is no such person.
CREATE FUNCTION read_consent_link(of_person uuid) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
    RETURN (SELECT consent_is_live(one.id, 'marketing') OR EXISTS (SELECT FROM person AS same
            WHERE same.email_index = one.email_index AND consent_is_live(same.id, 'marketing'))
        FROM person AS one WHERE one.id = of_person AND NOT one.erased);

-- Withdraws by a link whose signature the caller has checked; a second time it changes nothing.
-- False: there is no such person.
CREATE FUNCTION withdraw_by_link(of_person uuid, request_id text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    held uuid[];
BEGIN
    PERFORM set_config('iqm.roles', '', true), set_config('iqm.actor', '', true),
        set_config('iqm.client', '', true), set_config('iqm.operation', 'withdraw_consent', true),
        set_config('iqm.request_id', withdraw_by_link.request_id, true);
    held := hold_consents(of_person, true);
    IF held IS NULL THEN
        RETURN false;
    END IF;
    PERFORM withdraw_among(held, 'one_click_link');
    RETURN true;
END $$;

GRANT EXECUTE ON FUNCTION create_consent_wording(text, text), read_enquiry_form(),
    create_consent_record(uuid, text, boolean, uuid, text), read_consent_link(uuid),
    withdraw_by_link(uuid, text), acts_for_head_office() TO iqm_server;
