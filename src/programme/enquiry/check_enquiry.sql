-- What stands against the wordings, null where nothing does, and the words that marketing is about.
SELECT found.member, found.fault, words.text
FROM (SELECT) AS one LEFT JOIN check_enquiry(:contact_wording_id::uuid, :marketing_consent::boolean,
        :marketing_wording_id::uuid) AS found ON true
    CROSS JOIN wording_text(:marketing_wording_id::uuid) AS words (text)
