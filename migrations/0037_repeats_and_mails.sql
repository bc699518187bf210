-- Which of these erasures the ledger lacks: after a restore from an older backup. Asked of each by its
-- own id: what 0034 compared was the ledger's id with itself, so that once the ledger had any entry,
-- none was found missing.
CREATE OR REPLACE FUNCTION missing_erasures(ids uuid[]) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
BEGIN ATOMIC
    SELECT given.id FROM unnest(missing_erasures.ids) AS given (id)
    WHERE NOT EXISTS (SELECT FROM erasure AS e WHERE e.id = given.id);
END;
