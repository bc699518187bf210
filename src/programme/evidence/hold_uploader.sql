-- Before the record, as an erasure does: who holds them in another order may be waited for in vain. Who
-- that is: null, where no person calls.
SELECT own.person_id FROM hold_uploader() LEFT JOIN read_own_account() AS own ON true
