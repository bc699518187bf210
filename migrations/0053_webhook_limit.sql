-- Every change is told to every endpoint that wants it: so there is a bound to how many there are.

-- Those that are made at the same moment may be some more.
CREATE FUNCTION limit_webhook_endpoints() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    IF (SELECT count(*) >= 200 FROM webhook_endpoint) THEN
        RAISE EXCEPTION 'There are 200 webhook endpoints already: delete one that is no longer used first.'
            USING ERRCODE = 'IQ409';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER limit_webhook_endpoints BEFORE INSERT ON webhook_endpoint FOR EACH ROW
    EXECUTE FUNCTION limit_webhook_endpoints();
