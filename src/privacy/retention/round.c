/* A round: agreeing about who was erased, then rule by rule. */
#include "privacy/retention/round.h"

#include "iqm/erasure.h"

#include <stdio.h>

#define RULES_MAX 100
/* Held by the connection, so that it is free again when that ends, however it does. */
#define LOCK "7310590"

static bool is_stopping(const struct retention_round *round)
{
    return atomic_load(round->stopping);
}

PGresult *retention_ask(
    const struct retention_round *round, const char *sql, int count, const char *const *values)
{
    return iqm_ask(round->connection, sql, count, values, NULL, NULL, round->stopping);
}

int retention_give_up(const struct retention_round *round)
{
    if (iqm_ask_is_lost(round->connection))
        return IQM_EPGLOST;
    IQM_CLEANUP(iqm_ask_clear) PGresult *rolled_back = retention_ask(round, "ROLLBACK", 0, NULL);
    round->done->failures++;
    return rolled_back != NULL ? 0 : IQM_EPGLOST;
}

bool retention_commit(const struct retention_round *round)
{
    IQM_CLEANUP(iqm_ask_clear) PGresult *done = retention_ask(round, "COMMIT", 0, NULL);

    return done != NULL;
}

/* Whether the lock was there to take; IQM_EPG where that could not be asked. */
static int take_turn(const struct retention_round *round)
{
    IQM_CLEANUP(iqm_ask_clear)
    PGresult *rows = retention_ask(round, "SELECT pg_try_advisory_lock(" LOCK ")", 0, NULL);

    if (PQntuples(rows) != 1)
        return IQM_EPG;
    round->done->busy = PQgetvalue(rows, 0, 0)[0] == 0;
    return 0;
}

static void end_turn(const struct retention_round *round)
{
    IQM_CLEANUP(iqm_ask_clear)
    PGresult *rows = retention_ask(round, "SELECT pg_advisory_unlock(" LOCK ")", 0, NULL);

    (void)rows;
}

static int read_rules(const struct retention_round *round,
    struct retention_rule rules[static RULES_MAX], int *ret_count)
{
    IQM_CLEANUP(iqm_ask_clear)
    PGresult *rows = retention_ask(
        round, "SELECT class, place, action = 'erase_person' FROM list_retention_rules()", 0, NULL);

    if (rows == NULL || PQntuples(rows) > RULES_MAX)
        return IQM_EPG;
    for (int row = 0; row < PQntuples(rows); row++) {
        struct retention_rule *rule = &rules[row];
        snprintf(rule->class, RULE_TEXT, "%s", PQgetvalue(rows, row, 0));
        snprintf(rule->place, RULE_TEXT, "%s", PQgetvalue(rows, row, 1));
        rule->erases = PQgetvalue(rows, row, 2)[0] != 0;
    }
    *ret_count = PQntuples(rows);
    return 0;
}

static int apply_rules(const struct retention_round *round)
{
    struct retention_rule rules[RULES_MAX];
    int count = 0, error = read_rules(round, rules, &count);

    for (int i = 0; error == 0 && i < count && !is_stopping(round); i++)
        error = rules[i].erases ? retention_erase_people(round, &rules[i])
                                : retention_delete_rows(round, &rules[i]);
    return error;
}

static int note_end(const struct retention_round *round)
{
    if (is_stopping(round))
        return 0;
    IQM_CLEANUP(iqm_ask_clear)
    PGresult *rows = retention_ask(round, "SELECT end_retention_round()", 0, NULL);
    return rows != NULL ? 0 : IQM_EPG;
}

int iqm_retention_go_round(const struct iqm_config *config, PGconn *connection, PGconn *keys,
    const atomic_bool *stopping, struct iqm_retention_round *ret_round)
{
    struct retention_round round = {config, connection, keys, stopping, ret_round};

    *ret_round = (struct iqm_retention_round){0};
    int error = take_turn(&round);
    if (error != 0 || ret_round->busy)
        return error;
    struct iqm_agreement agreement;
    error = iqm_erasures_agree(connection, keys, NULL, stopping, &agreement);
    ret_round->repeated = agreement.repeated;
    ret_round->failures += agreement.failed;
    if (error == 0)
        error = apply_rules(&round);
    if (error == 0)
        error = note_end(&round);
    if (!iqm_ask_is_lost(connection))
        end_turn(&round);
    return error;
}
