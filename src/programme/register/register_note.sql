-- The register says something new that changes nothing here: people's own words stand.
UPDATE school SET register = :register::json WHERE id = :id::uuid
