SELECT person_id FROM read_own_account()
