SELECT redeem_account_link(:hash, :password, :request_id)
