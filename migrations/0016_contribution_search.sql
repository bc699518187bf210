-- Searching contributions, cheaper: by one question to the index that leaps from match to match, of
-- one function that says what the caller sees, and page by page.

-- What belongs to everybody of the programme, beside the ids of places that the caller sees by.
CREATE FUNCTION everybodys() RETURNS uuid
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN '00000000-0000-0000-0000-000000000000'::uuid;

-- The caller's school and clusters, and everybodys(); null for who is of no school and no ambassador.
CREATE FUNCTION contribution_sight() RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    leader uuid := actor_with_role('ambassador');
    coordinator uuid := actor_with_role('school');
    sight uuid[];
BEGIN
    IF coordinator IS NOT NULL THEN
        SELECT ARRAY[everybodys(), s.id, s.cluster_id] INTO sight
        FROM account AS a JOIN school AS s ON s.id = a.school_id
        WHERE a.id = coordinator AND 'school' = ANY (a.roles);
    END IF;
    IF leader IS NOT NULL THEN
        sight := sight || led_clusters() || ARRAY(SELECT everybodys() FROM account
            WHERE id = leader AND 'ambassador' = ANY (roles));
    END IF;
    RETURN array_remove(sight, NULL);
END $$;
GRANT EXECUTE ON FUNCTION everybodys(), contribution_sight() TO iqm_server;

CALL share_documents('contribution', '{head_office,client}',
    sees => 'ARRAY[school_id, cluster_id, CASE WHEN visibility <> ''cluster'' THEN everybodys() END]
        && (SELECT contribution_sight())',
    changes => 'school_id = (SELECT own_school())',
    creates => 'school_id = (SELECT own_school())',
    deletes => 'school_id = (SELECT own_school())');
DROP FUNCTION takes_part();

-- The tags of what the caller sees, one of which has to be there; null: all is seen.
CREATE FUNCTION contribution_sight_query() RETURNS tsquery
    LANGUAGE plpgsql STABLE
AS $$
BEGIN
    IF nullif(current_setting('iqm.roles', true), '')::text[] && '{head_office,client}' THEN
        RETURN NULL;
    END IF;
    RETURN coalesce((SELECT string_agg(CASE place WHEN everybodys() THEN '''#open'''
        ELSE '''#at=' || place || '''' END, '|') FROM unnest(contribution_sight()) AS place),
        '''#none''')::tsquery;
END $$;

DROP FUNCTION search_contributions(tsquery, text[], text, integer);

/*
 * Of what matches words and tags and the caller may see: blocks of fifty, the newest first, and
 * in a block the best first. `place` is where to go on: after the number that the block begins with,
 * the rank and number of what was told last; or only the number that the next block begins with.
 *
 * Row-level security would keep the words from the index: so this runs as the owner, says which rows
 * by id only, and asks for what the policy asks. The index knows no order: so it is asked for the
 * newest few hundred numbers, by the tags of their runs, and deeper as long as fifty are not found.
 * Runs and words are two conditions, because the index leaps between conditions, but goes through
 * the rarest word of one step by step. Where much is to be looked at for little, all is.
 */
CREATE FUNCTION search_contributions(words tsquery, tags text[], year text, most integer,
        place numeric[], OUT id uuid, OUT rank real, OUT number bigint, OUT ranked integer,
        OUT more boolean, OUT newest bigint, OUT oldest bigint) RETURNS SETOF record
    LANGUAGE plpgsql STABLE ROWS 10 SECURITY DEFINER
    SET search_path = pg_catalog, public SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
    at_most CONSTANT integer := 50;
    wanted tsquery := words;
    tag text;
    top bigint := least(place[1], CASE WHEN year IS NULL
        THEN (SELECT last_value FROM contribution_number_seq)
        ELSE (SELECT max(c.number) FROM contribution AS c WHERE c.academic_year = year) END);
    depth bigint := 512;
    shift integer := 9;
    first bigint; -- of the runs to look at
    look tsquery; -- those runs; null: all
    found tid[];
    numbers bigint[];
BEGIN
    IF top IS NULL OR querytree(words) IN ('', 'T') THEN
        RETURN;
    END IF;
    FOREACH tag IN ARRAY tags LOOP
        wanted := wanted && tag_query(tag);
        depth := 1024; -- fewer match
    END LOOP;
    wanted := coalesce(wanted && tag_query('#academic_year=' || year), wanted);
    wanted := coalesce(wanted && contribution_sight_query(), wanted);
    LOOP
        WHILE shift < 19 AND depth >> shift >= 6 LOOP
            shift := shift + 2;
        END LOOP;
        first := greatest(top - depth, 0) >> shift;
        look := NULL;
        IF depth < top / 4 THEN
            look := (SELECT string_agg('''#' || (shift - 9) / 2 || ':' || run || '''', '|')
                FROM generate_series(first, top >> shift) AS run)::tsquery;
        END IF;
        SELECT array_agg(m.at), array_agg(m.number) INTO found, numbers FROM (
            SELECT c.ctid AS at, c.number FROM contribution AS c
            WHERE (c.search @@ look AND c.search @@ wanted
                OR c.search @@ CASE WHEN look IS NULL THEN wanted END) AND c.number <= top
            ORDER BY c.number DESC LIMIT at_most + 1) AS m;
        EXIT WHEN look IS NULL OR cardinality(found) > at_most;
        depth := (top - (first << shift)) * least(64, greatest(2,
            1.3 * at_most / coalesce(cardinality(found), 1)));
    END LOOP;
    ranked := least(cardinality(found), at_most);
    RETURN QUERY
    SELECT c.id, ts_rank(c.search, words) AS r, c.number, ranked, cardinality(found) > at_most,
        numbers[1], numbers[ranked]
    FROM contribution AS c WHERE c.ctid = ANY (found[:at_most])
        AND (place[2] IS NULL OR (ts_rank(c.search, words), c.number) < (place[2]::real, place[3]))
    ORDER BY r DESC, c.number DESC LIMIT most;
END $$;
GRANT EXECUTE ON FUNCTION search_contributions(tsquery, text[], text, integer, numeric[])
    TO iqm_server;
