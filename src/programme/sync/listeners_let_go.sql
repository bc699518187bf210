-- Which of these tokens, by their place, are good no more for who listens with them.
SELECT l.place FROM unnest(:tokens::bytea[]) WITH ORDINALITY AS l (hash, place)
WHERE NOT EXISTS (SELECT FROM token AS t
    WHERE t.hash = l.hash AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now())
      AND (t.any_scope OR :scope::text = ANY (t.scopes)) AND t.roles && :roles::text[])
