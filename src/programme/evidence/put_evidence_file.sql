UPDATE evidence SET version = version + 1, file_id = :file_id::uuid,
    written_by = nullif(current_setting('iqm.actor', true), '')::uuid,
    doc = document_with(doc, json_build_object('version', version + 1,
        'updated_at', time_text(now()), 'file', :file::json))
WHERE id = :evidence_id::uuid RETURNING doc, version
