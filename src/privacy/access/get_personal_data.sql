SELECT made_at FROM note_access(:person_id::uuid) AS made_at
