-- Schools, the clusters they are members of, and what a school came from.

CREATE TABLE cluster (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    doc json NOT NULL,
    written_by uuid,
    name text COLLATE "en-x-icu" NOT NULL GENERATED ALWAYS AS (doc->>'name') STORED UNIQUE,
    region text GENERATED ALWAYS AS (doc->>'region') STORED
);
CREATE INDEX cluster_region ON cluster (region, id);
CALL protect_documents('cluster', '{head_office,client}');

CREATE TABLE school (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    doc json NOT NULL,
    written_by uuid,
    -- The register's members as last imported: what a later import compares with, so that it
    -- carries over what the register changed and leaves alone what people changed here.
    register json,
    urn text COLLATE "C" GENERATED ALWAYS AS (doc->>'urn') STORED UNIQUE,
    name text COLLATE "en-x-icu" NOT NULL GENERATED ALWAYS AS (doc->>'name') STORED,
    cluster_id uuid GENERATED ALWAYS AS ((doc->>'cluster_id')::uuid) STORED REFERENCES cluster,
    local_authority_code text COLLATE "C"
        GENERATED ALWAYS AS (doc->>'local_authority_code') STORED,
    phase text COLLATE "C" GENERATED ALWAYS AS (doc->>'phase') STORED,
    status text COLLATE "C" NOT NULL GENERATED ALWAYS AS (doc->>'status') STORED
);
CREATE INDEX school_name ON school (name, id);
CREATE INDEX school_name_prefix ON school (lower(name) COLLATE "C");
CREATE INDEX school_cluster ON school (cluster_id, id);
CREATE INDEX school_local_authority ON school (local_authority_code, id);
CREATE INDEX school_phase ON school (phase, id);
CREATE INDEX school_status ON school (status, id);
CALL protect_documents('school', '{head_office,client}');

CREATE TABLE succession (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    doc json NOT NULL,
    written_by uuid,
    predecessor_id uuid NOT NULL
        GENERATED ALWAYS AS ((doc->>'predecessor_id')::uuid) STORED REFERENCES school,
    successor_id uuid NOT NULL
        GENERATED ALWAYS AS ((doc->>'successor_id')::uuid) STORED REFERENCES school,
    UNIQUE (predecessor_id, successor_id)
);
CREATE INDEX succession_successor ON succession (successor_id, id);
CALL protect_documents('succession', '{head_office,client}');

-- How an import of the register went; written by the import itself, never through the API.
CREATE TABLE register_import (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    doc json NOT NULL,
    written_by uuid
);
ALTER TABLE register_import ENABLE ROW LEVEL SECURITY;
ALTER TABLE register_import FORCE ROW LEVEL SECURITY;
CREATE POLICY register_import_all ON register_import TO iqm_server
    USING ((SELECT current_setting('iqm.role', true)) = 'head_office')
    WITH CHECK ((SELECT current_setting('iqm.role', true)) = 'head_office');
GRANT SELECT, INSERT, UPDATE ON register_import TO iqm_server;
