SELECT outcome, doc, doc->>'id'
FROM create_consent_record(:person_id::uuid, :purpose, :granted::boolean, :wording_id::uuid, :note, :mail)
