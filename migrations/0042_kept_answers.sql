-- An answer about somebody who was erased is kept as one that is gone: without it a request that is
-- sent again would be done again, and bring back what was erased. It holds ids only.
CREATE OR REPLACE FUNCTION anonymise_person(person uuid) RETURNS void
    LANGUAGE plpgsql
AS $$
BEGIN
    UPDATE person AS p SET version = p.version + 1, doc = json_build_object('id', p.id,
        'version', p.version + 1, 'erased_at', time_text(now()))
    WHERE p.id = anonymise_person.person;
    DELETE FROM history WHERE resource = 'person' AND id = anonymise_person.person;
    UPDATE idempotency_record SET body = NULL WHERE person_id = anonymise_person.person;
END $$;
