/* What the secret address of a feed looks like: <server><path><secret>/feed.ics. */
#ifndef IQM_PROGRAMME_CALENDAR_FEED_FEED_H
#define IQM_PROGRAMME_CALENDAR_FEED_FEED_H

#define CALENDAR_FEED_PATH "/v1/calendars/"
#define CALENDAR_FEED_FILE "/feed.ics"
#define CALENDAR_FEED_PREFIX "iqf_"

#endif
