SELECT generation, rotated_at, former_until FROM read_webhook_secret(:webhook_endpoint_id::uuid)
