SELECT format('{"items":%s,"next":null}', list_own_sessions(token.session_id))
FROM token WHERE token.hash = :hash
