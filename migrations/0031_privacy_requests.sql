-- Requests of people about their own data, holds that keep it, and bank holidays that the rule does not
-- know.

CREATE TABLE bank_holiday (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    doc json NOT NULL,
    written_by uuid,
    day date NOT NULL GENERATED ALWAYS AS (date_of(doc->>'day')) STORED,
    kind text COLLATE "C" NOT NULL GENERATED ALWAYS AS (doc->>'kind') STORED
);
CREATE UNIQUE INDEX bank_holiday_day_key ON bank_holiday (day);
CALL protect_documents('bank_holiday', '{head_office,client,ambassador,school}');

-- From a day on; they are no secret, and the public way of making a request asks for them, too.
CREATE FUNCTION bank_holidays_from(first date) RETURNS json
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    RETURN coalesce((SELECT json_agg(json_build_object('day', day, 'kind', kind))
        FROM bank_holiday WHERE day >= first), '[]');
END $$;
CREATE POLICY owner_reads ON bank_holiday FOR SELECT TO CURRENT_USER USING (true);
GRANT EXECUTE ON FUNCTION bank_holidays_from(date) TO iqm_server;

CREATE TABLE legal_hold (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    doc json NOT NULL,
    written_by uuid,
    person_id uuid NOT NULL
        GENERATED ALWAYS AS ((doc->>'person_id')::uuid) STORED REFERENCES person,
    kind text COLLATE "C" NOT NULL GENERATED ALWAYS AS (doc->>'kind') STORED,
    placed_on date NOT NULL GENERATED ALWAYS AS (date_of(doc->>'placed_on')) STORED,
    lifted_on date NOT NULL
        GENERATED ALWAYS AS (coalesce(date_of(doc->>'lifted_on'), 'infinity')) STORED,
    lifted boolean NOT NULL GENERATED ALWAYS AS (doc->>'lifted_on' IS NOT NULL) STORED,
    CONSTRAINT legal_hold_sealed CHECK (is_sealed(doc->>'ground'))
);
CREATE INDEX legal_hold_person ON legal_hold (person_id, id);
CREATE INDEX legal_hold_kind ON legal_hold (kind, id);
CREATE INDEX legal_hold_placed_on ON legal_hold (placed_on, id);
CREATE INDEX legal_hold_lifted ON legal_hold (lifted, id);
CALL protect_documents('legal_hold', '{head_office}');
CREATE POLICY owner_reads ON legal_hold FOR SELECT TO CURRENT_USER USING (true);

-- The first hold on a person that is in force on a day, without its words; NULL: there is none, or the
-- caller sees none.
CREATE FUNCTION hold_of(person uuid, day date DEFAULT today()) RETURNS json
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public
AS $$
BEGIN
    RETURN (SELECT json_build_object('id', h.id, 'kind', h.kind, 'placed_on', h.placed_on)
        FROM legal_hold AS h
        WHERE h.person_id = person AND h.placed_on <= day AND h.lifted_on > day
        ORDER BY h.placed_on, h.id LIMIT 1);
END $$;
GRANT EXECUTE ON FUNCTION hold_of(uuid, date) TO iqm_server;

-- Days that no clock runs to come last.
CREATE TABLE privacy_request (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    doc json NOT NULL,
    written_by uuid,
    person_id uuid NOT NULL
        GENERATED ALWAYS AS ((doc->>'person_id')::uuid) STORED REFERENCES person,
    kind text COLLATE "C" NOT NULL GENERATED ALWAYS AS (doc->>'kind') STORED,
    status text COLLATE "C" NOT NULL GENERATED ALWAYS AS (doc->>'status') STORED,
    open boolean NOT NULL
        GENERATED ALWAYS AS (doc->>'status' IN ('received', 'awaiting')) STORED,
    received_on date NOT NULL GENERATED ALWAYS AS (date_of(doc->>'received_on')) STORED,
    due_on date NOT NULL GENERATED ALWAYS AS (CASE WHEN doc->>'status' = 'received'
        THEN date_of(doc->>'due_on') ELSE 'infinity' END) STORED,
    acknowledge_by date NOT NULL GENERATED ALWAYS AS (CASE WHEN doc->>'acknowledged_on' IS NULL
        AND doc->>'status' IN ('received', 'awaiting')
        THEN coalesce(date_of(doc->>'acknowledge_by'), 'infinity') ELSE 'infinity' END) STORED,
    CONSTRAINT privacy_request_sealed CHECK (is_sealed(doc->>'details')
        AND is_sealed(doc->>'question') AND is_sealed(doc->>'extension_reason')
        AND is_sealed(doc->>'outcome') AND is_sealed(doc->>'explanation'))
);
CREATE INDEX privacy_request_person ON privacy_request (person_id, id);
CREATE INDEX privacy_request_kind ON privacy_request (kind, id);
CREATE INDEX privacy_request_status ON privacy_request (status, id);
CREATE INDEX privacy_request_open ON privacy_request (open, id);
CREATE INDEX privacy_request_received_on ON privacy_request (received_on, id);
CREATE INDEX privacy_request_due_on ON privacy_request (due_on, id);
CREATE INDEX privacy_request_acknowledge_by ON privacy_request (acknowledge_by, id);
CALL protect_documents('privacy_request', '{head_office}');
CREATE POLICY owner_keeps ON privacy_request TO CURRENT_USER USING (true) WITH CHECK (true);
CALL share_documents('privacy_request', '{head_office}',
    sees => 'person_id = (SELECT own_person())',
    changes => 'person_id = (SELECT own_person())',
    creates => 'person_id = (SELECT own_person())');
