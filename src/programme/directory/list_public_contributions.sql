SELECT row_to_json(shared), shared.happened_on, shared.id
FROM read_public_contributions(:kind::text, :school_id::uuid, :after_key::date, :after_id::uuid,
    :limit::integer + 1) AS shared
