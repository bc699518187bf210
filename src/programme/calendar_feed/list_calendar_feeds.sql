SELECT format('{"items":%s,"next":null}', list_own_calendar_feeds())
