SELECT row_to_json(me) FROM (
    SELECT token.account_id, account.person_id, token.roles, account.school_id, token.client_id,
        token.session_id, token.scopes
    FROM token LEFT JOIN read_own_account() AS account ON true WHERE token.hash = :hash) AS me
