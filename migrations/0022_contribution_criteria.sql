-- Which frameworks the criteria of a contribution are of: holds them fast while it names them. That
-- they have such criteria, its rules have asked.
CREATE TABLE contribution_framework (
    contribution_id uuid NOT NULL REFERENCES contribution ON DELETE CASCADE,
    framework_id uuid NOT NULL CONSTRAINT contribution_framework_criteria_fkey REFERENCES framework,
    PRIMARY KEY (contribution_id, framework_id)
);
CREATE INDEX contribution_framework_framework ON contribution_framework (framework_id);
CALL keep_from_server('contribution_framework');

CREATE FUNCTION keep_contribution_frameworks() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    frameworks uuid[] := ARRAY(SELECT DISTINCT (one->>'framework_id')::uuid
        FROM json_array_elements(coalesce(NEW.doc->'criteria', '[]')) AS one);
BEGIN
    DELETE FROM contribution_framework
    WHERE contribution_id = NEW.id AND framework_id <> ALL (frameworks);
    INSERT INTO contribution_framework (contribution_id, framework_id)
    SELECT NEW.id, unnest(frameworks) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER keep_contribution_frameworks AFTER INSERT ON contribution FOR EACH ROW
    WHEN (NEW.doc->'criteria' IS NOT NULL) EXECUTE FUNCTION keep_contribution_frameworks();
CREATE TRIGGER keep_contribution_frameworks_changed AFTER UPDATE OF doc ON contribution
    FOR EACH ROW WHEN ((OLD.doc->'criteria')::text IS DISTINCT FROM (NEW.doc->'criteria')::text)
    EXECUTE FUNCTION keep_contribution_frameworks();
