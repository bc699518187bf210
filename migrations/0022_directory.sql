-- The directory of award holders, which anybody may read: kept beside the records it follows from, so
-- that a page of it costs the same however few of the schools are on it.

-- A line for each time that a level was held without a break, by a school or by what it was before.
-- `shown`: the days of it on which no higher level was held; on one day, one line of a school at most.
-- Other columns are the school's.
CREATE TABLE directory_line (
    school_id uuid NOT NULL REFERENCES school,
    level text COLLATE "C" NOT NULL,
    held daterange NOT NULL,
    shown datemultirange NOT NULL,
    closed boolean NOT NULL,
    name text COLLATE "en-x-icu" NOT NULL,
    town text,
    region text COLLATE "C",
    phase text COLLATE "C",
    PRIMARY KEY (school_id, level, held)
);
CREATE INDEX directory_line_name ON directory_line (name, school_id);
CREATE INDEX directory_line_name_prefix ON directory_line (lower(name) COLLATE "C");
CREATE INDEX directory_line_level ON directory_line (level, name, school_id);
CALL keep_from_server('directory_line');

-- What schools became, last of all; of a school that became nothing else, itself.
CREATE FUNCTION ends_of(schools uuid[]) RETURNS uuid[]
    LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN ARRAY(WITH RECURSIVE line (id) AS (
        SELECT unnest(schools)
        UNION SELECT successor_id FROM succession JOIN line ON predecessor_id = line.id)
        SELECT id FROM line
        WHERE NOT EXISTS (SELECT FROM succession WHERE predecessor_id = line.id));
END $$;

-- How the awards of a school and of what it was before stand in the directory.
CREATE FUNCTION lines_in_directory(school uuid) RETURNS
    TABLE (level text, held daterange, shown datemultirange)
    LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN QUERY WITH taken AS (
        SELECT a.level, range_agg(a.held) AS days, array_position(
            '{flagship,centre_of_excellence,inclusive_school_award}'::text[], a.level) AS place
        FROM award AS a WHERE a.school_id = ANY (lineage(school)) AND a.held <> '{}'
        GROUP BY a.level
    ), ranked AS (
        SELECT t.level, t.days, coalesce(range_agg(t.days) OVER (ORDER BY place
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), '{}') AS higher
        FROM taken AS t
    )
    SELECT r.level, one, datemultirange(one) - r.higher FROM ranked AS r, unnest(r.days) AS one;
END $$;

/*
 * Makes their lines anew. The rows of the schools are locked first, in one order for all: so two
 * that change the same line take turns and the second sees what the first did, and a school that is
 * being renamed is waited for. But less than PostgreSQL waits before it looks for deadlocks (a second):
 * an import of the register holds many schools, in another order, and it is not the one to give way.
 */
CREATE FUNCTION list_in_directory(schools uuid[]) RETURNS void
    LANGUAGE plpgsql SET lock_timeout = '900ms'
AS $$
DECLARE
    ends uuid[] := ends_of(schools);
BEGIN
    PERFORM FROM school WHERE id = ANY (schools || ends) ORDER BY id FOR NO KEY UPDATE;
    DELETE FROM directory_line WHERE school_id = ANY (schools || ends);
    INSERT INTO directory_line
        (school_id, level, held, shown, closed, name, town, region, phase)
    SELECT s.id, l.level, l.held, l.shown, s.status = 'closed', s.name, s.doc->>'town', s.region,
        s.phase
    FROM school AS s, lines_in_directory(s.id) AS l
    WHERE s.id = ANY (ends) AND l.shown <> '{}';
END $$;

-- Which schools became which does not change while awards are being listed: 7310581, which who
-- changes that holds alone.
CREATE FUNCTION directory_follows_award() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(7310581);
    PERFORM list_in_directory(CASE WHEN TG_OP = 'UPDATE' THEN ARRAY[OLD.school_id] END
        || NEW.school_id);
    RETURN NULL;
END $$;
CREATE TRIGGER directory_follows_award AFTER INSERT ON award
    FOR EACH ROW WHEN (NEW.held <> '{}') EXECUTE FUNCTION directory_follows_award();
CREATE TRIGGER directory_follows_award_changed AFTER UPDATE ON award FOR EACH ROW
    WHEN ((OLD.held, OLD.level, OLD.school_id)
        IS DISTINCT FROM (NEW.held, NEW.level, NEW.school_id))
    EXECUTE FUNCTION directory_follows_award();

CREATE FUNCTION directory_follows_succession() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    concerned uuid[] := '{}';
BEGIN
    PERFORM pg_advisory_xact_lock(7310581);
    IF TG_OP <> 'INSERT' THEN
        concerned := ARRAY[OLD.predecessor_id, OLD.successor_id];
    END IF;
    IF TG_OP <> 'DELETE' THEN
        concerned := concerned || ARRAY[NEW.predecessor_id, NEW.successor_id];
    END IF;
    PERFORM list_in_directory(concerned);
    RETURN NULL;
END $$;
CREATE TRIGGER directory_follows_succession AFTER INSERT OR DELETE ON succession
    FOR EACH ROW EXECUTE FUNCTION directory_follows_succession();
CREATE TRIGGER directory_follows_succession_changed AFTER UPDATE ON succession FOR EACH ROW
    WHEN ((OLD.predecessor_id, OLD.successor_id)
        IS DISTINCT FROM (NEW.predecessor_id, NEW.successor_id))
    EXECUTE FUNCTION directory_follows_succession();

CREATE FUNCTION directory_follows_school() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    UPDATE directory_line SET closed = NEW.status = 'closed', name = NEW.name,
        town = NEW.doc->>'town', region = NEW.region, phase = NEW.phase
    WHERE school_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER directory_follows_school AFTER UPDATE OF doc ON school FOR EACH ROW
    WHEN ((OLD.name, OLD.status, OLD.region, OLD.phase, OLD.doc->>'town')
        IS DISTINCT FROM (NEW.name, NEW.status, NEW.region, NEW.phase, NEW.doc->>'town'))
    EXECUTE FUNCTION directory_follows_school();

SELECT list_in_directory(ARRAY(SELECT DISTINCT school_id FROM award WHERE held <> '{}'));

-- A page of it as it is today, from after a school on: what is shown of a school, and nothing else. In
-- the order of an index: under row-level security the planner does not know that most lines are shown
-- today, and would rather sort them all.
CREATE FUNCTION read_directory(of_level text, of_region text, of_phase text, prefix text,
        after_name text, after_id uuid, most integer) RETURNS
    TABLE (school_id uuid, name text, town text, region text, phase text, award text, since date)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, public SET plan_cache_mode = force_custom_plan
    SET enable_seqscan = off
AS $$
DECLARE
    day date := today();
BEGIN
    RETURN QUERY
    SELECT l.school_id, l.name, l.town, l.region, l.phase, l.level, lower(l.held)
    FROM directory_line AS l
    WHERE l.shown @> day AND NOT l.closed
      AND (of_level IS NULL OR l.level = of_level)
      AND (of_region IS NULL OR l.region = of_region)
      AND (of_phase IS NULL OR l.phase = of_phase)
      AND (prefix IS NULL OR lower(l.name) COLLATE "C"
        ^@ lower(prefix COLLATE "en-x-icu") COLLATE "C")
      AND (after_id IS NULL OR (l.name, l.school_id) > (after_name, after_id))
    ORDER BY l.name, l.school_id LIMIT most;
END $$;
GRANT EXECUTE ON FUNCTION read_directory(text, text, text, text, text, uuid, integer) TO iqm_server;
