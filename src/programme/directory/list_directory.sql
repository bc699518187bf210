-- The day is the database's, so that all servers turn the page at one midnight.
SELECT row_to_json(holder), holder.name, holder.school_id
FROM read_directory(:level::text, :region::text, :phase::text, :name_prefix::text,
    :after_key::text, :after_id::uuid, :limit::integer + 1) AS holder
