-- The right of access (UK GDPR, Article 15): everything that is held about a person, place by place, as
-- the contract declares the places.

-- What is a secret, or nothing to read.
ALTER TABLE personal_place ADD COLUMN withheld text[] NOT NULL DEFAULT '{}';

CREATE FUNCTION may_access(person uuid) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN (acts_for_head_office() OR own_person() = person)
        AND EXISTS (SELECT FROM person AS p WHERE p.id = may_access.person AND NOT p.erased);

-- That everything about a person is handed out, and to whom. Nothing: it is not theirs to see.
CREATE FUNCTION note_access(person uuid) RETURNS SETOF text
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    IF may_access(person) THEN
        PERFORM note_change('person', person);
        IF acts_for_head_office() THEN
            PERFORM note_recipients(ARRAY[person], 'get_personal_data');
        ELSE -- who asks for their own does so with a program
            PERFORM add_recipients(ARRAY[person],
                ARRAY[nullif(current_setting('iqm.client', true), '')::uuid], 'get_personal_data');
        END IF;
        RETURN NEXT time_text(now());
    END IF;
END $$;

-- A row of a table without documents, as JSON: neither what is withheld nor bytes.
CREATE FUNCTION columns_as_json(name text, withheld text[]) RETURNS text
    LANGUAGE sql STABLE
    RETURN (SELECT format('json_build_object(%s)::text',
            string_agg(format('%L, %I.%I', a.attname, name, a.attname), ', ' ORDER BY a.attnum))
        FROM pg_attribute AS a
        WHERE a.attrelid = format('public.%I', name)::regclass AND a.attnum > 0
            AND NOT a.attisdropped AND a.attgenerated = '' AND a.atttypid <> 'bytea'::regtype
            AND a.attname <> ALL (withheld));

-- Opens the cursor `walked` over a person's rows of a place: the resource whose document it is, what
-- stands beside the document, and the document as it is stored.
CREATE FUNCTION open_personal_place(place text, person uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    walked refcursor := 'walked';
    one personal_place%ROWTYPE;
    shown text;
    sorted text := '';
BEGIN
    SELECT * INTO one FROM personal_place AS p WHERE p.name = place AND p.condition IS NOT NULL;
    IF NOT FOUND OR NOT may_access(person) THEN
        RAISE EXCEPTION 'There is no such person.' USING ERRCODE = 'IQ403';
    END IF;
    IF place = 'history' THEN
        shown := 'history.resource, json_build_object(''resource'', history.resource, ''id'', '
            'history.id, ''version'', history.version, ''at'', time_text(history.at), ''actor'', '
            'history.actor)::text, history.doc::text';
        sorted := 'ORDER BY history.resource, history.id, history.version';
    ELSIF has_documents(place) THEN
        shown := format('%L, NULL, %I.doc::text', place, place);
        sorted := format('ORDER BY %I.id', place);
    ELSE
        shown := 'NULL, NULL, ' || columns_as_json(place, one.withheld);
    END IF;
    OPEN walked NO SCROLL FOR EXECUTE
        format('SELECT %s FROM %I WHERE %s %s', shown, place, one.condition, sorted) USING person;
END $$;
GRANT EXECUTE ON FUNCTION note_access(uuid), open_personal_place(text, uuid) TO iqm_server;
