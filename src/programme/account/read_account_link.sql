SELECT person FROM read_account_link(:hash) AS person
