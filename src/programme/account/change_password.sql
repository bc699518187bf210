SELECT change_own_password(:was, :chosen, :except_session::uuid)
