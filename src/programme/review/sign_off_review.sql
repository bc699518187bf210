-- The award as the outcome leaves it.
SELECT move_award(:effect::json)
