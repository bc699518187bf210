-- What is a person's own stays while a legal hold on them is in force, whoever deletes it: an operation, an
-- erasure or a rule. Only an erasure that is done again goes on, because its key is gone already.

-- Only head office is told why.
CREATE FUNCTION refuse_held(hold uuid) RETURNS void
    LANGUAGE plpgsql STABLE
AS $$
DECLARE
    held legal_hold := (SELECT h FROM legal_hold AS h WHERE h.id = hold);
BEGIN
    IF acts_for_head_office() THEN
        RAISE EXCEPTION 'A legal hold is in force, % of % (/v1/legal-holds/%): lift it first.',
            held.kind, held.placed_on, held.id USING ERRCODE = 'IQ409';
    END IF;
    RAISE EXCEPTION 'This has to be kept for now. Ask head office.' USING ERRCODE = 'IQ409';
END $$;

-- Whose the rows are, is told by the condition of their place, which names the table: so the rows that went
-- have its name here.
CREATE FUNCTION keep_held() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    whose text := (SELECT replace(p.condition, '$1', 'held.person_id') FROM personal_place AS p
        WHERE p.name = TG_TABLE_NAME);
    hold uuid;
BEGIN
    IF current_setting('iqm.operation', true) = 'repeat_erasure' THEN
        RETURN NULL;
    END IF;
    EXECUTE format('SELECT held.id FROM %I JOIN legal_hold AS held ON (%s) '
        'WHERE held.placed_on <= today() AND held.lifted_on > today() '
        'ORDER BY held.placed_on, held.id LIMIT 1', TG_TABLE_NAME, coalesce(whose, 'false'))
    INTO hold;
    IF hold IS NOT NULL THEN
        PERFORM refuse_held(hold);
    END IF;
    RETURN NULL;
END $$;

-- Those that can be deleted; a person is held by the foreign key of the hold itself.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY '{account,enquiry,evidence,privacy_request}'::text[] LOOP
        EXECUTE format('CREATE TRIGGER keep_held AFTER DELETE ON %1$I REFERENCING OLD TABLE AS %1$I '
            'FOR EACH STATEMENT EXECUTE FUNCTION keep_held()', name);
    END LOOP;
END $$;
