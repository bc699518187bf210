-- What most pulls ask: as cheap as reading one record.
SELECT sync_is_idle(:epoch::text, :xid::xid8, :record::uuid, :day::date)
