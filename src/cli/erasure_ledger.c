/*
 * `iqmd erasure ledger`: holds the ledger of erasures against its certificates and against the key
 * database's log. Both are read in the order of their ids, side by side. Changes nothing.
 */
#include "erasure.h"

#include "cli.h"
#include "iqm/arena.h"
#include "iqm/ids.h"
#include "iqm/jws.h"
#include "keys.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define PAGE "200"
#define CERTIFICATE_MEMORY ((size_t)4 * 1024 * 1024)

enum column { ID, DOCUMENT, CERTIFICATE };

/* One side: its rows page by page. */
struct side {
    PGconn *connection;
    const char *sql; /* after an id: id, document and certificate, in the order of ids */
    PGresult *page;
    int row;
    char id[IQM_UUID_TEXT]; /* of the row; "" behind the last */
};

static const char ledger_sql[] =
    "SELECT id, doc, certificate FROM list_erasures($1::uuid, " PAGE ")";
static const char log_sql[] = "SELECT erasure_id, doc, certificate FROM erasure_log "
                              "WHERE erasure_id > $1::uuid ORDER BY erasure_id LIMIT " PAGE;

static void close_side(struct side *side)
{
    PQclear(side->page);
    PQfinish(side->connection);
}

static const char *value(const struct side *side, enum column column)
{
    return PQgetvalue(side->page, side->row, (int)column);
}

/* The page behind the row of this id. False after saying why not. */
static bool read_page(struct side *side)
{
    const char *values[] = {*side->id != '\0' ? side->id : "00000000-0000-0000-0000-000000000000"};
    PGresult *page = PQexecParams(side->connection, side->sql, 1, NULL, values, NULL, NULL, 0);

    PQclear(side->page);
    side->page = page;
    side->row = 0;
    if (PQresultStatus(page) == PGRES_TUPLES_OK)
        return true;
    fprintf(stderr, "%s", PQerrorMessage(side->connection));
    return false;
}

static bool next(struct side *side)
{
    side->row++;
    if (side->row >= PQntuples(side->page) && !read_page(side))
        return false;
    snprintf(
        side->id, sizeof side->id, "%s", side->row < PQntuples(side->page) ? value(side, ID) : "");
    return true;
}

/* What the certificate says is what the entry says; `iss` and whom it is about are of one only. */
static bool certifies(const json_t *payload, const json_t *entry)
{
    static const char *const members[] = {
        "reason", "request_id", "rule", "erased_at", "erased", "kept"};
    bool is_same = json_equal(json_object_get(payload, "jti"), json_object_get(entry, "id")) == 1;

    for (size_t i = 0; i < IQM_LENGTH(members); i++) {
        const json_t *said = json_object_get(payload, members[i]);
        const json_t *entered = json_object_get(entry, members[i]);
        is_same = is_same && (said == NULL ? entered == NULL : json_equal(said, entered) == 1);
    }
    return is_same;
}

static bool is_certified(
    const struct erasure_keys *keys, const char *entry, const char *signed_text)
{
    IQM_CLEANUP(iqm_arena_freep) struct iqm_arena *arena = iqm_arena_new(CERTIFICATE_MEMORY);
    struct iqm_slice text = {signed_text, strlen(signed_text)}, payload = {NULL, 0};
    bool is_signed = false;

    for (size_t i = 0; arena != NULL && i < keys->count && !is_signed; i++)
        is_signed = iqm_jws_verify(arena, keys->keys[i], text, &payload) == 0;
    if (!is_signed)
        return false;
    json_t *said = json_loadb(payload.ptr, payload.len, 0, NULL);
    json_t *entered = json_loads(entry, 0, NULL);
    bool is_same = said != NULL && entered != NULL && certifies(said, entered);
    json_decref(said);
    json_decref(entered);
    return is_same;
}

/* The same erasure on both sides; how many faults were told. */
static unsigned compare(
    const struct erasure_keys *keys, const struct side *ledger, const struct side *log)
{
    unsigned faults = 0;

    if (!is_certified(keys, value(ledger, DOCUMENT), value(ledger, CERTIFICATE))) {
        fprintf(stderr, "The erasure %s is not what its certificate says.\n", ledger->id);
        faults++;
    }
    if (strcmp(value(ledger, DOCUMENT), value(log, DOCUMENT)) != 0 ||
        strcmp(value(ledger, CERTIFICATE), value(log, CERTIFICATE)) != 0) {
        fprintf(stderr, "The erasure %s is not what the key database's log says.\n", ledger->id);
        faults++;
    }
    return faults;
}

/* Walks both; false after saying why it could not. */
static bool walk(struct side *ledger, struct side *log, const struct erasure_keys *keys,
    unsigned *ret_count, unsigned *ret_faults)
{
    bool goes_on = next(ledger) && next(log);

    while (goes_on && (*ledger->id != '\0' || *log->id != '\0')) {
        int order = *ledger->id == '\0' ? 1 : *log->id == '\0' ? -1 : strcmp(ledger->id, log->id);
        if (order == 0)
            *ret_faults += compare(keys, ledger, log);
        else
            fprintf(stderr, "The erasure %s is not in the %s.\n", order < 0 ? ledger->id : log->id,
                order < 0 ? "key database's log" : "ledger");
        *ret_faults += order != 0;
        *ret_count += 1;
        goes_on = (order > 0 || next(ledger)) && (order < 0 || next(log));
    }
    return goes_on;
}

int erasure_check_ledger(const struct iqm_config *config, const struct erasure_keys *keys)
{
    IQM_CLEANUP(close_side)
    struct side ledger = {.connection = cli_connect_owner(config), .sql = ledger_sql};
    IQM_CLEANUP(close_side) struct side log = {.sql = log_sql};
    unsigned count = 0, faults = 0;

    if (ledger.connection == NULL)
        return EXIT_FAILURE;
    log.connection = cli_connect_key_owner(config);
    if (log.connection == NULL || !walk(&ledger, &log, keys, &count, &faults) || faults > 0)
        return EXIT_FAILURE;
    printf("%u erasures, each certified and in both databases.\n", count);
    return EXIT_SUCCESS;
}
