SELECT outcome, format, size, sha256, made_on FROM take_programme_file(:programme_download_id::uuid)
