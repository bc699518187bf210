-- What the rules of an award ask: the newest edition of its level on the day of the application, the
-- level of the one it names, the schools that its school came from, when that was closed, and all that the
-- ladder looks at.
SELECT json_build_object(
    'framework_id', (SELECT id FROM framework
        WHERE level = :level AND starts_on <= coalesce(:applied_on::date, :day::date)
          AND coalesce(date_of(doc->>'ends_on'), 'infinity')
            >= coalesce(:applied_on::date, :day::date)
        ORDER BY starts_on DESC, id DESC LIMIT 1),
    'framework_level', (SELECT level FROM framework WHERE id = :framework_id::uuid),
    'lineage', lineage(:school_id::uuid),
    'closed_on', (SELECT school.doc->'close_date' FROM school
        WHERE school.id = :school_id::uuid AND school.status = 'closed'),
    'facts', school_facts(:school_id::uuid, coalesce(
        CASE WHEN :transition::text IS NULL THEN :applied_on::date END, :day::date)))
