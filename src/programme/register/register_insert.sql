INSERT INTO school (id, version, doc, written_by, register)
VALUES (:id::uuid, 1, :doc::json, :written_by::uuid, :register::json)
