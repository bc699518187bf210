-- The feed with its events, the latest days first; one row without an event where there are none. All
-- of it under the policies of the feed's owner: a cluster or school that is out of sight has no feed.
WITH feed AS MATERIALIZED (
    SELECT opened.id, opened.person_id, opened.label, opened.is_first_today,
        coalesce(cluster.doc->>'name', school.doc->>'name') AS place,
        CASE WHEN opened.ambassador_id IS NOT NULL
            THEN ARRAY(SELECT led.cluster_id FROM assignment AS led
                WHERE led.ambassador_id = opened.ambassador_id AND led.days @> today())
            ELSE array_remove(ARRAY[cluster.id, school.cluster_id], NULL) END AS clusters,
        school.id AS school
    FROM opened_calendar_feed(:hash) AS opened
    LEFT JOIN cluster ON cluster.id = opened.cluster_id
    LEFT JOIN school ON school.id = opened.school_id
    LEFT JOIN ambassador ON ambassador.id = opened.ambassador_id
    WHERE cluster.id IS NOT NULL OR school.id IS NOT NULL OR ambassador.id IS NOT NULL),
scope AS MATERIALIZED (
    SELECT feed.clusters, CASE WHEN feed.school IS NOT NULL THEN ARRAY[feed.school]
        ELSE ARRAY(SELECT school.id FROM school WHERE school.cluster_id = ANY (feed.clusters)) END
        AS schools
    FROM feed),
met AS (
    SELECT m.id, m.version, m.doc, NULL::timestamptz AS gone_at, false AS cancelled
    FROM meeting AS m, scope
    WHERE m.held_on >= today() - 366 AND (m.cluster_id = ANY (scope.clusters)
        OR m.host_school_id = ANY (scope.schools) OR m.invited_school_ids && scope.schools)
    UNION ALL
    SELECT gone.id, gone.version, gone.doc, gone.at, true
    FROM deleted_meetings() AS gone, scope
    WHERE date_of(gone.doc->>'held_on') >= today() - 366
        AND ((gone.doc->>'cluster_id')::uuid = ANY (scope.clusters)
            OR (gone.doc->>'host_school_id')::uuid = ANY (scope.schools)
            OR coalesce(uuids_of(gone.doc->'invited_school_ids'), '{}') && scope.schools)),
visit AS (
    SELECT r.id, r.version, r.doc, (r.doc->>'updated_at')::timestamptz AS at, r.school_id,
        coalesce(r.visited_on, r.scheduled_on) AS day, false AS cancelled
    FROM scope, review AS r WHERE r.school_id = ANY (scope.schools)
    UNION ALL
    SELECT gone.id, gone.version, gone.doc, gone.at, (gone.doc->>'school_id')::uuid,
        coalesce(date_of(gone.doc->>'visited_on'), date_of(gone.doc->>'scheduled_on')), true
    FROM scope, deleted_reviews() AS gone WHERE (gone.doc->>'school_id')::uuid = ANY (scope.schools)),
event AS (
    SELECT 'meeting' AS kind, met.id, met.version, said.created_at AS created,
        coalesce(met.gone_at, said.updated_at) AS at, said.held_on AS day, said.start_time, said.end_time,
        CASE WHEN NOT met.cancelled THEN said.location END AS location,
        CASE said.kind WHEN 'cluster' THEN 'Cluster meeting' ELSE 'Additional meeting' END AS title,
        CASE said.kind WHEN 'cluster' THEN cluster.doc->>'name'
            ELSE coalesce(host.doc->>'name', cluster.doc->>'name') END AS place,
        met.cancelled
    FROM met CROSS JOIN LATERAL json_to_record(met.doc) AS said (kind text, created_at text,
        updated_at timestamptz, held_on date, start_time text, end_time text, location text,
        cluster_id uuid, host_school_id uuid)
    LEFT JOIN cluster ON cluster.id = said.cluster_id
    LEFT JOIN school AS host ON host.id = said.host_school_id
    UNION ALL
    SELECT 'review', visit.id, visit.version, visit.doc->>'created_at', visit.at, visit.day, NULL, NULL,
        NULL, 'Review visit', school.doc->>'name', visit.cancelled
    FROM visit LEFT JOIN school ON school.id = visit.school_id WHERE visit.day >= today() - 366
    UNION ALL
    SELECT 'award', a.id, a.version, a.doc->>'created_at', (a.doc->>'updated_at')::timestamptz,
        a.review_due_on, NULL, NULL, NULL, 'Review due', school.doc->>'name', false
    FROM scope, award AS a LEFT JOIN school ON school.id = a.school_id
    WHERE a.school_id = ANY (scope.schools) AND a.status NOT IN ('lapsed', 'withdrawn')
        AND a.review_due_on >= today() - 366 AND a.review_due_on < 'infinity')
SELECT feed.id, feed.person_id, feed.label, feed.place, feed.is_first_today, event.kind, event.id,
    event.version,
    to_char(event.created::timestamptz AT TIME ZONE 'UTC', 'YYYYMMDD"T"HH24MISS"Z"'),
    to_char(event.at AT TIME ZONE 'UTC', 'YYYYMMDD"T"HH24MISS"Z"'),
    to_char(event.day, 'YYYYMMDD'), to_char(event.day + 1, 'YYYYMMDD'),
    replace(event.start_time, ':', ''), replace(event.end_time, ':', ''), event.location, event.title, event.place, event.cancelled
FROM feed LEFT JOIN event ON true ORDER BY event.day DESC, event.id LIMIT 1000
