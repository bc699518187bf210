-- A history that was given out as a file is noted with the record that it is of.

-- As before: once when it begins, without people, for the audit log; then with those of each part, before
-- it is sent. `record`: NULL of a list.
DROP FUNCTION note_export(text, uuid[]);
CREATE FUNCTION note_export(resource text, record uuid, people uuid[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    IF cardinality(people) > 0 THEN
        PERFORM note_recipients(people, current_setting('iqm.operation'));
    ELSE
        PERFORM note_change(resource, record);
    END IF;
END $$;
GRANT EXECUTE ON FUNCTION note_export(text, uuid, uuid[]) TO iqm_server;
