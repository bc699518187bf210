-- Awards of schools, step by step from the application on.

-- Schools that something came from, however far back; with themselves, and in a circle each once.
CREATE FUNCTION lineages(schools uuid[]) RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    RETURN ARRAY(WITH RECURSIVE line (id) AS (
        SELECT unnest(schools)
        UNION SELECT predecessor_id FROM succession JOIN line ON successor_id = line.id)
        SELECT id FROM line WHERE id IS NOT NULL);
END $$;

-- Schools whose own records are seen: the own one and those of clusters that the caller leads, with
-- what they were before.
CREATE FUNCTION record_sight() RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    RETURN lineages(led_places() || own_school());
END $$;
GRANT EXECUTE ON FUNCTION lineages(uuid[]), record_sight() TO iqm_server;

CREATE TABLE award (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    doc json NOT NULL,
    written_by uuid,
    school_id uuid NOT NULL
        GENERATED ALWAYS AS ((doc->>'school_id')::uuid) STORED REFERENCES school,
    framework_id uuid NOT NULL
        GENERATED ALWAYS AS ((doc->>'framework_id')::uuid) STORED REFERENCES framework,
    level text COLLATE "C" NOT NULL GENERATED ALWAYS AS (doc->>'level') STORED,
    status text COLLATE "C" NOT NULL GENERATED ALWAYS AS (doc->>'status') STORED,
    applied_on date NOT NULL GENERATED ALWAYS AS (date_of(doc->>'applied_on')) STORED,
    ends_on date GENERATED ALWAYS AS (date_of(doc->>'ends_on')) STORED
);
-- A school has one award of a level at a time.
CREATE UNIQUE INDEX award_school_id_level_key ON award (school_id, level)
    WHERE status NOT IN ('lapsed', 'withdrawn');
CREATE INDEX award_school ON award (school_id, id);
CREATE INDEX award_framework ON award (framework_id, id);
CREATE INDEX award_level ON award (level, id);
CREATE INDEX award_status ON award (status, id);
CREATE INDEX award_applied_on ON award (applied_on, id);
CREATE INDEX award_ends_on ON award (ends_on, id);
CALL protect_documents('award', '{head_office,client}');
CREATE POLICY owner_keeps ON award TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY owner_reads ON framework FOR SELECT TO CURRENT_USER USING (true);

-- Its school applies and withdraws; which operations those are, the contract says.
CALL share_documents('award', '{head_office,client}',
    sees => 'school_id = ANY ((SELECT record_sight())::uuid[])',
    changes => 'school_id = (SELECT own_school())',
    creates => 'school_id = (SELECT own_school())');

-- What has gone a step beyond its beginning is part of the record of the programme.
CREATE FUNCTION keep_what_went_on() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    IF OLD.status <> TG_ARGV[0] THEN
        RAISE EXCEPTION 'This record is %, and is kept. Only while it is % can it be deleted.',
            replace(OLD.status, '_', ' '), TG_ARGV[0] USING ERRCODE = 'IQ409';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER keep_what_went_on AFTER DELETE ON award
    FOR EACH ROW EXECUTE FUNCTION keep_what_went_on('applied');
