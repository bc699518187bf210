SELECT sign_in_name FROM read_account_link(:hash) AS sign_in_name
