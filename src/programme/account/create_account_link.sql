SELECT outcome, expires_at, purpose FROM create_account_link(:account_id::uuid, :hash)
