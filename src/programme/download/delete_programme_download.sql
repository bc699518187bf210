SELECT delete_programme_download(:programme_download_id::uuid)
