-- Documents whose every version the audit log can prove: its record of a change holds the digest of
-- what came of it, so that iqmd audit verify finds rows that were changed, removed or slipped in
-- behind its back. And ledgers: tables of such documents that can only be added to.

-- As before; with a digest the record has one more member.
DROP FUNCTION record_audit(text, text, text, text, text, uuid, bigint, text, text);
CREATE FUNCTION record_audit(actor text, roles text, client text, operation text, resource text,
    resource_id uuid, version bigint, request_id text, outcome text, digest text DEFAULT NULL)
    RETURNS void
    LANGUAGE plpgsql
AS $$
DECLARE
    record_id uuid := uuid7();
    now_text text := time_text(now());
    what text := coalesce(nullif(operation, ''), 'database');
BEGIN
    INSERT INTO audit_record (id, doc, at, actor, operation, resource, resource_id, outcome)
    VALUES (record_id, ('{"id":"' || record_id || '","at":"' || now_text || '","actor":'
            || coalesce('"' || nullif(actor, '')::uuid || '"', 'null') || ',"roles":'
            || coalesce('["' || replace(nullif(btrim(roles, '{}'), ''), ',', '","') || '"]', '[]')
            || ',"client_id":' || coalesce('"' || nullif(client, '')::uuid || '"', 'null')
            || ',"operation":' || to_json(what) || ',"resource":'
            || coalesce(to_json(resource)::text, 'null') || ',"resource_id":'
            || coalesce('"' || resource_id || '"', 'null') || ',"version":'
            || coalesce(version::text, 'null') || ',"request_id":'
            || coalesce(to_json(nullif(request_id, ''))::text, 'null') || ',"outcome":"' || outcome
            || coalesce('","digest":"' || digest, '') || '"}')::json,
        now_text, nullif(actor, '')::uuid, what, resource, resource_id, outcome);
END $$;

-- SHA-256 of a document's text in UTF-8, in hexadecimal.
CREATE FUNCTION digest_of(doc json) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN encode(sha256(convert_to(doc::text, 'UTF8')), 'hex');

-- As before; where the trigger says `digest`, with that of the new version.
CREATE OR REPLACE FUNCTION record_change() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
DECLARE
    changed uuid;
    version bigint;
    digest text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        changed := NEW.id;
        version := NEW.version;
    ELSIF TG_OP = 'UPDATE' AND NEW.version = OLD.version THEN
        RETURN NULL;
    ELSE
        INSERT INTO history (resource, id, version, at, actor, doc)
        VALUES (TG_TABLE_NAME, OLD.id, OLD.version, (OLD.doc->>'updated_at')::timestamptz,
            OLD.written_by, OLD.doc);
        changed := OLD.id;
        IF TG_OP = 'UPDATE' THEN
            version := NEW.version;
        ELSE
            version := OLD.version + 1;
            INSERT INTO history (resource, id, version, at, actor, doc)
            VALUES (TG_TABLE_NAME, OLD.id, OLD.version + 1, now(),
                nullif(current_setting('iqm.actor', true), '')::uuid, NULL);
        END IF;
    END IF;
    IF TG_ARGV[0] = 'digest' AND TG_OP <> 'DELETE' THEN
        digest := digest_of(NEW.doc);
    END IF;
    PERFORM record_audit(current_setting('iqm.actor', true), current_setting('iqm.roles', true),
        current_setting('iqm.client', true), current_setting('iqm.operation', true),
        TG_TABLE_NAME, changed, version, current_setting('iqm.request_id', true), 'done', digest);
    RETURN NULL;
END $$;

-- Has the audit log hold digests of a table's documents from its first row on: call it while the
-- table is empty.
CREATE PROCEDURE digest_documents(name regclass)
    LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE format('DROP TRIGGER IF EXISTS record_change ON %s', name);
    EXECUTE format('CREATE TRIGGER record_change AFTER INSERT OR UPDATE OR DELETE ON %s '
        'FOR EACH ROW EXECUTE FUNCTION record_change(''digest'')', name);
END $$;

-- Makes a table of documents a ledger: rows are added by functions of the owner, and neither changed
-- nor removed by anybody; digested. `readers` see every row, `sees` opens rows to whom it holds for.
CREATE PROCEDURE protect_ledger(name regclass, readers text[], sees text DEFAULT 'false')
    LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY owner_reads ON %s FOR SELECT TO CURRENT_USER USING (true)', name);
    EXECUTE format('CREATE POLICY owner_adds ON %s FOR INSERT TO CURRENT_USER WITH CHECK (true)',
        name);
    EXECUTE format('CREATE POLICY document_read ON %s FOR SELECT TO iqm_server USING ('
        '(SELECT current_setting(''iqm.roles'', true) = ANY (%L)) OR %s)', name,
        role_sets_with(readers), sees);
    EXECUTE format('GRANT SELECT ON %s TO iqm_server', name);
    EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %s '
        'FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', name);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER append_only', name);
    CALL digest_documents(name);
END $$;
