-- That a list about people was given out as a file: who took it, and whose data it held.

-- Once when it begins, without people, for the audit log; then with those of each part, before it is
-- sent.
CREATE FUNCTION note_export(resource text, people uuid[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    IF cardinality(people) > 0 THEN
        PERFORM note_recipients(people, current_setting('iqm.operation'));
    ELSE
        PERFORM note_change(resource, NULL);
    END IF;
END $$;
GRANT EXECUTE ON FUNCTION note_export(text, uuid[]) TO iqm_server;
