-- A few times a second, by each worker that has listeners.
SELECT n.xid, n.record, n.moved, n.day FROM sync_news(:xid::xid8, :record::uuid) AS n
