-- Every change is told to every active endpoint that wants it: so there is a bound to how many there are,
-- and to those whose events wait.

-- Those that are made at the same moment may be some more.
CREATE FUNCTION limit_webhook_endpoints() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
BEGIN
    IF TG_OP = 'INSERT' AND (SELECT count(*) >= 1000 FROM webhook_endpoint) THEN
        RAISE EXCEPTION 'There are 1000 webhook endpoints already: delete one that is no longer used first.'
            USING ERRCODE = 'IQ409';
    END IF;
    IF NEW.doc->>'status' = 'active' AND (TG_OP = 'INSERT' OR OLD.status <> 'active')
            AND (SELECT count(*) >= 200 FROM webhook_endpoint WHERE status = 'active') THEN
        RAISE EXCEPTION 'There are 200 active webhook endpoints already: pause or delete one first.'
            USING ERRCODE = 'IQ409';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER limit_webhook_endpoints BEFORE INSERT OR UPDATE ON webhook_endpoint FOR EACH ROW
    EXECUTE FUNCTION limit_webhook_endpoints();
