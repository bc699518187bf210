-- Before a stream of events begins: asked while it can still be refused.
SELECT sync_goes_on(:epoch::text, :xid::xid8, :record::uuid, :day::date)
