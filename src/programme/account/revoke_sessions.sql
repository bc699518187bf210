SELECT revoke_own_sessions()
