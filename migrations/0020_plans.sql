-- What a school works on: plans of Centres of Excellence, projects of Flagship schools and what they
-- come to year by year.

-- ---- references inside documents ----

-- The references that a document holds by the path in it, as rows of their own. Arguments: their
-- table and the path.
CREATE FUNCTION keep_references() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    wanted uuid[] := ARRAY(SELECT DISTINCT (one #>> '{}')::uuid
        FROM jsonb_path_query(NEW.doc::jsonb, TG_ARGV[1]::jsonpath) AS one);
BEGIN
    EXECUTE format('DELETE FROM %I WHERE holder_id = $1 AND held_id <> ALL ($2)', TG_ARGV[0])
        USING NEW.id, wanted;
    EXECUTE format('INSERT INTO %I (holder_id, held_id) SELECT $1, unnest($2) '
        'ON CONFLICT DO NOTHING', TG_ARGV[0]) USING NEW.id, wanted;
    RETURN NULL;
END $$;

-- Holds fast what documents of `holder` refer to inside their member: what is held cannot be
-- deleted.
CREATE PROCEDURE hold_references(holder name, held name, member name, path jsonpath)
    LANGUAGE plpgsql
AS $$
DECLARE
    beside name := holder || '_' || held;
BEGIN
    EXECUTE format('CREATE TABLE %1$I (holder_id uuid NOT NULL REFERENCES %2$I ON DELETE CASCADE, '
        'held_id uuid NOT NULL CONSTRAINT %4$I REFERENCES %3$I, PRIMARY KEY (holder_id, held_id))',
        beside, holder, held, format('%s_%s_%s_fkey', holder, held, member));
    EXECUTE format('CREATE INDEX ON %I (held_id)', beside);
    CALL keep_from_server(beside::regclass);
    EXECUTE format('CREATE TRIGGER %1$I AFTER INSERT ON %2$I FOR EACH ROW '
        'WHEN (NEW.doc->%3$L IS NOT NULL) EXECUTE FUNCTION keep_references(%4$L, %5$L)',
        'keep_' || beside, holder, member, beside, path);
    EXECUTE format('CREATE TRIGGER %1$I AFTER UPDATE OF doc ON %2$I FOR EACH ROW '
        'WHEN ((OLD.doc->%3$L)::text IS DISTINCT FROM (NEW.doc->%3$L)::text) '
        'EXECUTE FUNCTION keep_references(%4$L, %5$L)',
        'keep_' || beside || '_changed', holder, member, beside, path);
END $$;

-- ---- plans ----

CREATE TABLE plan (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    doc json NOT NULL,
    written_by uuid,
    award_id uuid NOT NULL
        GENERATED ALWAYS AS ((doc->>'award_id')::uuid) STORED REFERENCES award,
    school_id uuid NOT NULL
        GENERATED ALWAYS AS ((doc->>'school_id')::uuid) STORED REFERENCES school,
    academic_year text COLLATE "C" NOT NULL GENERATED ALWAYS AS (doc->>'academic_year') STORED,
    status text COLLATE "C" NOT NULL GENERATED ALWAYS AS (doc->>'status') STORED
);
-- One for each year; what a school became goes on with the award, and so with its plans.
CREATE UNIQUE INDEX plan_award_id_academic_year_key ON plan (award_id, academic_year);
CREATE UNIQUE INDEX plan_school_id_academic_year_key ON plan (school_id, academic_year);
CREATE INDEX plan_school ON plan (school_id, id);
CREATE INDEX plan_award ON plan (award_id, id);
CREATE INDEX plan_academic_year ON plan (academic_year, id);
CREATE INDEX plan_status ON plan (status, id);
CALL protect_documents('plan', '{head_office,client}');
CREATE POLICY owner_keeps ON plan TO CURRENT_USER USING (true) WITH CHECK (true);
CALL hold_references('plan', 'person', 'targets', '$.targets[*].responsible_person_ids[*]');
CALL hold_references('plan', 'plan', 'targets', '$.targets[*].carried_from.plan_id');

-- ---- projects ----

CREATE TABLE project (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    doc json NOT NULL,
    written_by uuid,
    award_id uuid NOT NULL
        GENERATED ALWAYS AS ((doc->>'award_id')::uuid) STORED REFERENCES award,
    school_id uuid NOT NULL
        GENERATED ALWAYS AS ((doc->>'school_id')::uuid) STORED REFERENCES school,
    status text COLLATE "C" NOT NULL GENERATED ALWAYS AS (doc->>'status') STORED
);
-- One at a time.
CREATE UNIQUE INDEX project_award_id_key ON project (award_id) WHERE status <> 'completed';
CREATE INDEX project_school ON project (school_id, id);
CREATE INDEX project_award ON project (award_id, id);
CREATE INDEX project_status ON project (status, id);
CALL protect_documents('project', '{head_office,client}');
CREATE POLICY owner_keeps ON project TO CURRENT_USER USING (true) WITH CHECK (true);
CALL hold_references('project', 'person', 'steps', '$.steps[*].responsible_person_ids[*]');

CREATE TABLE project_update (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    doc json NOT NULL,
    written_by uuid,
    project_id uuid NOT NULL
        GENERATED ALWAYS AS ((doc->>'project_id')::uuid) STORED REFERENCES project,
    school_id uuid NOT NULL
        GENERATED ALWAYS AS ((doc->>'school_id')::uuid) STORED REFERENCES school,
    academic_year text COLLATE "C" NOT NULL GENERATED ALWAYS AS (doc->>'academic_year') STORED,
    status text COLLATE "C" NOT NULL GENERATED ALWAYS AS (doc->>'status') STORED
);
CREATE UNIQUE INDEX project_update_project_id_academic_year_key
    ON project_update (project_id, academic_year);
CREATE INDEX project_update_project ON project_update (project_id, id);
CREATE INDEX project_update_school ON project_update (school_id, id);
CREATE INDEX project_update_academic_year ON project_update (academic_year, id);
CREATE INDEX project_update_status ON project_update (status, id);
CALL protect_documents('project_update', '{head_office,client}');
CREATE POLICY owner_keeps ON project_update TO CURRENT_USER USING (true) WITH CHECK (true);

-- ---- who keeps them ----

-- The school writes them, and goes on with those of what it was before; who leads its cluster takes
-- the steps that are theirs. Which members and steps those are, the contract says.
CREATE PROCEDURE share_work(name regclass)
    LANGUAGE plpgsql
AS $$
BEGIN
    CALL share_documents(name, '{head_office,client}',
        sees => 'school_id = ANY ((SELECT record_sight())::uuid[])',
        changes => 'school_id = ANY ((SELECT record_sight())::uuid[])',
        creates => 'school_id = ANY ((SELECT own_line())::uuid[])',
        deletes => 'school_id = ANY ((SELECT own_line())::uuid[])');
    EXECUTE format('CREATE TRIGGER keep_what_went_on AFTER DELETE ON %s '
        'FOR EACH ROW EXECUTE FUNCTION keep_what_went_on(''draft'')', name);
END $$;
CALL share_work('plan');
CALL share_work('project');
CALL share_work('project_update');
DROP PROCEDURE share_work;

-- What took a step once is part of the record, also where it was sent back since.
CREATE OR REPLACE FUNCTION keep_what_went_on() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    IF OLD.status <> TG_ARGV[0] THEN
        RAISE EXCEPTION 'This record is %, and is kept. Only while it is % can it be deleted.',
            replace(OLD.status, '_', ' '), TG_ARGV[0] USING ERRCODE = 'IQ409';
    ELSIF json_array_length(OLD.doc->'transitions') > 0 THEN
        RAISE EXCEPTION 'This record has gone on before, and is kept.' USING ERRCODE = 'IQ409';
    END IF;
    RETURN NULL;
END $$;

-- A school also says what it took from meetings before it became what it is.
CREATE OR REPLACE FUNCTION attendance_reach() RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    RETURN led_meetings() || own_line();
END $$;
CALL share_documents('attendance', '{head_office,client}',
    sees => 'ARRAY[meeting_id, school_id] && (SELECT attendance_sight())',
    changes => 'ARRAY[meeting_id, school_id] && (SELECT attendance_reach())',
    becomes => 'school_id = ANY ((SELECT own_line())::uuid[])
        OR ARRAY[meeting_id, school_id] <@ (SELECT led_records())',
    creates => 'ARRAY[meeting_id, school_id] <@ (SELECT led_records())
        OR school_id = (SELECT own_school())
            AND meeting_id = ANY ((SELECT own_meetings())::uuid[])',
    deletes => 'meeting_id = ANY ((SELECT led_meetings())::uuid[])');

CALL take_evidence_of('plan');
CALL take_evidence_of('project');
CALL take_evidence_of('project_update');

-- ---- what the ladder looks at ----

-- Of each record what the rules of the ladder look at (src/programme/ladder), made when it is written:
-- so that looking at years of records parses none of them. json_build_object is not IMMUTABLE, since
-- it may be given anything; of JSON and text it is.

CREATE FUNCTION award_facts(doc json) RETURNS json
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
BEGIN
    RETURN json_strip_nulls(json_build_object('id', doc->'id', 'level', doc->'level', 'status', doc->'status',
        'framework_id', doc->'framework_id', 'applied_on', doc->'applied_on',
        'first_awarded_on', doc->'first_awarded_on', 'contracts', doc->'contracts',
        'transitions', (SELECT coalesce(json_agg(json_build_object('transition', step->'transition',
                'status', step->'status', 'happened_on', step->'happened_on') ORDER BY place), '[]')
            FROM json_array_elements(doc->'transitions') WITH ORDINALITY AS steps (step, place))));
END $$;

CREATE FUNCTION review_facts(doc json) RETURNS json
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
BEGIN
    RETURN json_strip_nulls(json_build_object('id', doc->'id', 'award_id', doc->'award_id',
        'year', substr(doc->>'academic_year', 1, 4)::integer, 'status', doc->'status',
        'visited_on', doc->'visited_on',
        'judgements', (SELECT json_object_agg(j->>'criterion', j->'judgement')
            FROM json_array_elements(doc->'judgements') AS j)));
END $$;

CREATE FUNCTION framework_facts(doc json) RETURNS json
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
BEGIN
    RETURN (SELECT json_agg(json_strip_nulls(json_build_object('code', c->'code', 'kind', c->'kind',
            'title', c->'title', 'rule', c->'rule', 'minimum', c->'minimum')) ORDER BY place)
        FROM json_array_elements(doc->'criteria') WITH ORDINALITY AS listed (c, place));
END $$;

-- The day of the last step, where that led to the status.
CREATE FUNCTION plan_facts(doc json) RETURNS json
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
BEGIN
    RETURN json_strip_nulls(json_build_object('id', doc->'id',
        'year', substr(doc->>'academic_year', 1, 4)::integer, 'reviewed_on',
        CASE WHEN doc->>'status' = 'reviewed' THEN doc->'transitions'->-1->'happened_on' END));
END $$;

CREATE FUNCTION project_update_facts(doc json) RETURNS json
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
BEGIN
    RETURN json_strip_nulls(json_build_object('id', doc->'id',
        'year', substr(doc->>'academic_year', 1, 4)::integer, 'submitted_on',
        CASE WHEN doc->>'status' = 'submitted' THEN doc->'transitions'->-1->'happened_on' END));
END $$;
GRANT EXECUTE ON FUNCTION award_facts(json), review_facts(json), framework_facts(json),
    plan_facts(json), project_update_facts(json) TO iqm_server;

ALTER TABLE award ADD COLUMN facts json NOT NULL GENERATED ALWAYS AS (award_facts(doc)) STORED;
ALTER TABLE review ADD COLUMN facts json NOT NULL GENERATED ALWAYS AS (review_facts(doc)) STORED;
ALTER TABLE framework ADD COLUMN facts json NOT NULL
    GENERATED ALWAYS AS (framework_facts(doc)) STORED;
ALTER TABLE plan ADD COLUMN facts json NOT NULL GENERATED ALWAYS AS (plan_facts(doc)) STORED;
ALTER TABLE project_update ADD COLUMN facts json NOT NULL
    GENERATED ALWAYS AS (project_update_facts(doc)) STORED;
ALTER TABLE contribution ADD COLUMN criteria json GENERATED ALWAYS AS (doc->'criteria') STORED;
CREATE INDEX contribution_criteria ON contribution (school_id) WHERE criteria IS NOT NULL;
ALTER TABLE attendance ADD COLUMN present boolean NOT NULL
    GENERATED ALWAYS AS (doc->>'status' = 'present') STORED;

DROP FUNCTION meeting_facts(uuid[], uuid, date);

-- As before; most schools came from no other.
CREATE OR REPLACE FUNCTION lineage(school uuid) RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    IF school IS NULL OR NOT EXISTS (SELECT FROM succession WHERE successor_id = school) THEN
        RETURN array_remove(ARRAY[school], NULL);
    END IF;
    RETURN ARRAY(WITH RECURSIVE line (id) AS (
        SELECT school
        UNION SELECT predecessor_id FROM succession JOIN line ON successor_id = line.id)
        SELECT id FROM line);
END $$;

-- What a school came to, and what its cluster held, from the indexes alone.
CREATE INDEX attendance_present ON attendance (school_id, meeting_id, id) WHERE present;
CREATE INDEX meeting_of_cluster ON meeting (cluster_id, held_on, id) WHERE kind = 'cluster';

-- What is recorded now of days up to this one, of the school and those it came from. Reviews come newest
-- first. Of meetings those of the cluster it is in, and those it came to, by academic year; days are
-- compared so that no index by day is asked. `support`: contributions and evidence that name a criterion,
-- the newest of each; evidence of a review is the review's. NULL where the caller does not see the
-- school's own records.
CREATE OR REPLACE FUNCTION school_facts(school uuid, day date) RETURNS json
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    line uuid[] := ARRAY[school];
    cluster uuid;
    closed_on json;
BEGIN
    -- What most calls need neither function for.
    IF NOT coalesce(nullif(current_setting('iqm.roles', true), '')::text[]
            && '{head_office,client}', false) AND NOT sees_records(school) THEN
        RETURN NULL;
    END IF;
    IF EXISTS (SELECT FROM succession WHERE successor_id = school) THEN
        line := lineage(school);
    END IF;
    SELECT s.cluster_id, CASE WHEN s.status = 'closed' THEN s.doc->'close_date' END
    INTO cluster, closed_on FROM school AS s WHERE s.id = school;
    RETURN (WITH attended AS MATERIALIZED (
        SELECT a.meeting_id AS id, '/v1/attendances/' || min(a.id::text) AS attendance
        FROM attendance AS a WHERE a.school_id = ANY (line) AND a.present GROUP BY a.meeting_id
    ), taken AS (
        SELECT m.id, m.held_on, attended.attendance
        FROM meeting AS m LEFT JOIN attended ON attended.id = m.id
        WHERE m.cluster_id = cluster AND m.kind = 'cluster' AND day - m.held_on BETWEEN 0 AND 2199
        UNION ALL
        SELECT m.id, m.held_on, attended.attendance
        FROM attended JOIN meeting AS m ON m.id = attended.id
        WHERE m.kind = 'cluster' AND m.held_on <= day
          AND (m.cluster_id <> cluster OR cluster IS NULL OR day - m.held_on >= 2200)
    ), years AS (
        SELECT first_year_of(held_on) AS year, count(*) AS held, count(attendance) AS attended,
            coalesce(json_agg(attendance) FILTER (WHERE attendance IS NOT NULL), '[]') AS attendances,
            coalesce(json_agg('/v1/meetings/' || id) FILTER (WHERE attendance IS NULL), '[]') AS missed,
            max(held_on) FILTER (WHERE attendance IS NOT NULL) AS last
        FROM taken GROUP BY first_year_of(held_on)
    ), named AS (
        SELECT one->>'framework_id' AS framework_id, one->>'code' AS code,
            '/v1/contributions/' || c.id AS path, c.id
        FROM contribution AS c, json_array_elements(c.criteria) AS one
        WHERE c.school_id = ANY (line) AND c.criteria IS NOT NULL AND c.happened_on <= day
        UNION ALL SELECT e.framework_id::text, e.doc->>'criterion', '/v1/evidence/' || e.id, e.id
        FROM evidence AS e
        WHERE e.school_id = ANY (line) AND e.framework_id IS NOT NULL AND e.review_id IS NULL
          AND date_of(e.doc->>'created_at') <= day
        ORDER BY id DESC LIMIT 500
    )
    SELECT json_build_object('school_id', school, 'cluster_id', cluster, 'closed_on', closed_on,
        'awards', (SELECT coalesce(json_agg(a.facts ORDER BY a.id), '[]') FROM award AS a
            WHERE a.school_id = ANY (line)),
        'frameworks', (SELECT coalesce(json_object_agg(f.id, f.facts), '{}')
            FROM framework AS f WHERE f.id IN (
                SELECT a.framework_id FROM award AS a WHERE a.school_id = ANY (line))),
        'reviews', (SELECT coalesce(json_agg(r.facts
                ORDER BY coalesce(r.visited_on, r.scheduled_on) DESC, r.id DESC), '[]')
            FROM review AS r WHERE r.school_id = ANY (line)),
        'plans', (SELECT coalesce(json_agg(p.facts), '[]') FROM plan AS p
            WHERE p.school_id = ANY (line)),
        'projects', (SELECT coalesce(json_agg(p.id), '[]') FROM project AS p
            WHERE p.school_id = ANY (line)),
        'updates', (SELECT coalesce(json_agg(u.facts), '[]') FROM project_update AS u
            WHERE u.school_id = ANY (line)),
        'support', (SELECT coalesce(json_agg(json_build_object('framework_id', framework_id,
            'code', code, 'path', path) ORDER BY path), '[]') FROM named),
        'meetings', coalesce(json_agg(json_build_object('year', year, 'held', held,
            'attended', attended, 'attendances', attendances, 'missed', missed) ORDER BY year), '[]'),
        'last_attended_on', max(last))
    FROM years);
END $$;
