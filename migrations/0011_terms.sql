-- Terms in one place, meetings that schools set up between themselves, and what a school may say of
-- its own part in a meeting.

-- ---- terms ----

CREATE FUNCTION academic_year_of(day date) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (SELECT lpad(first::text, 4, '0') || '/' || lpad(((first + 1) % 100)::text, 2, '0')
        FROM (SELECT date_part('year', day + interval '4 months')::int - 1 AS first) AS year);

-- Its 1 September.
CREATE FUNCTION academic_year_start(academic_year text) RETURNS date
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (make_date(substr(academic_year, 1, 4)::int + 1, 1, 1) - interval '4 months')::date;

-- Easter Sunday (Gregorian calendar; Meeus, Astronomical Algorithms, ch. 8).
CREATE FUNCTION easter_of(year integer) RETURNS date
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
DECLARE
    golden integer := year % 19;
    century integer := year / 100;
    rest integer := year % 100;
    correction integer := (century + 8) / 25;
    epact integer := (19 * golden + century - century / 4 - (century - correction + 1) / 3 + 15)
        % 30;
    weekday integer := (32 + 2 * (century % 4) + 2 * (rest / 4) - epact - rest % 4) % 7;
    late integer := (golden + 11 * epact + 22 * weekday) / 451;
    days integer := epact + weekday - 7 * late + 114;
BEGIN
    RETURN make_date(year, days / 31, days % 31 + 1);
END $$;

-- The terms of an academic year, without gaps: days between two terms count to the one before, as a
-- meeting on the first day of a holiday does; what is before the first is autumn already. By the
-- authority's own dates, else by the general ones, else 1 January and Easter Monday part them.
CREATE FUNCTION term_spans(academic_year text, local_authority text) RETURNS
    TABLE (term text, starts_on date, ends_on date)
    LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$
DECLARE
    autumn date := academic_year_start(academic_year);
    dates json := (SELECT d.doc FROM term_dates AS d
        WHERE d.academic_year = term_spans.academic_year
          AND (d.local_authority_code IS NULL OR d.local_authority_code = local_authority)
        ORDER BY d.local_authority_code NULLS LAST LIMIT 1);
    spring date := coalesce(date_of(dates->'spring'->>'starts_on'),
        (autumn + interval '4 months')::date);
    summer date := coalesce(date_of(dates->'summer'->>'starts_on'),
        easter_of(date_part('year', autumn + interval '4 months')::int) + 1);
BEGIN
    RETURN QUERY VALUES ('autumn', autumn, spring - 1), ('spring', spring, summer - 1),
        ('summer', summer, (autumn + interval '1 year')::date - 1);
END $$;

-- The one place that says which term a day is in.
CREATE FUNCTION term_of(held_on date, local_authority text) RETURNS text
    LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$
BEGIN
    RETURN (SELECT s.term FROM term_spans(academic_year_of(held_on), local_authority) AS s
        WHERE held_on BETWEEN s.starts_on AND s.ends_on);
END $$;

-- A meeting's: the dates of the host school's authority hold.
CREATE FUNCTION meeting_term(held_on date, host_school_id uuid) RETURNS text
    LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$
BEGIN
    RETURN term_of(held_on,
        (SELECT local_authority_code FROM school WHERE id = host_school_id));
END $$;

GRANT EXECUTE ON FUNCTION academic_year_of(date), academic_year_start(text), easter_of(integer),
    term_spans(text, text), term_of(date, text), meeting_term(date, uuid) TO iqm_server;

CREATE POLICY owner_reads ON term_dates FOR SELECT TO CURRENT_USER USING (true);
CREATE POLICY owner_derives ON meeting FOR UPDATE TO CURRENT_USER USING (true) WITH CHECK (true);

-- Meetings whose term is no longer the one they were stored with: of an authority's schools (NULL:
-- of all), or of one host (NULL: of any).
CREATE FUNCTION stale_meetings(first_day date, last_day date, authority text, host uuid)
    RETURNS uuid[]
    LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN ARRAY(SELECT id FROM meeting
        WHERE held_on BETWEEN first_day AND last_day
          AND (host IS NULL OR host_school_id = host)
          AND (authority IS NULL OR host_school_id IN (
            SELECT s.id FROM school AS s WHERE s.local_authority_code = authority))
          AND doc->>'term' <> meeting_term(held_on, host_school_id)
        ORDER BY id);
END $$;

/*
 * Brings their terms up to date, as a change of the meeting like any other. Locks, in this order:
 *   7310579          what terms follow from; term dates exclusively, schools shared
 *   meeting rows     as whoever changes a meeting
 *   7310580, `key`   a year or a host school; who writes a meeting shares it (check_term), so that
 *                    none comes in with a term of before
 * A meeting that was written between the last two and is locked again already is not waited for:
 * its writer may wait for us. Then this change fails and may be tried again.
 */
