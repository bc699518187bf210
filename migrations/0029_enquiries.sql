-- The public form: who asks is a person of their own, whether or not the address is known, so that
-- nothing tells whether it is.

CREATE TABLE enquiry (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    doc json NOT NULL,
    written_by uuid,
    person_id uuid NOT NULL
        GENERATED ALWAYS AS ((doc->>'person_id')::uuid) STORED REFERENCES person,
    handled boolean NOT NULL GENERATED ALWAYS AS (doc->>'handled_on' IS NOT NULL) STORED,
    CONSTRAINT enquiry_sealed CHECK (is_sealed(doc->>'school_name') AND is_sealed(doc->>'message')
        AND is_sealed(doc->>'notes'))
);
CREATE INDEX enquiry_person ON enquiry (person_id, id);
CREATE INDEX enquiry_handled ON enquiry (handled, id);
CALL protect_documents('enquiry', '{head_office}');
REVOKE INSERT ON enquiry FROM iqm_server;
CREATE POLICY owner_adds ON enquiry FOR INSERT TO CURRENT_USER WITH CHECK (true);
CREATE POLICY owner_adds ON person FOR INSERT TO CURRENT_USER WITH CHECK (true);

-- What stands against the wordings of an enquiry; no row: nothing.
CREATE FUNCTION check_enquiry(contact_wording uuid, marketing boolean, marketing_wording uuid)
    RETURNS TABLE (member text, fault text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
BEGIN ATOMIC
    SELECT * FROM (VALUES
        ('/contact_wording_id', wording_fault(contact_wording, 'contact', true)),
        ('/marketing_wording_id', wording_fault(marketing_wording, 'marketing', marketing))
    ) AS found (member, fault) WHERE found.fault IS NOT NULL LIMIT 1;
END;

-- The person, the enquiry and one or two records of consent, all or none. The documents come sealed.
CREATE FUNCTION create_enquiry(person json, enquiry json, contact_wording uuid, marketing boolean,
    marketing_wording uuid, request_id text) RETURNS void
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
    IF marketing THEN
        PERFORM append_consent(who, 'marketing', true, marketing_wording, 'enquiry_form');
    END IF;
END $$;
GRANT EXECUTE ON FUNCTION check_enquiry(uuid, boolean, uuid),
    create_enquiry(json, json, uuid, boolean, uuid, text) TO iqm_server;
