-- What the cursor that is about to be given names by its hash.
SELECT keep_sync_sights(:kept::json)