CREATE FUNCTION derive_terms(first_day date, last_day date, authority text, host uuid, key text)
    RETURNS void
    LANGUAGE plpgsql
AS $$
DECLARE
    stale uuid[] := stale_meetings(first_day, last_day, authority, host);
BEGIN
    PERFORM FROM meeting WHERE id = ANY (stale) ORDER BY id FOR NO KEY UPDATE;
    PERFORM pg_advisory_xact_lock(7310580, hashtext(key));
    stale := stale_meetings(first_day, last_day, authority, host);
    PERFORM FROM meeting WHERE id = ANY (stale) ORDER BY id FOR NO KEY UPDATE NOWAIT;
    UPDATE meeting SET version = version + 1,
        written_by = nullif(current_setting('iqm.actor', true), '')::uuid,
        doc = document_with(doc, json_build_object('version', version + 1,
            'updated_at', time_text(clock_timestamp()),
            'term', meeting_term(held_on, host_school_id)))
    WHERE id = ANY (stale);
END $$;

-- The text of an update's row before and after it may speak of two years or authorities.
CREATE FUNCTION terms_follow_dates() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    dates record;
BEGIN
    PERFORM pg_advisory_xact_lock(7310579);
    FOR dates IN
        SELECT year, authority, academic_year_start(year) AS first_day
        FROM (SELECT OLD.academic_year AS year, OLD.local_authority_code AS authority
            WHERE TG_OP <> 'INSERT'
            UNION SELECT NEW.academic_year, NEW.local_authority_code WHERE TG_OP <> 'DELETE') AS d
        ORDER BY year, authority
    LOOP
        PERFORM derive_terms(dates.first_day, (dates.first_day + interval '1 year')::date - 1,
            dates.authority, NULL, dates.year);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER terms_follow_dates AFTER INSERT OR UPDATE OR DELETE ON term_dates
    FOR EACH ROW EXECUTE FUNCTION terms_follow_dates();

CREATE FUNCTION terms_follow_school() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(7310579);
    PERFORM derive_terms('-infinity', 'infinity', NULL, NEW.id, NEW.id::text);
    RETURN NULL;
END $$;
CREATE TRIGGER terms_follow_school AFTER UPDATE ON school FOR EACH ROW
    WHEN (OLD.local_authority_code IS DISTINCT FROM NEW.local_authority_code)
    EXECUTE FUNCTION terms_follow_school();

-- A meeting is stored with the term that its rules were told a moment before. Where that has changed
-- since, writing it once more will do. After the row, so that policies speak first.
CREATE FUNCTION check_term() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(7310580, hashtext(academic_year_of(NEW.held_on)));
    PERFORM pg_advisory_xact_lock_shared(7310580, hashtext(NEW.host_school_id::text));
    IF NEW.doc->>'term' <> meeting_term(NEW.held_on, NEW.host_school_id) THEN
        RAISE EXCEPTION 'term dates have changed meanwhile' USING ERRCODE = '40001';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER check_term AFTER INSERT OR UPDATE ON meeting FOR EACH ROW
    WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION check_term();

-- ---- meetings between schools ----

CREATE FUNCTION uuids_of(list json) RETURNS uuid[]
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN ARRAY(SELECT json_array_elements_text(list)::uuid);
GRANT EXECUTE ON FUNCTION uuids_of(json) TO iqm_server;

ALTER TABLE meeting
    ADD COLUMN kind text COLLATE "C" NOT NULL GENERATED ALWAYS AS (doc->>'kind') STORED,
    ADD COLUMN invited_school_ids uuid[] NOT NULL
        GENERATED ALWAYS AS (coalesce(uuids_of(doc->'invited_school_ids'), '{}')) STORED;
-- Few meetings invite: for whose invitations it is, and for a school that is deleted.
CREATE INDEX meeting_invited_schools ON meeting USING gin (invited_school_ids)
    WHERE invited_school_ids <> '{}';

-- Locking a row asks for a policy that lets it be changed; nothing may be stored by it.
CREATE POLICY owner_refers ON school FOR UPDATE TO CURRENT_USER USING (true) WITH CHECK (false);

-- Who is invited anew exists, stays while invited, and is known to who invites.
CREATE FUNCTION check_invited() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    wanted uuid[] := NEW.invited_school_ids;
    known uuid[];
BEGIN
    IF TG_OP = 'UPDATE' THEN
        wanted := ARRAY(SELECT unnest(wanted) EXCEPT SELECT unnest(OLD.invited_school_ids));
    END IF;
    known := ARRAY(SELECT id FROM school WHERE id = ANY (wanted) ORDER BY id FOR KEY SHARE);
    IF NOT 'head_office' = ANY (nullif(current_setting('iqm.roles', true), '')::text[]) THEN
        known := ARRAY(SELECT unnest(known) INTERSECT SELECT unnest(succession_sight()));
    END IF;
    IF NOT wanted <@ known THEN
        RAISE EXCEPTION 'A school is invited that does not exist.'
            USING ERRCODE = 'IQ422', CONSTRAINT = 'meeting_invited_school_ids_fkey';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER check_invited AFTER INSERT OR UPDATE ON meeting FOR EACH ROW
    WHEN (NEW.invited_school_ids <> '{}') EXECUTE FUNCTION check_invited();

