-- The kinds of records whose changes the log records: those can be told.
SELECT json_object_agg(kind.relname, true) FROM pg_trigger AS t JOIN pg_class AS kind ON kind.oid = t.tgrelid
WHERE t.tgname = 'record_change' AND :url::text IS NOT NULL
