-- Whoever was deleted is known for as long as history tells of them: under their key, which anybody who
-- may read history has opened for them. So they are told what is held, erased when they ask for it, and
-- erased by rule when the time of history is over; no key outlives what it seals.

CREATE INDEX history_deleted_people ON history (id) WHERE resource = 'person' AND doc IS NULL;

CREATE FUNCTION was_deleted(person uuid) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN EXISTS (SELECT FROM history AS h
            WHERE h.resource = 'person' AND h.doc IS NULL AND h.id = was_deleted.person)
        AND NOT EXISTS (SELECT FROM person AS p WHERE p.id = was_deleted.person);

-- Of whom something may be told or erased.
CREATE FUNCTION is_known(person uuid) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN EXISTS (SELECT FROM person AS p WHERE p.id = is_known.person AND NOT p.erased)
        OR was_deleted(person);

CREATE OR REPLACE FUNCTION may_access(person uuid) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN (acts_for_head_office() OR own_person() = person) AND is_known(person);

-- ---- who was given what ----

-- Stays when the person is deleted, for the erasure that may follow; what the foreign key was for beside
-- that, is done here: who is at work on the person is waited for.
ALTER TABLE recipient DROP CONSTRAINT recipient_person_id_fkey;
CREATE FUNCTION hold_given_person() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    PERFORM FROM person WHERE id = NEW.person_id FOR KEY SHARE;
    RETURN NULL;
END $$;
CREATE TRIGGER hold_given_person AFTER INSERT ON recipient
    FOR EACH ROW EXECUTE FUNCTION hold_given_person();

-- ---- erasing ----

-- Holds a person and the accounts, in this order, so that who writes in their name meanwhile waits and
-- then finds nobody; or the deletion, of who was deleted. False: there is no such person.
CREATE OR REPLACE FUNCTION hold_person(person uuid) RETURNS boolean
    LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM FROM account AS a WHERE a.person_id = hold_person.person FOR UPDATE;
    PERFORM FROM person AS p WHERE p.id = hold_person.person AND NOT p.erased FOR UPDATE;
    IF FOUND THEN
        RETURN true;
    END IF;
    PERFORM FROM history AS h WHERE h.resource = 'person' AND h.doc IS NULL AND h.id = hold_person.person
        AND was_deleted(h.id) FOR UPDATE;
    RETURN FOUND;
END $$;

-- A row that says nothing of who was deleted, too: so whoever was erased is found by it, and the id is
-- nobody's again. Its number goes on, for who follows changes.
CREATE FUNCTION anonymise_deleted(person uuid, last_version bigint) RETURNS void
    LANGUAGE plpgsql
AS $$
BEGIN
    INSERT INTO person (id, version, doc) VALUES (anonymise_deleted.person, last_version + 1,
        json_build_object('id', anonymise_deleted.person, 'version', last_version + 1,
            'updated_at', time_text(now())));
    PERFORM anonymise_person(person);
END $$;

-- Goes through the places in their order; what was done, place by place. Who erases holds the person.
CREATE OR REPLACE FUNCTION erase_places(person uuid) RETURNS json
    LANGUAGE plpgsql
AS $$
DECLARE
    deleted_at bigint := (SELECT max(h.version) FROM history AS h WHERE h.resource = 'person'
        AND h.id = erase_places.person AND was_deleted(h.id));
    one record;
    erased json[] := '{}';
    kept json[] := '{}';
BEGIN
    FOR one IN SELECT c.*, p.condition FROM count_places(person) AS c
            JOIN personal_place AS p ON p.name = c.place ORDER BY p.ordinal LOOP
        IF one.on_erasure = 'keep' THEN
            kept := kept || json_build_object('place', one.place, 'rows', one.count,
                'ground', one.ground);
            CONTINUE;
        ELSIF one.on_erasure = 'anonymise' THEN
            PERFORM anonymise_person(person);
        ELSE
            PERFORM delete_place(one.place, one.condition, person);
        END IF;
        erased := erased || json_build_object('place', one.place, 'rows', one.count);
    END LOOP;
    IF deleted_at IS NOT NULL THEN
        PERFORM anonymise_deleted(person, deleted_at);
    END IF;
    RETURN json_build_object('erased', array_to_json(erased), 'kept', array_to_json(kept));
END $$;

-- Others with the address of a person, each as they are now, or were when they were deleted.
CREATE FUNCTION same_address(person uuid) RETURNS SETOF uuid
    LANGUAGE sql STABLE
