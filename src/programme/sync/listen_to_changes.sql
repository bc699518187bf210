-- As a pull, but ids alone; without a cursor, where it is now. One statement, and so one snapshot.
SELECT p.kind, p.change, p.id, p.next, p.more, p.keep,
    CASE WHEN p.kind IS NULL THEN sync_epoch() END
FROM sync_page(ROW(:phase::text, :place::integer, :after::uuid, :xid::xid8, :record::uuid,
    :sight::text, :doubt::text, :until::xid8, :ceiling::xid8, :day::date)::sync_cursor,
    500, 2000000) AS p
WHERE :phase::text IS NOT NULL
UNION ALL
SELECT NULL, NULL, NULL, n.next, false, n.keep, sync_epoch() FROM sync_from_now() AS n
WHERE :phase::text IS NULL
