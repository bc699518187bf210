-- The annual visits, and when the next one is due.

-- After all others where no review is due.
ALTER TABLE award ADD COLUMN review_due_on date NOT NULL
    GENERATED ALWAYS AS (coalesce(date_of(doc->>'review_due_on'), 'infinity')) STORED;
CREATE INDEX award_review_due_on ON award (review_due_on, id);

CREATE TABLE review (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    doc json NOT NULL,
    written_by uuid,
    award_id uuid NOT NULL
        GENERATED ALWAYS AS ((doc->>'award_id')::uuid) STORED REFERENCES award,
    school_id uuid NOT NULL
        GENERATED ALWAYS AS ((doc->>'school_id')::uuid) STORED REFERENCES school,
    assessor_person_id uuid NOT NULL
        GENERATED ALWAYS AS ((doc->>'assessor_person_id')::uuid) STORED REFERENCES person,
    status text COLLATE "C" NOT NULL GENERATED ALWAYS AS (doc->>'status') STORED,
    scheduled_on date NOT NULL GENERATED ALWAYS AS (date_of(doc->>'scheduled_on')) STORED,
    visited_on date GENERATED ALWAYS AS (date_of(doc->>'visited_on')) STORED
);
CREATE INDEX review_award ON review (award_id, id);
CREATE INDEX review_school ON review (school_id, id);
CREATE INDEX review_assessor_person ON review (assessor_person_id, id);
CREATE INDEX review_status ON review (status, id);
CREATE INDEX review_scheduled_on ON review (scheduled_on, id);
CALL protect_documents('review', '{head_office,client}');
CREATE POLICY owner_keeps ON review TO CURRENT_USER USING (true) WITH CHECK (true);

-- Schools that the caller leads, with what they were before.
CREATE FUNCTION led_schools() RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    RETURN lineages(led_places());
END $$;

-- The own school, with what it was before.
CREATE FUNCTION own_line() RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    RETURN lineage(own_school());
END $$;

-- Whether somebody belongs to one of the schools: works there, or coordinates it.
CREATE FUNCTION belongs_to(person uuid, schools uuid[]) RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    RETURN EXISTS (SELECT FROM person AS p WHERE p.id = person AND p.school_id = ANY (schools))
        OR EXISTS (SELECT FROM account AS a WHERE a.person_id = person AND a.school_id = ANY (schools));
END $$;
GRANT EXECUTE ON FUNCTION led_schools(), own_line(), belongs_to(uuid, uuid[]) TO iqm_server;

-- Who leads the cluster keeps its reviews; the school sees that one is scheduled, and the report
-- once it is signed off.
CALL share_documents('review', '{head_office,client}',
    sees => 'school_id = ANY ((SELECT led_schools())::uuid[])
        OR status IN (''scheduled'', ''signed_off'')
            AND school_id = ANY ((SELECT own_line())::uuid[])',
    changes => 'school_id = ANY ((SELECT led_schools())::uuid[])',
    creates => 'school_id = ANY ((SELECT led_schools())::uuid[])',
    deletes => 'school_id = ANY ((SELECT led_schools())::uuid[])');
CREATE TRIGGER keep_what_went_on AFTER DELETE ON review
    FOR EACH ROW EXECUTE FUNCTION keep_what_went_on('scheduled');

-- The award after a review was signed off, if it is still as the rules saw it.
CREATE FUNCTION move_award(effect json) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, public
AS $$
BEGIN
    UPDATE award SET doc = effect, version = version + 1,
        written_by = nullif(current_setting('iqm.actor', true), '')::uuid
    WHERE id = (effect->>'id')::uuid AND version = (effect->>'version')::bigint - 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'The award has been changed meanwhile. Try again.'
            USING ERRCODE = 'IQ409';
    END IF;
END $$;
GRANT EXECUTE ON FUNCTION move_award(json) TO iqm_server;

-- Who calls, as a person; NULL for what is none.
CREATE FUNCTION actor_person() RETURNS uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    RETURN (SELECT person_id FROM account
        WHERE id = nullif(current_setting('iqm.actor', true), '')::uuid);
END $$;
GRANT EXECUTE ON FUNCTION actor_person() TO iqm_server;
