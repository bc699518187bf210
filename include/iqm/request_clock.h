/*
 * When a request about somebody's personal data is due. Pure arithmetic on dates.
 *
 * One month (UK GDPR, Article 12(3); ICO, "Right of access: what should we consider when responding
 * to a request?", "How do we calculate a month?"): from the day of receipt, whether that is a
 * working day or not, to the same date of the next month; where that month has no such date, to its
 * last day. Where the last day is a Saturday, a Sunday or a bank holiday, to the end of the next
 * working day (Regulation (EEC, Euratom) 1182/71, Article 3(4)).
 *
 * Three months (ICO, ibid., "Can we extend the time for a response?"): counted in the same way from
 * the day of receipt, not from the end of the first month. People are told of it, with the reason,
 * within the first month.
 *
 * Pauses (ICO, ibid., "Can we clarify the request?", "Can we ask for ID?"; Article 12A(5)): while
 * it is awaited who somebody is, or what they ask for, the clock stands. It stops on the day of our
 * question and goes on on the day of the answer: so many whole days as lie between the two dates
 * are added to the date one or three months after receipt, and only then the next working day is
 * looked for. Asked and answered on one day adds none; asked on the 10th and answered on the 13th
 * adds three. The law leaves out of the count both the day of the question and that of the answer,
 * and begins anew when it is shown who asks: so this is never later than what the law allows.
 *
 * Acknowledging a complaint (Data Protection Act 2018, s. 164A; ICO, "How to deal with data
 * protection complaints"): within 30 days, of which the day after receipt is the first, and then to
 * the next working day as above. No pause counts.
 */
#ifndef IQM_REQUEST_CLOCK_H
#define IQM_REQUEST_CLOCK_H

#include "iqm/working_days.h"

struct iqm_request_clock {
    const char *received_on;
    int paused_days; /* of all pauses that are over */
    bool is_extended;
};

void iqm_request_due(const struct iqm_request_clock *clock, const struct iqm_bank_holidays *more,
    char ret_date[static IQM_DATE_TEXT]);

void iqm_complaint_acknowledge_by(const char *received_on, const struct iqm_bank_holidays *more,
    char ret_date[static IQM_DATE_TEXT]);

#endif
