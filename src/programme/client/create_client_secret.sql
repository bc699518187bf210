SELECT create_client_secret(:client_id::uuid, :hash)
