SELECT FROM person WHERE id = :person_id::uuid
