-- The people of a school: whom its plans name. Its coordinator keeps them, the ambassadors of its
-- cluster see them. How somebody signs in stays with head office.

ALTER TABLE person ADD COLUMN school_id uuid
    GENERATED ALWAYS AS ((doc->>'school_id')::uuid) STORED REFERENCES school;
CREATE INDEX person_school ON person (school_id, id);

-- Oneself; and the schools whose people are seen.
CREATE FUNCTION person_sight() RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    RETURN led_places() || own_school() || own_person();
END $$;

-- People whom the caller may change: oneself; and those of the own school, but for who is more than
-- that: an ambassador, or somebody who signs in as anything else than its coordinator.
CREATE FUNCTION kept_people() RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    school uuid := own_school();
BEGIN
    RETURN own_person() || ARRAY(SELECT person.id FROM person
        WHERE school_id = school
            AND NOT EXISTS (SELECT FROM ambassador WHERE person_id = person.id)
            AND NOT EXISTS (SELECT FROM account WHERE person_id = person.id
                AND (roles <> '{school}' OR account.school_id <> school)));
END $$;

-- Where the caller works, before what the statement changes.
CREATE FUNCTION own_workplace() RETURNS uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    RETURN (SELECT school_id FROM person WHERE id = own_person());
END $$;
GRANT EXECUTE ON FUNCTION person_sight(), kept_people(), own_workplace() TO iqm_server;

-- A coordinator moves nobody to another school, and comes to no other than the own one either.
CALL share_documents('person', '{head_office}',
    sees => 'ARRAY[id, school_id] && (SELECT person_sight())',
    changes => 'id = ANY ((SELECT kept_people())::uuid[])',
    becomes => 'school_id = (SELECT own_school()) OR id = (SELECT own_person())
        AND school_id IS NOT DISTINCT FROM (SELECT own_workplace())',
    creates => 'school_id = (SELECT own_school())',
    deletes => 'id = ANY ((SELECT kept_people())::uuid[])');
