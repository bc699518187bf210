-- Who sees and writes which rows. Head office all; clients all that is no personal data; ambassadors
-- what belongs to the clusters they lead today; a coordinator what belongs to the own school, and
-- of its cluster what is shared.
--
-- Each function answers for the caller of this transaction with ids: of the places that belong to
-- the caller, whatever kind they are of (a uuid is of one thing only). A policy compares a row's
-- keys with them. So it asks once a statement, and only where the rows are not open to the caller
-- anyway; anything that looked into other tables would cost every statement its preparation.

-- The one clock of the rules: a day begins where the schools are.
CREATE FUNCTION today() RETURNS date
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (now() AT TIME ZONE 'Europe/London')::date;
GRANT EXECUTE ON FUNCTION today() TO iqm_server;

CREATE FUNCTION actor_with_role(wanted text) RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN CASE WHEN wanted = ANY (nullif(current_setting('iqm.roles', true), '')::text[])
        THEN nullif(current_setting('iqm.actor', true), '')::uuid END;

CREATE FUNCTION own_person() RETURNS uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    RETURN (SELECT person_id FROM account
        WHERE id IN (actor_with_role('ambassador'), actor_with_role('school')));
END $$;

CREATE FUNCTION own_ambassador() RETURNS uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    RETURN (SELECT ambassador.id FROM account JOIN ambassador USING (person_id)
        WHERE account.id = actor_with_role('ambassador'));
END $$;

CREATE FUNCTION own_school() RETURNS uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    RETURN (SELECT school_id FROM account WHERE id = actor_with_role('school'));
END $$;

CREATE FUNCTION own_cluster() RETURNS uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    RETURN (SELECT school.cluster_id FROM account JOIN school ON school.id = school_id
        WHERE account.id = actor_with_role('school'));
END $$;

CREATE FUNCTION led_clusters() RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    RETURN ARRAY(SELECT assignment.cluster_id
        FROM account JOIN ambassador USING (person_id)
            JOIN assignment ON ambassador_id = ambassador.id AND days @> today()
        WHERE account.id = actor_with_role('ambassador'));
END $$;

-- Those clusters and their schools.
CREATE FUNCTION led_places() RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    clusters uuid[] := led_clusters();
BEGIN
    RETURN clusters || ARRAY(SELECT id FROM school WHERE cluster_id = ANY (clusters));
END $$;

-- Meetings of those clusters, and meetings without a cluster that one of those schools hosts.
CREATE FUNCTION led_meetings() RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    places uuid[] := led_places();
BEGIN
    RETURN ARRAY(SELECT id FROM meeting WHERE cluster_id = ANY (places)
        UNION ALL SELECT id FROM meeting
            WHERE host_school_id = ANY (places) AND cluster_id IS NULL);
END $$;

CREATE FUNCTION school_sight() RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    RETURN led_clusters() || own_school() || own_cluster();
END $$;

CREATE FUNCTION cluster_sight() RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    RETURN led_clusters() || own_cluster();
END $$;

-- Oneself; and who leads the own school's cluster today.
CREATE FUNCTION ambassador_sight() RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    cluster uuid := own_cluster();
BEGIN
    RETURN own_ambassador() || ARRAY(SELECT ambassador_id FROM assignment
        WHERE cluster_id = cluster AND days @> today());
END $$;

CREATE FUNCTION assignment_sight() RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    RETURN led_clusters() || own_ambassador() || own_cluster();
END $$;

-- Schools that are seen.
CREATE FUNCTION succession_sight() RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    cluster uuid := own_cluster();
BEGIN
    RETURN led_places() || own_school()
        || ARRAY(SELECT id FROM school WHERE cluster_id = cluster);
END $$;

-- Also what the own school hosts, and meetings it came to, whoever held them.
CREATE FUNCTION meeting_sight() RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    school uuid := own_school();
BEGIN
    RETURN led_places() || school || own_cluster()
        || ARRAY(SELECT meeting_id FROM attendance WHERE school_id = school);
