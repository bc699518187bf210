/* How long there is to answer; the rules and their sources stand in the header. */
#include "iqm/request_clock.h"

#define ACKNOWLEDGE_DAYS 30

void iqm_request_due(const struct iqm_request_clock *clock, const struct iqm_bank_holidays *more,
    char ret_date[static IQM_DATE_TEXT])
{
    char day[IQM_DATE_TEXT];

    iqm_calendar_add_months(clock->received_on, clock->is_extended ? 3 : 1, day);
    iqm_calendar_add(day, 0, clock->paused_days, day);
    iqm_next_working_day(day, more, ret_date);
}

void iqm_complaint_acknowledge_by(const char *received_on, const struct iqm_bank_holidays *more,
    char ret_date[static IQM_DATE_TEXT])
{
    char day[IQM_DATE_TEXT];

    iqm_calendar_add(received_on, 0, ACKNOWLEDGE_DAYS, day);
    iqm_next_working_day(day, more, ret_date);
}
