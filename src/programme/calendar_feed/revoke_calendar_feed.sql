SELECT revoke_own_calendar_feed(:calendar_feed_id::uuid)
