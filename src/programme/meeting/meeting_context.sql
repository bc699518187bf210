-- The term dates that hold for a meeting: those of the host school's authority, else the general ones.
-- The academic year turns on 1 September; the arithmetic stands here because a function around it
-- cannot be inlined (to_char is not immutable) and would cost more than the rest.
SELECT term_dates.doc
FROM term_dates
WHERE term_dates.academic_year =
    to_char(:held_on::date - interval '8 months', 'YYYY') || '/' ||
    to_char(:held_on::date + interval '4 months', 'YY')
  AND (term_dates.local_authority_code IS NULL
    OR term_dates.local_authority_code = (
        SELECT school.local_authority_code FROM school WHERE school.id = :host_school_id::uuid))
ORDER BY term_dates.local_authority_code NULLS LAST
LIMIT 1
