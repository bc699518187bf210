-- Makes the requests that were noted, where the code is right.
SELECT confirm_request_verification(:request_verification_id::uuid, :hash::bytea, :received_on::date,
    :due_on::date, :acknowledge_by::date, :request_id, :told::uuid, :reference::uuid, :mail)
