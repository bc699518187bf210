SELECT format('{"items":%s,"next":null}', list_own_calendar_feeds()), own.person_id
FROM (SELECT) AS one LEFT JOIN read_own_account() AS own ON true
