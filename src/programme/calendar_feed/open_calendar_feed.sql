SELECT open_calendar_feed(:hash)
