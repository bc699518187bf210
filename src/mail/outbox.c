/* Statements on the outbox. What stands in it is for functions of the owner; these are called here.
 */
#include "outbox.h"

#include "iqm/ask.h"

#include <inttypes.h>
#include <string.h>

/* A column of the first row, in the arena; NULL where it is null, or memory is out. */
static const char *column(const PGresult *rows, int at, struct iqm_arena *arena, bool *memory_out)
{
    if (PQgetisnull(rows, 0, at))
        return NULL;
    const char *text =
        iqm_arena_copy(arena, PQgetvalue(rows, 0, at), (size_t)PQgetlength(rows, 0, at));
    *memory_out |= text == NULL;
    return text;
}

int outbox_take(PGconn *connection, int64_t lease_s, struct iqm_arena *arena,
    const atomic_bool *stopping, struct mail *ret_mail)
{
    char lease[24];
    const char *values[] = {lease};
    struct mail mail;
    bool memory_out = false;

    snprintf(lease, sizeof lease, "%" PRId64, lease_s);
    IQM_CLEANUP(iqm_ask_clear)
    PGresult *rows = iqm_ask(connection,
        "SELECT id, attempt, kind, body, person_id, name, email FROM take_mail($1::integer)", 1,
        values, NULL, NULL, stopping);
    if (rows == NULL)
        return IQM_EPG;
    if (PQntuples(rows) == 0)
        return IQM_ENOTFOUND;
    snprintf(mail.id, sizeof mail.id, "%.*s", PQgetlength(rows, 0, 0), PQgetvalue(rows, 0, 0));
    mail.attempt = iqm_ask_int64(rows, 1);
    mail.kind = column(rows, 2, arena, &memory_out);
    mail.body = column(rows, 3, arena, &memory_out);
    mail.person_id = column(rows, 4, arena, &memory_out);
    mail.name = column(rows, 5, arena, &memory_out);
    mail.email = column(rows, 6, arena, &memory_out);
    if (memory_out)
        return IQM_ENOMEM;
    *ret_mail = mail;
    return 0;
}

int outbox_settle(PGconn *connection, const struct mail *mail, const struct mail_report *report,
    const atomic_bool *stopping, bool *ret_failed)
{
    static const char *const outcomes[] = {[MAIL_SENT] = "sent",
        [MAIL_FAILED] = "failed",
        [MAIL_LATER] = "later",
        [MAIL_AGAIN] = "again"};
    char attempt[24];
    const char *values[] = {mail->id, attempt, outcomes[report->outcome], report->error};

    snprintf(attempt, sizeof attempt, "%" PRId64, mail->attempt);
    IQM_CLEANUP(iqm_ask_clear)
    PGresult *rows =
        iqm_ask(connection, "SELECT settle_mail($1::uuid, $2::integer, $3::text, $4::text)", 4,
            values, NULL, NULL, stopping);
    if (PQntuples(rows) != 1)
        return IQM_EPG;
    if (PQgetisnull(rows, 0, 0))
        return IQM_ENOTFOUND;
    *ret_failed = strncmp(PQgetvalue(rows, 0, 0), "failed", 6) == 0;
    return 0;
}

int outbox_tend(PGconn *connection, const atomic_bool *stopping, uint64_t *ret_waiting)
{
    IQM_CLEANUP(iqm_ask_clear)
    PGresult *rows = iqm_ask(connection, "SELECT tend_outbox()", 0, NULL, NULL, NULL, stopping);

    if (PQntuples(rows) != 1)
        return IQM_EPG;
    *ret_waiting = (uint64_t)iqm_ask_int64(rows, 0);
    return 0;
}
