-- One statement, and so one snapshot. The last row says where to go on, and in which database.
SELECT p.kind, p.change, p.id, p.doc, p.next, p.more, p.keep,
    CASE WHEN p.kind IS NULL THEN sync_epoch() END
FROM sync_page(ROW(:phase::text, :place::integer, :after::uuid, :xid::xid8, :record::uuid,
    :sight::text, :doubt::text, :until::xid8, :ceiling::xid8, :day::date)::sync_cursor,
    :limit::integer, 2000000) AS p
