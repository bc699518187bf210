SELECT revoke_own_session(:session_id::uuid)
