SELECT json_build_object('account_id', token.account_id, 'person_id', account.person_id,
    'roles', to_json(token.roles), 'school_id', account.school_id, 'client_id', token.client_id,
    'session_id', token.session_id, 'scopes', to_json(token.scopes))
FROM token LEFT JOIN read_own_account() AS account ON true WHERE token.hash = :hash
