-- Who has an address; filled up with ids of nobody, so that all that follows is as much for each.
SELECT person_id, known FROM find_request_people(:email_index)
