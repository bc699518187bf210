-- What was asked for, whom the answer to a right code would be mailed to, beside somebody who is nobody,
-- and bank holidays from a day on that the rule does not know.
SELECT person_id, kind, bank_holidays_from(:day::date)
FROM find_verification_person(:request_verification_id::uuid)
