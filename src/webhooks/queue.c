/* Statements on deliveries. What stands in them is for functions of the owner; these are called
 * here.
 */
#include "queue.h"

#include "iqm/ask.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define AT_ONCE "500" /* records of the feed in a transaction */

static void copy(const PGresult *rows, int row, int column, char *to, size_t room)
{
    snprintf(to, room, "%.*s", PQgetlength(rows, row, column), PQgetvalue(rows, row, column));
}

static int64_t number(const PGresult *rows, int row, int column)
{
    uint64_t value = 0;

    for (int i = 0; i < PQgetlength(rows, row, column); i++)
        value = value << 8 | (unsigned char)PQgetvalue(rows, row, column)[i];
    return (int64_t)value;
}

static bool is_true(const PGresult *rows, int row, int column)
{
    return PQgetisnull(rows, row, column) == 0 && PQgetvalue(rows, row, column)[0] != 0;
}

int queue_dispatch(PGconn *connection, const atomic_bool *stopping, bool *ret_more)
{
    IQM_CLEANUP(iqm_ask_clear)
    PGresult *rows =
        iqm_ask(connection, "SELECT dispatch_webhooks(" AT_ONCE ")", 0, NULL, NULL, NULL, stopping);

    if (PQntuples(rows) != 1)
        return IQM_EPG;
    *ret_more = is_true(rows, 0, 0);
    return 0;
}

int queue_take(PGconn *connection, int64_t lease_s, int most, int each, const atomic_bool *stopping,
    struct delivery *ret_deliveries)
{
    char lease[24], count[24], most_each[24];
    const char *values[] = {lease, count, most_each};

    snprintf(lease, sizeof lease, "%" PRId64, lease_s);
    snprintf(count, sizeof count, "%d", most);
    snprintf(most_each, sizeof most_each, "%d", each);
    IQM_CLEANUP(iqm_ask_clear)
    PGresult *rows = iqm_ask(connection,
        "SELECT id, turn, endpoint_id, url, event, generation, has_former"
        " FROM take_webhooks($1::integer, $2::integer, $3::integer)",
        3, values, NULL, NULL, stopping);
    if (rows == NULL)
        return IQM_EPG;
    int found = PQntuples(rows) < most ? PQntuples(rows) : most;
    for (int row = 0; row < found; row++) {
        struct delivery *delivery = &ret_deliveries[row];
        copy(rows, row, 0, delivery->id, sizeof delivery->id);
        delivery->turn = number(rows, row, 1);
        copy(rows, row, 2, delivery->endpoint_id, sizeof delivery->endpoint_id);
        copy(rows, row, 3, delivery->url, sizeof delivery->url);
        copy(rows, row, 4, delivery->event, sizeof delivery->event);
        delivery->generation = number(rows, row, 5);
        delivery->has_former = is_true(rows, row, 6);
    }
    return found;
}

int queue_settle(PGconn *connection, const struct delivery *delivery, const struct report *report,
    const atomic_bool *stopping)
{
    static const char *const outcomes[] = {[DELIVERED] = "delivered",
        [FAILED] = "failed",
        [GONE] = "gone",
        [INTERRUPTED] = "interrupted"};
    char turn[24], status[24], took[24], asked[24];
    const char *values[] = {delivery->id, turn, outcomes[report->outcome],
        report->status > 0 ? status : NULL, took, report->failure, asked};

    snprintf(turn, sizeof turn, "%" PRId64, delivery->turn);
    snprintf(status, sizeof status, "%" PRId64, report->status);
    snprintf(took, sizeof took, "%" PRId64, report->took_ms);
    snprintf(asked, sizeof asked, "%" PRId64, report->retry_after_s);
    IQM_CLEANUP(iqm_ask_clear)
    PGresult *rows = iqm_ask(connection,
        "SELECT settle_webhook($1::uuid, $2::bigint, $3::text, $4::integer, $5::integer, $6::text,"
        " $7::integer)",
        7, values, NULL, NULL, stopping);
    if (PQntuples(rows) != 1)
        return IQM_EPG;
    return PQgetisnull(rows, 0, 0) == 1 ? IQM_ENOTFOUND : 0;
}

int queue_next_pause(PGconn *connection, const atomic_bool *stopping, struct pause *ret_pause)
{
    IQM_CLEANUP(iqm_ask_clear)
    PGresult *rows =
        iqm_ask(connection, "SELECT endpoint_id, reason, person_id FROM next_webhook_pause()", 0,
            NULL, NULL, NULL, stopping);

    if (rows == NULL)
        return IQM_EPG;
    if (PQntuples(rows) == 0)
        return IQM_ENOTFOUND;
    copy(rows, 0, 0, ret_pause->endpoint_id, sizeof ret_pause->endpoint_id);
    copy(rows, 0, 1, ret_pause->reason, sizeof ret_pause->reason);
    copy(rows, 0, 2, ret_pause->person_id, sizeof ret_pause->person_id);
    return 0;
}

int queue_pause(
    PGconn *connection, const struct pause *pause, const char *body, const atomic_bool *stopping)
{
    const char *values[] = {
        pause->endpoint_id, *pause->person_id != '\0' ? pause->person_id : NULL, body};
    IQM_CLEANUP(iqm_ask_clear)
    PGresult *rows =
        iqm_ask(connection, "SELECT pause_webhook_endpoint($1::uuid, $2::uuid, $3::text)", 3,
            values, NULL, NULL, stopping);

    return PQntuples(rows) == 1 ? 0 : IQM_EPG;
}

int queue_tend(
    PGconn *connection, const atomic_bool *stopping, uint64_t *ret_waiting, uint64_t *ret_dead)
{
    IQM_CLEANUP(iqm_ask_clear)
    PGresult *rows = iqm_ask(
        connection, "SELECT waiting, dead FROM tend_webhooks()", 0, NULL, NULL, NULL, stopping);

    if (PQntuples(rows) != 1)
        return IQM_EPG;
    *ret_waiting = (uint64_t)iqm_ask_int64(rows, 0);
    *ret_dead = (uint64_t)iqm_ask_int64(rows, 1);
    return 0;
}
