-- What the rules of a review ask: the award it judges and by what; who has a conflict of interest; and
-- for the signing off, all that the ladder looks at.
SELECT json_build_object('award', award.doc, 'criteria', framework.doc->'criteria',
    'assessor_belongs', belongs_to(:assessor_person_id::uuid, line),
    'actor_belongs', belongs_to(actor_person(), line),
    'facts', CASE WHEN :transition = 'sign_off'
        THEN school_facts(award.school_id, :day::date) END)
FROM award JOIN framework ON framework.id = award.framework_id
    CROSS JOIN lineage(award.school_id) AS line
WHERE award.id = :award_id::uuid
