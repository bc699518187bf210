-- When awards were in force, as days: for lists and reports, which judge no single school.

-- From a grant or reinstatement until a step that ends it, or the end of the last contract until
-- then. What ladder/held.c says of a single award.
CREATE FUNCTION held_of(award json) RETURNS datemultirange
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
DECLARE
    held datemultirange := '{}';
    contracts integer := 0;
    began date;
    over date;
    step json;
BEGIN
    FOR step IN SELECT json_array_elements(award->'transitions') LOOP
        IF step->>'transition' IN ('grant', 'renew') THEN
            contracts := contracts + 1;
            over := date_of(award->'contracts'->(contracts - 1)->>'ends_on') + 1;
        END IF;
        IF step->>'transition' IN ('grant', 'reinstate') THEN
            began := date_of(step->>'happened_on');
        ELSIF step->>'transition' NOT IN ('assess', 'renew') AND began < over THEN
            held := held + datemultirange(daterange(began,
                greatest(began, least(over, date_of(step->>'happened_on')))));
            began := NULL;
        END IF;
    END LOOP;
    IF began < over THEN
        held := held + datemultirange(daterange(began, over));
    END IF;
    RETURN held;
END $$;
GRANT EXECUTE ON FUNCTION held_of(json) TO iqm_server;

ALTER TABLE award ADD COLUMN held datemultirange NOT NULL GENERATED ALWAYS AS (held_of(doc)) STORED;

-- Each school with what it was before, itself included: ids, and nothing of them.
CREATE FUNCTION lines_of(schools uuid[]) RETURNS TABLE (school_id uuid, was uuid)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    RETURN QUERY WITH RECURSIVE line (school_id, was) AS (
        SELECT one, one FROM unnest(schools) AS one
        UNION SELECT line.school_id, s.predecessor_id
            FROM line JOIN succession AS s ON s.successor_id = line.was)
        SELECT line.school_id, line.was FROM line;
END $$;
GRANT EXECUTE ON FUNCTION lines_of(uuid[]) TO iqm_server;
