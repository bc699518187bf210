SELECT member, fault
FROM check_enquiry(:contact_wording_id::uuid, :marketing_consent::boolean, :marketing_wording_id::uuid)
