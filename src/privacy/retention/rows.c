/* Deletes rows that are due, some at a time: begin, delete, enter it in the ledger, commit. */
#include "iqm/http.h"
#include "privacy/retention/round.h"

#include "iqm/ids.h"
#include "iqm/jws.h"
#include "privacy/stored_json.h"

#include <inttypes.h>
#include <string.h>

#define AT_ONCE "1000"
#define ENTRY_MEMORY ((size_t)64 * 1024)

/* What one transaction did. */
struct sweep {
    char id[IQM_UUID_TEXT], at[IQM_TIME_TEXT], due_before[IQM_TIME_TEXT];
    int64_t rows;
};

static json_t *what_was_done(const struct retention_rule *rule, const struct sweep *sweep)
{
    return json_pack("{s:s, s:s, s:I, s:s, s:s}", "rule", rule->class, "place", rule->place, "rows",
        (json_int_t)sweep->rows, "due_before", sweep->due_before, "swept_at", sweep->at);
}

/* The members of `taken` first, then those of what was done. NULL: memory is out. */
static json_t *with_done(
    json_t *taken, const struct retention_rule *rule, const struct sweep *sweep)
{
    if (json_object_update_new(taken, what_was_done(rule, sweep)) == 0)
        return taken;
    json_decref(taken);
    return NULL;
}

static char *sign(struct iqm_arena *arena, const struct iqm_config *config,
    const struct retention_rule *rule, const struct sweep *sweep)
{
    const char *payload =
        stored_json(arena, with_done(json_pack("{s:s, s:s, s:s}", "iss", iqm_server_url(), "jti",
                                         sweep->id, "reason", "retention"),
                               rule, sweep));

    return payload != NULL ? iqm_jws_sign(arena, config->signing_key_bytes,
                                 (struct iqm_slice){payload, strlen(payload)})
                           : NULL;
}

/* The ledger's entry; NULL: memory is out. */
static const char *entry_of(struct iqm_arena *arena, const struct iqm_config *config,
    const struct retention_rule *rule, const struct sweep *sweep)
{
    const char *certificate = sign(arena, config, rule, sweep);
    json_t *entry = with_done(json_pack("{s:s}", "id", sweep->id), rule, sweep);

    if (certificate == NULL ||
        json_object_set_new(entry, "certificate", json_string(certificate)) != 0) {
        json_decref(entry);
        return NULL;
    }
    return stored_json(arena, entry);
}

static bool delete_some(
    const struct retention_round *round, const struct retention_rule *rule, struct sweep *ret_sweep)
{
    const char *values[] = {rule->class, rule->place};
    IQM_CLEANUP(iqm_ask_clear) PGresult *begun = retention_ask(round, "BEGIN", 0, NULL);
    IQM_CLEANUP(iqm_ask_clear)
    PGresult *rows =
        begun != NULL
            ? retention_ask(
                  round, "SELECT rows, due_before FROM delete_due($1, $2, " AT_ONCE ")", 2, values)
            : NULL;

    if (PQntuples(rows) != 1)
        return false;
    ret_sweep->rows = iqm_ask_int64(rows, 0);
    snprintf(ret_sweep->due_before, IQM_TIME_TEXT, "%s", PQgetvalue(rows, 0, 1));
    iqm_uuid7(ret_sweep->id);
    iqm_time_now(ret_sweep->at);
    return true;
}

static bool enter(const struct retention_round *round, const struct retention_rule *rule,
    const struct sweep *sweep)
{
    IQM_CLEANUP(iqm_arena_freep) struct iqm_arena *arena = iqm_arena_new(ENTRY_MEMORY);
    const char *entry = arena != NULL ? entry_of(arena, round->config, rule, sweep) : NULL;
    const char *values[] = {entry};

    if (entry == NULL)
        return false;
    IQM_CLEANUP(iqm_ask_clear)
    PGresult *entered = retention_ask(round, "SELECT record_sweep($1::json)", 1, values);
    return entered != NULL;
}

int retention_delete_rows(const struct retention_round *round, const struct retention_rule *rule)
{
    struct sweep sweep;

    do {
        if (!delete_some(round, rule, &sweep) || (sweep.rows > 0 && !enter(round, rule, &sweep)) ||
            !retention_commit(round))
            return retention_give_up(round);
        round->done->rows += (uint64_t)sweep.rows;
    } while (sweep.rows > 0 && !atomic_load(round->stopping));
    return 0;
}
