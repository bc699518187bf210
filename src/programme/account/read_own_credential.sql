SELECT password, person FROM read_own_credential()
