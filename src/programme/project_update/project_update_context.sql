-- What the rules of an update ask: its project, and whether the caller belongs to the school.
SELECT json_build_object('project', project.doc,
    'actor_belongs', belongs_to(actor_person(), lineage(project.school_id)))
FROM project WHERE project.id = :project_id::uuid
