SELECT format('{"items":%s,"next":null}', list_own_sessions(token.session_id)), own.person_id
FROM token LEFT JOIN read_own_account() AS own ON true WHERE token.hash = :hash
