-- What the rules of a request ask: the bank holidays that its clock may meet and does not know, whether it
-- is the caller's own, and a hold on the person.
SELECT json_build_object(
    'bank_holidays', bank_holidays_from(coalesce(:received_on::date, :day::date)),
    'own', coalesce(actor_person() = :person_id::uuid, false),
    'hold', hold_of(:person_id::uuid, :day::date))
