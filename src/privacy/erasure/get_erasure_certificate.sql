SELECT read_erasure_certificate(:erasure_id::uuid)
