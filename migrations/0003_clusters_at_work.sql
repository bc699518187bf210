-- People, the ambassadors among them, terms, meetings and who came.

CREATE TABLE person (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    doc json NOT NULL,
    written_by uuid
);
CALL protect_documents('person', '{head_office}');

CREATE TABLE ambassador (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    doc json NOT NULL,
    written_by uuid,
    person_id uuid NOT NULL
        GENERATED ALWAYS AS ((doc->>'person_id')::uuid) STORED UNIQUE REFERENCES person
);
CALL protect_documents('ambassador', '{head_office,client}');

CREATE TABLE assignment (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    doc json NOT NULL,
    written_by uuid,
    ambassador_id uuid NOT NULL
        GENERATED ALWAYS AS ((doc->>'ambassador_id')::uuid) STORED REFERENCES ambassador,
    cluster_id uuid NOT NULL
        GENERATED ALWAYS AS ((doc->>'cluster_id')::uuid) STORED REFERENCES cluster,
    starts_on date NOT NULL GENERATED ALWAYS AS (date_of(doc->>'starts_on')) STORED,
    days daterange NOT NULL GENERATED ALWAYS AS
        (daterange(date_of(doc->>'starts_on'), date_of(doc->>'ends_on'), '[]')) STORED,
    -- A cluster has one ambassador at a time.
    CONSTRAINT assignment_starts_on_key EXCLUDE USING gist (cluster_id WITH =, days WITH &&)
);
CREATE INDEX assignment_ambassador ON assignment (ambassador_id, id);
CREATE INDEX assignment_cluster ON assignment (cluster_id, id);
CREATE INDEX assignment_starts_on ON assignment (starts_on, id);
CALL protect_documents('assignment', '{head_office,client}');

CREATE TABLE term_dates (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    doc json NOT NULL,
    written_by uuid,
    academic_year text COLLATE "C" NOT NULL
        GENERATED ALWAYS AS (doc->>'academic_year') STORED,
    local_authority_code text COLLATE "C"
        GENERATED ALWAYS AS (doc->>'local_authority_code') STORED,
    UNIQUE NULLS NOT DISTINCT (academic_year, local_authority_code)
);
CREATE INDEX term_dates_academic_year ON term_dates (academic_year, id);
CALL protect_documents('term_dates', '{head_office,client}');

CREATE TABLE meeting (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    doc json NOT NULL,
    written_by uuid,
    cluster_id uuid GENERATED ALWAYS AS ((doc->>'cluster_id')::uuid) STORED REFERENCES cluster,
    host_school_id uuid
        GENERATED ALWAYS AS ((doc->>'host_school_id')::uuid) STORED REFERENCES school,
    held_on date NOT NULL GENERATED ALWAYS AS (date_of(doc->>'held_on')) STORED
);
CREATE INDEX meeting_cluster ON meeting (cluster_id, id);
CREATE INDEX meeting_host_school ON meeting (host_school_id, id);
CREATE INDEX meeting_held_on ON meeting (held_on, id);
CALL protect_documents('meeting', '{head_office,client}');

CREATE TABLE attendance (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    doc json NOT NULL,
    written_by uuid,
    meeting_id uuid NOT NULL
        GENERATED ALWAYS AS ((doc->>'meeting_id')::uuid) STORED REFERENCES meeting,
    school_id uuid NOT NULL
        GENERATED ALWAYS AS ((doc->>'school_id')::uuid) STORED REFERENCES school,
    UNIQUE (meeting_id, school_id)
);
CREATE INDEX attendance_school ON attendance (school_id, id);
CALL protect_documents('attendance', '{head_office,client}');
