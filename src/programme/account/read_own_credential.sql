SELECT password, sign_in_name FROM read_own_credential()
