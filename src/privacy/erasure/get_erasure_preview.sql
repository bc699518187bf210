SELECT preview_erasure(:person_id::uuid)
