-- A row where the school is seen; a document in it where its attendances are, by the caller's role.
SELECT meeting_grid(school.id, first_day,
    coalesce(:to::date, (first_day + interval '1 year')::date - 1))
FROM school, coalesce(:from::date,
    academic_year_start(coalesce(:academic_year, academic_year_of(today())))) AS first_day
WHERE school.id = :school_id::uuid
