-- The term dates that hold for a meeting: those of the host school's authority, else the general ones.
SELECT term_dates.doc
FROM term_dates
WHERE term_dates.academic_year = academic_year_of(date_of(:held_on::text))
  AND (term_dates.local_authority_code IS NULL
    OR term_dates.local_authority_code = (
        SELECT school.local_authority_code FROM school WHERE school.id = :host_school_id::uuid))
ORDER BY term_dates.local_authority_code NULLS LAST
LIMIT 1
