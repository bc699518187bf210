-- What the rules of an update ask: its project, whether the caller belongs to the school, and the newest
-- visit of the award that was signed off.
SELECT json_build_object('project', project.doc,
    'actor_belongs', belongs_to(actor_person(), lineage(award.school_id)),
    'signed_off', (SELECT json_build_object('id', review.id, 'visited_on', review.visited_on)
        FROM review WHERE review.award_id = award.id AND review.status = 'signed_off'
        ORDER BY review.visited_on DESC, review.id DESC LIMIT 1))
FROM project JOIN award ON award.id = project.award_id
WHERE project.id = :project_id::uuid
