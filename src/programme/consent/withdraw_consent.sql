SELECT withdraw_by_link(:person_id::uuid, :request_id, :mail)
