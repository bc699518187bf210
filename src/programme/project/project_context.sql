-- What the rules of a project ask: its award, the people its steps name as far as the caller sees
-- them, the years that have an update, and whether the caller belongs to the school.
SELECT json_build_object('award', award.doc,
    'people', (SELECT coalesce(json_agg(person.id), '[]') FROM person
        WHERE person.id IN (SELECT (found #>> '{}')::uuid FROM jsonb_path_query(:steps::jsonb,
            '$[*].responsible_person_ids[*]') AS found)),
    'updates', (SELECT coalesce(json_object_agg(academic_year, status), '{}') FROM project_update
        WHERE project_update.project_id = :id::uuid),
    'reviews', (SELECT coalesce(json_agg(review.id), '[]') FROM review
        WHERE review.award_id = award.id AND review.status <> 'scheduled'),
    'actor_belongs', belongs_to(actor_person(), line))
FROM award CROSS JOIN lineage(award.school_id) AS line
WHERE award.id = :award_id::uuid
