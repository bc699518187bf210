-- A row where the school is seen; facts in it where its own records are.
SELECT coalesce(:on::date, today()),
    school_facts(school.id, coalesce(:on::date, today()))
FROM school WHERE id = :school_id::uuid
