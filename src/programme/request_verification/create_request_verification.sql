-- Notes a request that has to be confirmed, and has its code mailed; tells until when it is good.
SELECT time_text(begin_request_verification(:request_verification_id::uuid, :email_index, :kind, :hash::bytea,
    :people::json, :mail))
