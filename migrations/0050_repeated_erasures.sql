-- Erasing again after a restore, whatever the backup is.

-- As before, but for who was erased: their account does not come back for want of another one. The ledger has
-- an erasure before the account goes only where it is repeated (repeat_erasure); record_erasure enters none
-- of somebody who is still there.
CREATE OR REPLACE FUNCTION keep_head_office() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    IF EXISTS (SELECT FROM erasure WHERE person_id = OLD.person_id) THEN
        RETURN NULL;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('account_head_office'));
    IF NOT EXISTS (SELECT FROM account
            WHERE 'head_office' = ANY (roles) AND activated AND NOT suspended) THEN
        RAISE EXCEPTION 'This is the last account of head office that can sign in. '
            'Let another one in first.' USING ERRCODE = 'IQ409';
    END IF;
    RETURN NULL;
END $$;

-- As before, and entered in the ledger first. The key is gone already, so nothing can stand against it.
CREATE OR REPLACE FUNCTION repeat_erasure(entry json, signed text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    who uuid := entry->>'person_id';
    is_there boolean;
BEGIN
    PERFORM set_config('iqm.roles', '', true), set_config('iqm.actor', '', true),
        set_config('iqm.client', '', true), set_config('iqm.operation', 'repeat_erasure', true);
    is_there := hold_person(who);
    INSERT INTO erasure (id, version, doc, certificate)
    VALUES ((entry->>'id')::uuid, 1, entry, signed) ON CONFLICT DO NOTHING;
    IF is_there THEN
        PERFORM erase_places(who);
    END IF;
END $$;
