/* The meetings of a school over a period, and what they changed there. */
#include "contract_tables.h"
#include "iqm/calendar.h"
#include "iqm/members.h"
#include "programme/document_file.h"

#include <string.h>

/* Academic years that a period may touch. */
#define YEARS_MAX 6

static int refuse(struct iqm_call *call, const char *parameter, const char *sentence)
{
    iqm_problem_parameter(&call->problem, parameter, "query", "%s", sentence);
    return iqm_problem_set(&call->problem, IQM_PROBLEM_INVALID_PARAMETERS, NULL);
}

/* Days as text compare in the order of time. */
static int check_days(struct iqm_call *call, const char *from, const char *to)
{
    char first[IQM_ACADEMIC_YEAR_TEXT], last[IQM_ACADEMIC_YEAR_TEXT];

    if (from == NULL)
        return refuse(call, "from", "is needed with to");
    if (to == NULL)
        return refuse(call, "to", "is needed with from");
    if (strcmp(to, from) < 0)
        return refuse(call, "to", "is before from");
    iqm_calendar_academic_year(from, first);
    iqm_calendar_academic_year(to, last);
    if (iqm_calendar_first_year(last) - iqm_calendar_first_year(first) >= YEARS_MAX)
        return refuse(call, "to", "is more than six academic years after from");
    return 0;
}

static int check_period(struct iqm_call *call)
{
    const char *from = iqm_call_parameter(call, "from").ptr;
    const char *to = iqm_call_parameter(call, "to").ptr;
    const char *academic_year = iqm_call_parameter(call, "academic_year").ptr;

    if (academic_year != NULL && (from != NULL || to != NULL))
        return refuse(call, "academic_year", "stands alone: leave it out, or from and to");
    if (academic_year != NULL && !iqm_calendar_is_academic_year(academic_year))
        return refuse(call, "academic_year", "is not one year and the next, like 2026/27");
    return from != NULL || to != NULL ? check_days(call, from, to) : 0;
}

static const struct document_table meetings = {"meeting_grid", "items", "MeetingGridItem", NULL};
static const struct document_kind grid = {"meeting-grid", &meetings, 1};

static bool is_truncated(const PGresult *rows)
{
    struct iqm_slice document = iqm_pg_slice(rows, 0, 0);
    struct iqm_slice truncated =
        document.ptr != NULL ? iqm_members_find(document, "truncated") : document;

    return truncated.ptr != NULL && truncated.ptr[0] == 't';
}

/* Nothing in a file says that there is more: it is whole, or it is refused. */
static void answer(struct step *step, const PGresult *rows)
{
    if (document_file_wanted(step) && PQntuples(rows) == 1 && is_truncated(rows)) {
        bool is_period = iqm_call_parameter(step->call, "to").ptr != NULL;
        refuse(step->call, is_period ? "to" : "academic_year",
            "leaves more than 1000 meetings, the most of a file: ask for a shorter period");
        iqm_call_fail(step->call);
    } else {
        document_file_answer(step, rows);
    }
}

void iqm_op_get_meeting_grid(struct iqm_call *call)
{
    if (check_period(call) != 0) {
        iqm_auth_refuse(call);
        return;
    }
    struct step *step = document_file_step(call, &grid);
    if (step != NULL)
        step_read_asked(step, call->operation->statement, answer);
}
