SELECT note_calendar_read(:hash)