CREATE FUNCTION keep_invited() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    IF EXISTS (SELECT FROM meeting
        WHERE invited_school_ids @> ARRAY[OLD.id] AND invited_school_ids <> '{}') THEN
        RAISE EXCEPTION 'invited to a meeting'
            USING ERRCODE = '23503', CONSTRAINT = 'meeting_invited_school_ids_fkey';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER keep_invited AFTER DELETE ON school
    FOR EACH ROW EXECUTE FUNCTION keep_invited();

-- ---- whose meetings and attendances are seen and written ----

-- A school and those it came from, however far back; in a circle, each once.
CREATE FUNCTION lineage(school uuid) RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    RETURN ARRAY(WITH RECURSIVE line (id) AS (
        SELECT school WHERE school IS NOT NULL
        UNION SELECT predecessor_id FROM succession JOIN line ON successor_id = line.id)
        SELECT id FROM line);
END $$;
CREATE POLICY owner_reads ON succession FOR SELECT TO CURRENT_USER USING (true);

-- Meetings that the own school takes part in: its cluster's, what it hosts, where it is invited.
CREATE FUNCTION own_meetings() RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    school uuid := own_school();
BEGIN
    RETURN ARRAY(SELECT id FROM meeting WHERE cluster_id = own_cluster()
        UNION SELECT id FROM meeting WHERE host_school_id = school
        UNION SELECT id FROM meeting
            WHERE invited_school_ids @> ARRAY[school] AND invited_school_ids <> '{}');
END $$;

-- Also what the own school hosts, and meetings it came to, whoever held them: itself or as what it
-- was before.
CREATE OR REPLACE FUNCTION meeting_sight() RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    line uuid[] := lineage(own_school());
BEGIN
    RETURN led_places() || line || own_cluster()
        || ARRAY(SELECT meeting_id FROM attendance WHERE school_id = ANY (line));
END $$;

CREATE OR REPLACE FUNCTION attendance_sight() RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    RETURN led_places() || led_meetings() || lineage(own_school());
END $$;

GRANT EXECUTE ON FUNCTION own_cluster(), own_meetings(), lineage(uuid) TO iqm_server;

-- As before; a school, too, writes what is additional and hosted by itself, and sees where it is
-- invited, as the ambassador of its cluster does.
CALL share_documents('meeting', '{head_office,client}',
    sees => '(ARRAY[id, cluster_id, host_school_id] || invited_school_ids)
        && (SELECT meeting_sight())',
    changes => 'coalesce(cluster_id, host_school_id) = ANY ((SELECT led_places())::uuid[])
        OR kind = ''additional'' AND host_school_id = (SELECT own_school())',
    becomes => 'ARRAY[coalesce(cluster_id, host_school_id), coalesce(host_school_id, cluster_id)]
            <@ (SELECT led_places())
        OR kind = ''additional'' AND host_school_id = (SELECT own_school())
            AND coalesce(cluster_id = (SELECT own_cluster()), cluster_id IS NULL)',
    creates => 'ARRAY[coalesce(cluster_id, host_school_id), coalesce(host_school_id, cluster_id)]
            <@ (SELECT led_places())
        OR kind = ''additional'' AND host_school_id = (SELECT own_school())
            AND coalesce(cluster_id = (SELECT own_cluster()), cluster_id IS NULL)',
    deletes => 'coalesce(cluster_id, host_school_id) = ANY ((SELECT led_places())::uuid[])
        OR kind = ''additional'' AND host_school_id = (SELECT own_school())');

-- As before; a school, too, says that it came to a meeting it takes part in.
CALL share_documents('attendance', '{head_office,client}',
    sees => 'ARRAY[meeting_id, school_id] && (SELECT attendance_sight())',
    changes => 'ARRAY[meeting_id, school_id] && (SELECT attendance_reach())',
    becomes => 'school_id = (SELECT own_school())
        OR ARRAY[meeting_id, school_id] <@ (SELECT led_records())',
    creates => 'ARRAY[meeting_id, school_id] <@ (SELECT led_records())
        OR school_id = (SELECT own_school())
            AND meeting_id = ANY ((SELECT own_meetings())::uuid[])',
    deletes => 'meeting_id = ANY ((SELECT led_meetings())::uuid[])');

-- Terms of meetings that were stored before their term dates.
SELECT derive_terms('-infinity', 'infinity', NULL, NULL, '');
