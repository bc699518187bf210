/* What feeds are like to whoever makes, lists and reads them. */
#ifndef IQM_PROGRAMME_CALENDAR_FEED_FEED_H
#define IQM_PROGRAMME_CALENDAR_FEED_FEED_H

/* The secret address: <server><path><secret>/feed.ics. */
#define CALENDAR_FEED_PATH "/v1/calendars/"
#define CALENDAR_FEED_FILE "/feed.ics"
#define CALENDAR_FEED_PREFIX "iqf_"

/* Where its owner's name for it is sealed. */
#define CALENDAR_FEED_LABEL(person) ((struct iqm_seal_place){person, "calendar_feed", "label"})

#endif