END $$;

CREATE FUNCTION attendance_sight() RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    RETURN led_places() || led_meetings() || own_school();
END $$;

CREATE FUNCTION attendance_reach() RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    RETURN led_meetings() || own_school();
END $$;

CREATE FUNCTION led_records() RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    RETURN led_places() || led_meetings();
END $$;

GRANT EXECUTE ON FUNCTION own_person(), own_school(), led_clusters(), led_places(), led_meetings(),
    led_records(), school_sight(), cluster_sight(), ambassador_sight(), assignment_sight(),
    succession_sight(), meeting_sight(), attendance_sight(), attendance_reach() TO iqm_server;

CALL share_documents('school', '{head_office,client}',
    sees => 'ARRAY[id, cluster_id] && (SELECT school_sight())',
    changes => 'id = (SELECT own_school())');

CALL share_documents('cluster', '{head_office,client}',
    sees => 'id = ANY ((SELECT cluster_sight())::uuid[])',
    changes => 'id = ANY ((SELECT led_clusters())::uuid[])');

CALL share_documents('person', '{head_office}',
    sees => 'id = (SELECT own_person())',
    changes => 'id = (SELECT own_person())');

CALL share_documents('ambassador', '{head_office,client}',
    sees => 'id = ANY ((SELECT ambassador_sight())::uuid[])');

CALL share_documents('assignment', '{head_office,client}',
    sees => 'ARRAY[ambassador_id, cluster_id] && (SELECT assignment_sight())');

CALL share_documents('succession', '{head_office,client}',
    sees => 'ARRAY[predecessor_id, successor_id] && (SELECT succession_sight())');

CALL share_documents('term_dates', '{head_office,client,ambassador,school}');

-- A meeting without a cluster is its host school's. An ambassador who writes one names a host of the
-- own clusters, or none; but may delete one whose host has gone to another cluster since.
CALL share_documents('meeting', '{head_office,client}',
    sees => 'ARRAY[id, cluster_id, host_school_id] && (SELECT meeting_sight())',
    changes => 'coalesce(cluster_id, host_school_id) = ANY ((SELECT led_places())::uuid[])',
    becomes => 'ARRAY[coalesce(cluster_id, host_school_id), coalesce(host_school_id, cluster_id)]
        <@ (SELECT led_places())',
    creates => 'ARRAY[coalesce(cluster_id, host_school_id), coalesce(host_school_id, cluster_id)]
        <@ (SELECT led_places())',
    deletes => 'coalesce(cluster_id, host_school_id) = ANY ((SELECT led_places())::uuid[])');

-- Who came: the ambassador says, of schools and meetings of the own clusters; a school adds what
-- it took from it. What other schools wrote is theirs.
CALL share_documents('attendance', '{head_office,client}',
    sees => 'ARRAY[meeting_id, school_id] && (SELECT attendance_sight())',
    changes => 'ARRAY[meeting_id, school_id] && (SELECT attendance_reach())',
    becomes => 'school_id = (SELECT own_school())
        OR ARRAY[meeting_id, school_id] <@ (SELECT led_records())',
    creates => 'ARRAY[meeting_id, school_id] <@ (SELECT led_records())',
    deletes => 'meeting_id = ANY ((SELECT led_meetings())::uuid[])');

DROP POLICY register_import_all ON register_import;
CREATE POLICY register_import_all ON register_import TO iqm_server
    USING ((SELECT nullif(current_setting('iqm.roles', true), '')::text[] && '{head_office}'))
    WITH CHECK ((SELECT nullif(current_setting('iqm.roles', true), '')::text[] && '{head_office}'));

DROP POLICY history_read ON history;
CREATE POLICY history_read ON history FOR SELECT TO iqm_server
    USING ((SELECT nullif(current_setting('iqm.roles', true), '')::text[] && '{head_office}'));
