SELECT c.sight, c.xid, c.record, c.ceiling, c.everybody
FROM sync_concerned(:xid::xid8, :record::uuid, :sights::bytea[]) AS c
