-- Before the record, as an erasure does: who holds them in another order may be waited for in vain.
SELECT hold_uploader()