BEGIN ATOMIC
    WITH known (id, email_index) AS NOT MATERIALIZED (
        SELECT p.id, p.email_index FROM person AS p WHERE NOT p.erased
        UNION ALL
        SELECT gone.id, blind_index(last.doc->>'email') FROM history AS gone
        JOIN history AS last ON last.resource = 'person' AND last.id = gone.id
            AND last.version = gone.version - 1
        WHERE gone.resource = 'person' AND gone.doc IS NULL)
    SELECT other.id FROM known AS one JOIN known AS other ON other.email_index = one.email_index
    WHERE one.id = same_address.person AND other.id <> one.id;
END;

-- What an erasure would do. Outcome: unknown, or shown.
CREATE OR REPLACE FUNCTION preview_erasure(person uuid) RETURNS json
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    IF NOT acts_for_head_office() OR NOT is_known(person) THEN
        RETURN NULL;
    END IF;
    RETURN json_strip_nulls(json_build_object('person_id', person,
        'erased', (SELECT coalesce(json_agg(json_build_object('place', c.place, 'rows', c.count)), '[]')
            FROM count_places(person) AS c WHERE c.on_erasure <> 'keep'),
        'kept', (SELECT coalesce(json_agg(json_build_object('place', c.place, 'rows', c.count,
            'ground', c.ground)), '[]') FROM count_places(person) AS c WHERE c.on_erasure = 'keep'),
        'same_address', (SELECT coalesce(json_agg(other ORDER BY other), '[]')
            FROM same_address(person) AS other),
        'recipients', recipients_of(person), 'hold', hold_of(person)));
END $$;

-- ---- by rule ----

-- As long as people are kept who did nothing any more: to be deleted is the last that is done.
CREATE FUNCTION deletion_is_due(person uuid, cut_off timestamptz) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN was_deleted(person) AND EXISTS (SELECT FROM history AS h WHERE h.resource = 'person'
        AND h.doc IS NULL AND h.id = deletion_is_due.person AND h.replaced_at < cut_off);

-- Of so many people after an id the ids of those who are due, with commas between; and the last id
-- that was looked at, null where there are no more.
CREATE OR REPLACE FUNCTION due_people(class text, after uuid, most integer, OUT last text, OUT due text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    rule retention_rule := rule_of(class, 'person', 'erase_person');
    page uuid[] := ARRAY((SELECT p.id FROM person AS p WHERE p.id > after AND NOT p.erased
            ORDER BY p.id LIMIT most)
        UNION
        (SELECT h.id FROM history AS h WHERE h.resource = 'person' AND h.doc IS NULL AND h.id > after
            ORDER BY h.id LIMIT most)
        ORDER BY id LIMIT most);
BEGIN
    last := page[cardinality(page)];
    EXECUTE format('SELECT coalesce(string_agg(id::text, '','' ORDER BY id), '''') FROM ('
        'SELECT person.id FROM person WHERE person.id = ANY ($2) AND %s '
        'UNION ALL SELECT id FROM unnest($2) AS id WHERE deletion_is_due(id, $1)) AS found',
        due_condition(rule))
    INTO due USING now() - rule.keep::interval, page;
END $$;

-- Erases somebody, but for the key, who is still due now that nobody can sign in or be named any more.
-- Outcome: erased, with what was done; or kept, also where somebody else is at work on the person.
CREATE OR REPLACE FUNCTION erase_due_person(class text, person uuid, OUT outcome text, OUT detail json)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public SET lock_timeout = '2s'
AS $$
DECLARE
    rule retention_rule := rule_of(class, 'person', 'erase_person');
    recipients json;
    is_due boolean;
BEGIN
    PERFORM act_by_rule(class);
    outcome := 'kept';
    BEGIN
        IF NOT hold_person(person) THEN
            RETURN;
        END IF;
    EXCEPTION WHEN lock_not_available THEN
        RETURN;
    END;
    EXECUTE format('SELECT deletion_is_due($2, $1) OR EXISTS (SELECT FROM person '
        'WHERE person.id = $2 AND %s)', due_condition(rule))
    INTO is_due USING now() - rule.keep::interval, person;
    IF is_due THEN
        recipients := recipients_of(person);
        outcome := 'erased';
        detail := (SELECT json_build_object('erased', done->'erased', 'kept', done->'kept',
            'recipients', recipients) FROM erase_places(person) AS done);
    END IF;
END $$;
