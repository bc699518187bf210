-- What the rules of a plan ask: its award, the Flagship awards of the school and those it came from,
-- who and what its targets name as far as the caller sees it, and whether the caller belongs there.
SELECT json_build_object('award', award.doc,
    'awards', (SELECT coalesce(json_agg(flagship.doc), '[]') FROM award AS flagship
        WHERE flagship.level = 'flagship' AND flagship.school_id = ANY (line)),
    'people', (SELECT coalesce(json_agg(person.id), '[]') FROM person
        WHERE person.id IN (SELECT (found #>> '{}')::uuid FROM jsonb_path_query(:targets::jsonb,
            '$[*].responsible_person_ids[*]') AS found)),
    'earlier', (SELECT coalesce(json_object_agg(plan.id, (
            SELECT json_object_agg(target->>'key', plan.academic_year)
            FROM json_array_elements(plan.doc->'targets') AS target)), '{}')
        FROM plan WHERE plan.school_id = ANY (line) AND plan.academic_year < :academic_year
          AND plan.id IN (SELECT (found #>> '{}')::uuid FROM jsonb_path_query(:targets::jsonb,
            '$[*].carried_from.plan_id') AS found)),
    'reviews', (SELECT coalesce(json_agg(review.id), '[]') FROM review
        WHERE review.award_id = award.id AND review.status <> 'scheduled'),
    'actor_belongs', belongs_to(actor_person(), line))
FROM award CROSS JOIN lineage(award.school_id) AS line
WHERE award.id = :award_id::uuid
