-- What is known about people is sealed (src/vault): the database sees ciphertext, and of an e-mail
-- address a blind index by which it is found. Until iqmd migrate has sealed what was stored in clear
-- before, in the same run, those documents have no index.

CREATE FUNCTION blind_index(sealed text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN CASE WHEN starts_with(sealed, '~1.') THEN nullif(split_part(sealed, '.', 3), '') END;
CREATE FUNCTION is_sealed(value text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN value IS NULL OR starts_with(value, '~1.');
GRANT EXECUTE ON FUNCTION blind_index(text), is_sealed(text) TO iqm_server;

DROP TRIGGER person_signs_in ON person;
DROP TRIGGER void_account_link ON credential;
DROP FUNCTION find_sign_in(text, inet), read_account_link(bytea), read_own_credential();
ALTER TABLE person DROP COLUMN email;
ALTER TABLE credential DROP COLUMN sign_in_name;

ALTER TABLE person ADD COLUMN email_index text COLLATE "C"
    GENERATED ALWAYS AS (blind_index(doc->>'email')) STORED;
CREATE INDEX person_email ON person (email_index) WHERE email_index IS NOT NULL;
-- Of who was erased, the row stays, with the id alone: what others recorded refers to it.
ALTER TABLE person ADD COLUMN erased boolean NOT NULL
    GENERATED ALWAYS AS (doc->>'erased_at' IS NOT NULL) STORED;
ALTER TABLE person ADD CONSTRAINT person_sealed CHECK (is_sealed(doc->>'name')
    AND is_sealed(doc->>'email') AND is_sealed(doc->>'telephone') AND is_sealed(doc->>'job_title'))
    NOT VALID;
CREATE POLICY person_not_erased ON person AS RESTRICTIVE TO iqm_server
    USING (NOT erased) WITH CHECK (NOT erased);

-- The blind index of what somebody signs in with.
ALTER TABLE credential ADD COLUMN sign_in_index text COLLATE "C" UNIQUE;

CREATE OR REPLACE FUNCTION account_signs_in() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    address text := (SELECT email_index FROM person WHERE id = NEW.person_id);
BEGIN
    IF address IS NULL THEN
        RAISE EXCEPTION 'The person needs an e-mail address to have an account.'
            USING ERRCODE = 'IQ422', CONSTRAINT = 'account_person_id_check';
    END IF;
    INSERT INTO credential (account_id, sign_in_index) VALUES (NEW.id, address);
    RETURN NULL;
EXCEPTION WHEN unique_violation THEN
    RAISE EXCEPTION 'Another account signs in with this person''s e-mail address.'
        USING ERRCODE = 'IQ409', CONSTRAINT = 'account_person_id_key';
END $$;

CREATE OR REPLACE FUNCTION person_signs_in() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    IF NEW.email_index IS NULL AND EXISTS (SELECT FROM account WHERE person_id = NEW.id) THEN
        RAISE EXCEPTION 'This person has an account and signs in with the e-mail address.'
            USING ERRCODE = 'IQ422', CONSTRAINT = 'person_email_check';
    END IF;
    UPDATE credential SET sign_in_index = NEW.email_index
    FROM account WHERE account.id = account_id AND person_id = NEW.id;
    RETURN NULL;
EXCEPTION WHEN unique_violation THEN
    RAISE EXCEPTION 'Another account signs in with this e-mail address.'
        USING ERRCODE = 'IQ409', CONSTRAINT = 'person_email_key';
END $$;
CREATE TRIGGER person_signs_in AFTER UPDATE ON person
    FOR EACH ROW WHEN (OLD.email_index IS DISTINCT FROM NEW.email_index)
    EXECUTE FUNCTION person_signs_in();

CREATE TRIGGER void_account_link AFTER UPDATE ON credential
    FOR EACH ROW WHEN (OLD.sign_in_index <> NEW.sign_in_index) EXECUTE FUNCTION void_account_link();

-- Who signs in with the address of this index. `may` is false for who is suspended; `trusted` says
-- that the person has signed in from this place before.
CREATE FUNCTION find_sign_in(typed_index text, place inet)
    RETURNS TABLE (account uuid, password text, may boolean, trusted boolean)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
BEGIN ATOMIC
    SELECT account.id, credential.password, NOT suspended,
        EXISTS (SELECT FROM session WHERE account_id = account.id
            AND created_at > now() - interval '90 days'
            AND subscriber_of(address) = subscriber_of(place))
    FROM credential JOIN account ON account.id = credential.account_id
    WHERE sign_in_index = typed_index;
END;

-- The person, as stored, whose account has a link that works; no row for any other.
CREATE FUNCTION read_account_link(hash bytea) RETURNS SETOF json
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
BEGIN ATOMIC
    SELECT person.doc FROM account_link
    JOIN account ON account.id = account_id JOIN person ON person.id = person_id
    WHERE account_link.hash = read_account_link.hash AND account_link.expires_at > now()
        AND NOT account.suspended;
END;

-- What a person's own password is compared with, and the person, as stored, that it is judged by;
-- no row where there is none.
CREATE FUNCTION read_own_credential(OUT password text, OUT person json) RETURNS SETOF record
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
BEGIN ATOMIC
    SELECT credential.password, person.doc FROM credential
    JOIN account ON account.id = account_id JOIN person ON person.id = person_id
    WHERE account_id = own_account() AND credential.password IS NOT NULL;
END;
GRANT EXECUTE ON FUNCTION find_sign_in(text, inet), read_account_link(bytea),
    read_own_credential() TO iqm_server;

-- For sealing what was clear, and for erasing: both are the owner's work.
CREATE POLICY owner_keeps ON person TO CURRENT_USER USING (true) WITH CHECK (true);
DROP POLICY history_record ON history;
CREATE POLICY history_owner ON history TO CURRENT_USER USING (true) WITH CHECK (true);
