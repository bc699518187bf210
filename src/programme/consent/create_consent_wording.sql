SELECT made.doc, made.doc->>'id' FROM create_consent_wording(:purpose, :text) AS made (doc)
