-- Evidence: links and files that support what schools record. A file lies in chunks beside its
-- record, so that it is written, backed up and made visible together with it.

CREATE TABLE evidence (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    doc json NOT NULL,
    written_by uuid,
    file_id uuid, -- whose chunks are the file's
    school_id uuid NOT NULL
        GENERATED ALWAYS AS ((doc->>'school_id')::uuid) STORED REFERENCES school,
    subject_type text COLLATE "C" NOT NULL
        GENERATED ALWAYS AS (doc->'subject'->>'type') STORED,
    subject_id uuid NOT NULL GENERATED ALWAYS AS ((doc->'subject'->>'id')::uuid) STORED,
    framework_id uuid GENERATED ALWAYS AS ((doc->>'framework_id')::uuid) STORED
        REFERENCES framework,
    kind text COLLATE "C" NOT NULL GENERATED ALWAYS AS (doc->>'kind') STORED
);
CREATE INDEX evidence_school ON evidence (school_id, id);
CREATE INDEX evidence_subject ON evidence (subject_id, id);
CREATE INDEX evidence_subject_type ON evidence (subject_type, id);
CREATE INDEX evidence_framework ON evidence (framework_id, id);
CREATE INDEX evidence_kind ON evidence (kind, id);
CALL protect_documents('evidence', '{head_office,client}');

-- What evidence may be of: a call for each, and the name in the contract. The subject stays while
-- there is evidence of it.
CREATE PROCEDURE take_evidence_of(subject name)
    LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE format('ALTER TABLE evidence ADD COLUMN %1$s_id uuid GENERATED ALWAYS AS ('
        'CASE WHEN doc->''subject''->>''type'' = %1$L THEN (doc->''subject''->>''id'')::uuid END) '
        'STORED CONSTRAINT evidence_subject_%1$s_fkey REFERENCES %1$s', subject);
    EXECUTE format('CREATE INDEX evidence_%1$s ON evidence (%1$s_id) '
        'WHERE %1$s_id IS NOT NULL', subject);
END $$;
CALL take_evidence_of('contribution');
CALL take_evidence_of('meeting');
CALL take_evidence_of('award');
CALL take_evidence_of('review');

-- Who writes it: its school, and who leads that school's cluster. Who sees it: they, also what
-- the school was before, but of a review only while they see that; and whoever sees the contribution
-- that it is of.
CALL share_documents('evidence', '{head_office,client}',
    sees => 'school_id = ANY ((SELECT record_sight())::uuid[])
            AND (review_id IS NULL OR EXISTS (SELECT FROM review AS r WHERE r.id = review_id))
        OR EXISTS (SELECT FROM contribution AS c WHERE c.id = contribution_id)',
    changes => 'ARRAY[school_id] <@ ((SELECT led_places()) || (SELECT own_school()))',
    creates => 'ARRAY[school_id] <@ ((SELECT led_places()) || (SELECT own_school()))',
    deletes => 'ARRAY[school_id] <@ ((SELECT led_places()) || (SELECT own_school()))');

-- As the caller: what one may not see is not there. The foreign keys hold it from then on.
CREATE FUNCTION check_evidence_subject() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, public
AS $$
DECLARE
    was json := CASE WHEN TG_OP = 'UPDATE' THEN OLD.doc->'subject' END;
    subject json := NEW.doc->'subject';
    seen boolean := was::text = subject::text;
BEGIN
    IF seen IS NOT TRUE THEN
        EXECUTE format('SELECT EXISTS (SELECT FROM %I WHERE id = $1)', subject->>'type')
            INTO seen USING (subject->>'id')::uuid;
    END IF;
    IF NOT seen THEN
        RAISE EXCEPTION 'There is no such %, or it is not yours to see.', subject->>'type'
            USING ERRCODE = 'IQ422', CONSTRAINT = 'evidence_subject_check';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION check_evidence_criterion() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, public
AS $$
DECLARE
    was json := CASE WHEN TG_OP = 'UPDATE' THEN OLD.doc END;
    criterion text := NEW.doc->>'criterion';
BEGIN
    IF criterion IS NOT NULL AND (was->>'criterion', was->>'framework_id')
            IS DISTINCT FROM (criterion, NEW.doc->>'framework_id') AND NOT EXISTS (
        SELECT FROM framework AS f, json_array_elements(f.doc->'criteria') AS c
        WHERE f.id = NEW.framework_id AND c->>'code' = criterion) THEN
        RAISE EXCEPTION 'The framework has no criterion with the code %.', criterion
            USING ERRCODE = 'IQ422', CONSTRAINT = 'evidence_criterion_check';
    END IF;
    RETURN NULL;
END $$;
GRANT EXECUTE ON FUNCTION check_evidence_subject(), check_evidence_criterion() TO iqm_server;

-- Before a change: otherwise row-level security refuses, as a record of others, what its own writer
-- would no longer see.
CREATE TRIGGER check_evidence_changed_subject BEFORE UPDATE OF doc ON evidence
    FOR EACH ROW EXECUTE FUNCTION check_evidence_subject();
CREATE TRIGGER check_evidence_subject AFTER INSERT ON evidence
    FOR EACH ROW EXECUTE FUNCTION check_evidence_subject();
CREATE TRIGGER check_evidence_criterion AFTER INSERT OR UPDATE OF doc ON evidence
    FOR EACH ROW EXECUTE FUNCTION check_evidence_criterion();

-- ---- files ----

-- 256 KiB each but for the last. As they are: most files are compressed already.
CREATE TABLE evidence_chunk (
    file_id uuid NOT NULL,
    n integer NOT NULL,
    evidence_id uuid NOT NULL REFERENCES evidence ON DELETE CASCADE,
    bytes bytea NOT NULL CHECK (octet_length(bytes) BETWEEN 1 AND 262144),
    PRIMARY KEY (file_id, n)
);
ALTER TABLE evidence_chunk ALTER bytes SET STORAGE EXTERNAL;
CREATE INDEX evidence_chunk_evidence ON evidence_chunk (evidence_id);
ALTER TABLE evidence_chunk ENABLE ROW LEVEL SECURITY;
ALTER TABLE evidence_chunk FORCE ROW LEVEL SECURITY;

-- Chunks are seen with their record, and written by who holds it for change.
CREATE FUNCTION holds_evidence(wanted uuid) RETURNS boolean
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public
AS $$
BEGIN
    RETURN EXISTS (SELECT FROM evidence WHERE id = wanted FOR NO KEY UPDATE);
END $$;
GRANT EXECUTE ON FUNCTION holds_evidence(uuid), document_with(json, json),
    time_text(timestamptz) TO iqm_server;
CREATE POLICY chunk_read ON evidence_chunk FOR SELECT TO iqm_server
    USING (EXISTS (SELECT FROM evidence AS e WHERE e.id = evidence_id));
CREATE POLICY chunk_add ON evidence_chunk FOR INSERT TO iqm_server
    WITH CHECK (holds_evidence(evidence_id));
CREATE POLICY chunk_remove ON evidence_chunk FOR DELETE TO iqm_server
    USING (holds_evidence(evidence_id));
GRANT SELECT, INSERT, DELETE ON evidence_chunk TO iqm_server;
