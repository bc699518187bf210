INSERT INTO register_import (id, version, doc, written_by)
VALUES (:id::uuid, 1, :doc::json, nullif(current_setting('iqm.actor', true), '')::uuid)
