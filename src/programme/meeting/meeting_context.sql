-- The term that a meeting on this day belongs to.
SELECT meeting_term(:held_on::date, :host_school_id::uuid)
