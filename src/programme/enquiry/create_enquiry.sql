SELECT create_enquiry(:person::json, :enquiry::json, :contact_wording_id::uuid,
    :marketing_consent::boolean, :marketing_wording_id::uuid, :request_id, :received, :confirmation)
