-- What schools share: practice, research, visits and the like, and how it is found by its words.

-- Of a contribution, what a search narrows by, as lexemes beside those of its text: one index then
-- answers words and filters together. No text yields a lexeme that begins with #. The numbered ones
-- say in which run of numbers it is, in runs of 512 (#0:…), 2048 (#1:…) and so on, so that a search
-- can look at the newest first.
CREATE FUNCTION contribution_tags(doc json, number bigint, cluster_id uuid, phase text, region text)
    RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN array_remove(ARRAY['#at=' || (doc->>'school_id'), '#at=' || cluster_id,
        CASE WHEN doc->>'visibility' IN ('programme', 'public') THEN '#open' END,
        '#kind=' || (doc->>'kind'), '#academic_year=' || (doc->>'academic_year'),
        '#phase=' || phase, '#region=' || region, '#0:' || (number >> 9), '#1:' || (number >> 11),
        '#2:' || (number >> 13), '#3:' || (number >> 15), '#4:' || (number >> 17),
        '#5:' || (number >> 19)], NULL);
GRANT EXECUTE ON FUNCTION contribution_tags(json, bigint, uuid, text, text) TO iqm_server;

-- cluster_id, phase and region are those of the school, kept by the triggers below.
CREATE TABLE contribution (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    doc json NOT NULL,
    written_by uuid,
    number bigint GENERATED ALWAYS AS IDENTITY,
    cluster_id uuid,
    phase text COLLATE "C",
    region text COLLATE "C",
    school_id uuid NOT NULL
        GENERATED ALWAYS AS ((doc->>'school_id')::uuid) STORED REFERENCES school,
    kind text COLLATE "C" NOT NULL GENERATED ALWAYS AS (doc->>'kind') STORED,
    visibility text COLLATE "C" NOT NULL GENERATED ALWAYS AS (doc->>'visibility') STORED,
    happened_on date NOT NULL GENERATED ALWAYS AS (date_of(doc->>'happened_on')) STORED,
    academic_year text COLLATE "C" GENERATED ALWAYS AS (doc->>'academic_year') STORED,
    search tsvector NOT NULL GENERATED ALWAYS AS (
        setweight(to_tsvector('pg_catalog.english', coalesce(doc->>'title', '')), 'A')
        || setweight(to_tsvector('pg_catalog.english', coalesce(doc->>'description', '')), 'B')
        || setweight(to_tsvector('pg_catalog.english', coalesce(doc->>'impact', '')), 'C')
        || array_to_tsvector(contribution_tags(doc, number, cluster_id, phase, region))) STORED
);
-- A search reads a hundred of them: what is of usual length stays in the row, as it is.
ALTER TABLE contribution ALTER search SET STORAGE EXTERNAL, SET (toast_tuple_target = 4096);
CREATE INDEX contribution_school ON contribution (school_id, id);
CREATE INDEX contribution_cluster ON contribution (cluster_id);
CREATE INDEX contribution_kind ON contribution (kind, id);
CREATE INDEX contribution_visibility ON contribution (visibility, id);
CREATE INDEX contribution_happened_on ON contribution (happened_on, id);
CREATE INDEX contribution_academic_year ON contribution (academic_year, number);
CREATE INDEX contribution_search ON contribution USING gin (search);
CALL protect_documents('contribution', '{head_office,client}');
CREATE POLICY owner_keeps ON contribution TO CURRENT_USER USING (true) WITH CHECK (true);

-- Whether the caller is an ambassador or of a school.
CREATE FUNCTION takes_part() RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    RETURN EXISTS (SELECT FROM account
        WHERE id = actor_with_role('ambassador') AND 'ambassador' = ANY (roles)
            OR id = actor_with_role('school') AND 'school' = ANY (roles));
END $$;
GRANT EXECUTE ON FUNCTION takes_part() TO iqm_server;

-- Seen by the own cluster and by who leads it; by everybody of the programme where the school says
-- so. Written by the school.
CALL share_documents('contribution', '{head_office,client}',
    sees => '(visibility IN (''programme'', ''public'') AND (SELECT takes_part()))
        OR ARRAY[school_id, cluster_id] && (SELECT school_sight())',
    changes => 'school_id = (SELECT own_school())',
    creates => 'school_id = (SELECT own_school())',
    deletes => 'school_id = (SELECT own_school())');

-- ---- partners ----

-- Which schools took part, as the document says: holds them fast while it does.
CREATE TABLE contribution_partner (
    contribution_id uuid NOT NULL REFERENCES contribution ON DELETE CASCADE,
    school_id uuid NOT NULL CONSTRAINT contribution_partner_school_ids_fkey REFERENCES school,
    PRIMARY KEY (contribution_id, school_id)
);
CREATE INDEX contribution_partner_school ON contribution_partner (school_id);
CALL keep_from_server('contribution_partner');

CREATE FUNCTION keep_contribution_partners() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    partners uuid[] := texts_of(NEW.doc->'partner_school_ids')::uuid[];
BEGIN
    DELETE FROM contribution_partner
    WHERE contribution_id = NEW.id AND school_id <> ALL (coalesce(partners, '{}'));
    INSERT INTO contribution_partner (contribution_id, school_id)
    SELECT NEW.id, unnest(partners) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER keep_contribution_partners AFTER INSERT ON contribution FOR EACH ROW
    WHEN (NEW.doc->'partner_school_ids' IS NOT NULL) EXECUTE FUNCTION keep_contribution_partners();
CREATE TRIGGER keep_contribution_partners_changed AFTER UPDATE OF doc ON contribution FOR EACH ROW
    WHEN ((OLD.doc->'partner_school_ids')::text
        IS DISTINCT FROM (NEW.doc->'partner_school_ids')::text)
    EXECUTE FUNCTION keep_contribution_partners();

-- ---- where the school is ----

-- To hold a school and its cluster as they are while a contribution takes over where they are;
-- changes nothing.
CREATE POLICY owner_reads ON cluster FOR SELECT TO CURRENT_USER USING (true);
CREATE POLICY owner_holds ON cluster FOR UPDATE TO CURRENT_USER USING (true) WITH CHECK (false);
CREATE POLICY owner_holds ON school FOR UPDATE TO CURRENT_USER USING (true) WITH CHECK (false);

CREATE FUNCTION place_contribution() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    school uuid := (NEW.doc->>'school_id')::uuid;
BEGIN
    SELECT s.cluster_id, s.phase INTO NEW.cluster_id, NEW.phase
    FROM school AS s WHERE s.id = school FOR SHARE;
    SELECT c.region INTO NEW.region FROM cluster AS c WHERE c.id = NEW.cluster_id FOR SHARE;
    RETURN NEW;
END $$;
CREATE TRIGGER place_contribution BEFORE INSERT ON contribution
    FOR EACH ROW EXECUTE FUNCTION place_contribution();
CREATE TRIGGER place_contribution_anew BEFORE UPDATE OF doc ON contribution FOR EACH ROW
    WHEN (OLD.doc->>'school_id' IS DISTINCT FROM NEW.doc->>'school_id')
    EXECUTE FUNCTION place_contribution();

CREATE FUNCTION move_contributions() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    IF TG_TABLE_NAME = 'school' THEN
        UPDATE contribution AS c SET cluster_id = NEW.cluster_id, phase = NEW.phase,
            region = (SELECT cluster.region FROM cluster
                WHERE cluster.id = NEW.cluster_id FOR SHARE)
        WHERE c.school_id = NEW.id;
    ELSE
        UPDATE contribution AS c SET region = NEW.region WHERE c.cluster_id = NEW.id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER move_contributions AFTER UPDATE ON school FOR EACH ROW
    WHEN ((OLD.cluster_id, OLD.phase) IS DISTINCT FROM (NEW.cluster_id, NEW.phase))
    EXECUTE FUNCTION move_contributions();
CREATE TRIGGER move_contributions AFTER UPDATE ON cluster FOR EACH ROW
    WHEN (OLD.region IS DISTINCT FROM NEW.region) EXECUTE FUNCTION move_contributions();

-- ---- search ----

CREATE FUNCTION tag_query(tag text) RETURNS tsquery
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN ('''' || replace(replace(tag, '\', '\\'), '''', '''''') || '''')::tsquery;

-- Of the newest 100 that match words and tags and that the caller may see, the best. Row-level
-- security would keep the words from the index: so this runs as the owner, says which rows by id
-- only, and asks for what the policy asks: what is open to all, or near. It looks at the last two
-- runs of the shortest level first, then at those of a level where a hundred are to be expected.
CREATE FUNCTION search_contributions(words tsquery, tags text[], year text, most integer,
        OUT id uuid, OUT rank real, OUT ranked integer, OUT more boolean) RETURNS SETOF record
    LANGUAGE plpgsql STABLE ROWS 10 SECURITY DEFINER
    SET search_path = pg_catalog, public SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
AS $$
DECLARE
    at_most CONSTANT integer := 100;
    wanted tsquery := words;
    everything boolean := coalesce(
        nullif(current_setting('iqm.roles', true), '')::text[] && '{head_office,client}', false);
    near tsquery := '''#none''';
    newest bigint := CASE WHEN year IS NULL THEN (SELECT last_value FROM contribution_number_seq)
        ELSE (SELECT max(c.number) FROM contribution AS c WHERE c.academic_year = year) END;
    tag text;
    level integer := 0;
    run bigint;
    look tsquery; -- the runs to look at; null: all
    place uuid;
    found tid[];
BEGIN
    IF newest IS NULL OR numnode(words) = 0 THEN
        RETURN;
    END IF;
    FOREACH tag IN ARRAY tags || ('#academic_year=' || year) LOOP
        wanted := coalesce(wanted && tag_query(tag), wanted);
    END LOOP;
    IF NOT everything THEN
        FOREACH place IN ARRAY array_remove(school_sight(), NULL) LOOP
            near := near || tag_query('#at=' || place);
        END LOOP;
        near := wanted && near;
        wanted := wanted && CASE WHEN takes_part() THEN '''#open''' ELSE '''#none''' END::tsquery;
    END IF;
    LOOP
        run := CASE WHEN level < 6 THEN newest >> 9 + 2 * level ELSE 0 END;
        look := NULL;
        IF run > 0 THEN
            look := tag_query('#' || level || ':' || run)
                || tag_query('#' || level || ':' || run - 1);
        END IF;
        WITH matches AS MATERIALIZED (
            SELECT c.ctid AS at, c.number FROM contribution AS c
            WHERE c.search @@ coalesce(wanted && look, wanted)
                OR c.search @@ coalesce(near && look, near))
        SELECT array_agg(m.at) INTO found FROM (
            SELECT matches.at FROM matches ORDER BY matches.number DESC LIMIT at_most + 1) AS m;
        EXIT WHEN run = 0 OR cardinality(found) > at_most;
        level := level + greatest(1,
            ceil(ln(at_most / coalesce(cardinality(found), 0.25)::float8) / ln(4.0::float8)));
    END LOOP;
    IF found IS NULL THEN
        RETURN;
    END IF;
    ranked := least(cardinality(found), at_most);
    more := cardinality(found) > at_most;
    RETURN QUERY
    SELECT c.id, ts_rank(c.search, words) AS r, search_contributions.ranked,
        search_contributions.more
    FROM contribution AS c WHERE c.ctid = ANY (found[:at_most])
    ORDER BY r DESC, c.number DESC LIMIT most;
END $$;
GRANT EXECUTE ON FUNCTION search_contributions(tsquery, text[], text, integer) TO iqm_server;
