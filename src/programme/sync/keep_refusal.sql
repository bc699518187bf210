-- That a change was not made, and why: for who sends it again without having heard.
SELECT keep_answer('push_changes', :key::bytea, :fingerprint::bytea, :status::integer, NULL, NULL, NULL, NULL, NULL,
    :problem, :person::uuid)
