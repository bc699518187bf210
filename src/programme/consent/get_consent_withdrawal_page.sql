SELECT read_consent_link(:person_id::uuid)
