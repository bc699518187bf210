/*
 * Records into the table of schools, a batch at a time, in one transaction of a blocking
 * connection. Must not decide what a record is, nor lock a school that the register did not change.
 */
#include "programme/register/store.h"
#include "contract_tables.h"

#include "iqm/ids.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Two imports at a time would compare with each other's past. The key is of no meaning. */
#define LOCK_KEY "7421106652"

struct item {
    json_t *record;
    char *text; /* the record as stored; free() */
    const char *urn;
    bool settled; /* nothing left to do */
};

struct iqm_store {
    PGconn *connection;
    const char *actor;
    const struct iqm_register_columns *columns;
    struct iqm_register_counts *counts;
    char now[IQM_TIME_TEXT];
    char sqlstate[6];
    bool open;      /* a transaction is */
    size_t pending; /* writes sent whose answers are not in */
    size_t count, bytes;
    struct item items[IQM_STORE_BATCH];
    char urns[IQM_STORE_BATCH * 8 + 3];
};

enum statement { KNOWN, LOCK, INSERT, UPDATE, NOTE };

static const struct iqm_statement *const statements[] = {
    [KNOWN] = IQM_STATEMENT_REGISTER_KNOWN,
    [LOCK] = IQM_STATEMENT_REGISTER_LOCK,
    [INSERT] = IQM_STATEMENT_REGISTER_INSERT,
    [UPDATE] = IQM_STATEMENT_REGISTER_UPDATE,
    [NOTE] = IQM_STATEMENT_REGISTER_NOTE,
};

static void clear_result(PGresult **result)
{
    PQclear(*result);
}

static void drop_json(json_t **value)
{
    json_decref(*value);
}

const char *iqm_store_sqlstate(const struct iqm_store *store)
{
    return store->sqlstate;
}

static int take_error(struct iqm_store *store, const PGresult *result)
{
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    /* In a pipeline what follows an error only says so; the first one counts. */
    if (state && store->sqlstate[0] == '\0')
        snprintf(store->sqlstate, sizeof(store->sqlstate), "%s", state);
    return PQstatus(store->connection) == CONNECTION_BAD ? IQM_EPGLOST : IQM_EPG;
}

static bool is_good(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

static int run(struct iqm_store *store, const char *sql)
{
    IQM_CLEANUP(clear_result) PGresult *result = PQexec(store->connection, sql);
    return is_good(result) ? 0 : take_error(store, result);
}

static int identify(struct iqm_store *store)
{
    const char *values[1] = {store->actor ? store->actor : ""};
    IQM_CLEANUP(clear_result)
    PGresult *result = PQexecParams(store->connection,
        "SELECT set_config('iqm.roles', '{head_office}', true), set_config('iqm.actor', $1, true), "
        "set_config('iqm.operation', 'import_register', true)",
        1, NULL, values, NULL, NULL, 0);
    return is_good(result) ? 0 : take_error(store, result);
}

static int prepare(struct iqm_store *store)
{
    for (size_t i = 0; i < IQM_LENGTH(statements); i++) {
        IQM_CLEANUP(clear_result)
        PGresult *result =
            PQprepare(store->connection, statements[i]->name, statements[i]->sql, 0, NULL);
        if (!is_good(result))
            return take_error(store, result);
    }
    return 0;
}

/* Waiting for another import may take long; waiting for a person's edit to be committed may not. */
static int start(struct iqm_store *store)
{
    static const char *const steps[] = {
        "DEALLOCATE ALL",
        "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
        "SET LOCAL statement_timeout = '30min'",
        "SET LOCAL lock_timeout = '30min'",
        "SET LOCAL idle_in_transaction_session_timeout = '5min'",
        "SELECT pg_advisory_xact_lock(" LOCK_KEY ")",
        "SET LOCAL statement_timeout = '60s'",
        "SET LOCAL lock_timeout = '30s'",
    };
    for (size_t i = 0; i < IQM_LENGTH(steps); i++) {
        int r = run(store, steps[i]);
        if (r < 0)
            return r;
        store->open = store->open || i == 1;
    }
    int r = identify(store);
    return r < 0 ? r : prepare(store);
}

int iqm_store_open(PGconn *connection, const char *actor,
    const struct iqm_register_columns *columns, struct iqm_register_counts *counts,
    struct iqm_store **ret_store)
{
    struct iqm_store *store = calloc(1, sizeof(*store));
    *ret_store = store;
    if (!store)
        return IQM_ENOMEM;
    store->connection = connection;
    store->actor = actor;
    store->columns = columns;
    store->counts = counts;
    int r = start(store);
    iqm_time_now(store->now);
    return r;
}

static void empty_batch(struct iqm_store *store)
{
    for (size_t i = 0; i < store->count; i++) {
        json_decref(store->items[i].record);
        free(store->items[i].text);
    }
    store->count = store->bytes = 0;
}

/* The next result of the pipeline; NULLs end one statement's results and are passed over. */
static PGresult *next_result(struct iqm_store *store)
{
    PGresult *result = PQgetResult(store->connection);
    return result ? result : PQgetResult(store->connection);
}

/* Takes in the answers of the writes under way, all of them even after an error. */
static int settle(struct iqm_store *store)
{
    if (PQpipelineStatus(store->connection) == PQ_PIPELINE_OFF)
        return 0;
    int r = 0;
    for (size_t i = 0; i < store->pending; i++) {
        IQM_CLEANUP(clear_result) PGresult *result = next_result(store);
        if (!result || PQresultStatus(result) != PGRES_COMMAND_OK)
            r = r < 0 ? r : take_error(store, result);
        /* Row-level security hides a row by updating none. */
        else if (strcmp(PQcmdTuples(result), "1") != 0)
            r = r < 0 ? r : IQM_EPG;
        if (PQstatus(store->connection) == CONNECTION_BAD)
            return IQM_EPGLOST;
    }
    store->pending = 0;
    IQM_CLEANUP(clear_result) PGresult *sync = next_result(store);
    if (PQresultStatus(sync) != PGRES_PIPELINE_SYNC || !PQexitPipelineMode(store->connection))
        return r < 0 ? r : take_error(store, sync);
    return r;
}

static int send(struct iqm_store *store, enum statement statement, int count, const char **values)
{
    if (PQpipelineStatus(store->connection) == PQ_PIPELINE_OFF &&
        !PQenterPipelineMode(store->connection))
        return take_error(store, NULL);
    if (!PQsendQueryPrepared(
            store->connection, statements[statement]->name, count, values, NULL, NULL, 0))
        return take_error(store, NULL);
    store->pending++;
    return 0;
}

static int sync_writes(struct iqm_store *store)
{
    if (PQpipelineStatus(store->connection) == PQ_PIPELINE_OFF)
        return 0;
    return PQpipelineSync(store->connection) ? 0 : take_error(store, NULL);
}

/* URNs are digits only, so an array's text needs no quoting. */
static size_t list_unsettled(struct iqm_store *store)
{
    size_t len = 0, count = 0;
    store->urns[len++] = '{';
    for (size_t i = 0; i < store->count; i++) {
        if (store->items[i].settled)
            continue;
        len += (size_t)snprintf(store->urns + len, sizeof(store->urns) - len, "%s%s",
            count++ > 0 ? "," : "", store->items[i].urn);
    }
    memcpy(store->urns + len, "}", 2);
    return count;
}

static PGresult *select_urns(struct iqm_store *store, enum statement statement)
{
    const char *values[1] = {store->urns};
    return PQexecPrepared(store->connection, statements[statement]->name, 1, values, NULL, NULL, 0);
}

static int compare_items(const void *a, const void *b)
{
    const struct item *left = a, *right = b;
    return strcmp(left->urn, right->urn);
}

static struct item *find_item(struct iqm_store *store, const char *urn)
{
    struct item key = {.urn = urn};
    return bsearch(&key, store->items, store->count, sizeof(key), compare_items);
}

/* Schools of which the register says, byte for byte, what it said last time: most of them. */
static int skip_known(struct iqm_store *store)
{
    if (list_unsettled(store) == 0)
        return 0;
    IQM_CLEANUP(clear_result) PGresult *result = select_urns(store, KNOWN);
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        return take_error(store, result);
    for (int i = 0; i < PQntuples(result); i++) {
        struct item *item = find_item(store, PQgetvalue(result, i, 0));
        if (!item || PQgetisnull(result, i, 1) || strcmp(item->text, PQgetvalue(result, i, 1)) != 0)
            continue;
        item->settled = true;
        store->counts->unchanged++;
    }
    return 0;
}

static char *dump(const json_t *value)
{
    return json_dumps(value, JSON_COMPACT);
}

static json_t *parse(const PGresult *result, int row, int column)
{
    if (PQgetisnull(result, row, column))
        return NULL;
    return json_loads(PQgetvalue(result, row, column), 0, NULL);
}

/* The new version of a document that the merge has changed. */
static int write_merged(
    struct iqm_store *store, const char *id, const char *version, json_t *merged, const char *text)
{
    char next[24];
    long long number = strtoll(version, NULL, 10) + 1;
    snprintf(next, sizeof(next), "%lld", number);
    if (json_object_set_new(merged, "version", json_integer(number)) < 0 ||
        json_object_set_new(merged, "updated_at", json_string(store->now)) < 0)
        return IQM_ENOMEM;
    IQM_CLEANUP(iqm_free_pointer) char *document = dump(merged);
    if (!document)
        return IQM_ENOMEM;
    store->counts->updated++;
    const char *values[] = {next, document, store->actor, text, id};
    return send(store, UPDATE, 5, values);
}

/* The document stays as it is; what the register said is remembered where that is new. */
static int write_note(struct iqm_store *store, const char *id, const json_t *base,
    const json_t *now, const char *text)
{
    store->counts->unchanged++;
    if (base && json_equal(base, now))
        return 0;
    const char *values[] = {text, id};
    return send(store, NOTE, 2, values);
}

/* One school that is here already: its row is locked. */
static int merge_row(
    struct iqm_store *store, const struct item *item, const PGresult *result, int row)
{
    IQM_CLEANUP(drop_json) json_t *ours = parse(result, row, 3);
    IQM_CLEANUP(drop_json) json_t *base = parse(result, row, 4);
    IQM_CLEANUP(drop_json)
    json_t *theirs = iqm_register_carry(store->columns, base, item->record);
    IQM_CLEANUP(iqm_free_pointer) char *text = theirs ? dump(theirs) : NULL;
    IQM_CLEANUP(drop_json) json_t *merged = NULL;
    const char *id = PQgetvalue(result, row, 1);
    if (!ours || !text)
        return IQM_ENOMEM;
    int r = iqm_register_merge(base, ours, theirs, &merged);
    if (r < 0)
        return r;
    return merged ? write_merged(store, id, PQgetvalue(result, row, 2), merged, text)
                  : write_note(store, id, base, theirs, text);
}

static int merge_known(struct iqm_store *store)
{
    if (list_unsettled(store) == 0)
        return 0;
    IQM_CLEANUP(clear_result) PGresult *result = select_urns(store, LOCK);
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        return take_error(store, result);
    for (int i = 0; i < PQntuples(result); i++) {
        struct item *item = find_item(store, PQgetvalue(result, i, 0));
        if (!item)
            continue;
        int r = merge_row(store, item, result, i);
        if (r < 0)
            return r;
        item->settled = true;
    }
    return 0;
}

static int insert(struct iqm_store *store, const struct item *item)
{
    char id[IQM_UUID_TEXT];
    iqm_uuid7(id);
    IQM_CLEANUP(drop_json)
    json_t *doc = json_pack("{s:s, s:i, s:s, s:s}", "id", id, "version", 1, "created_at",
        store->now, "updated_at", store->now);
    if (!doc || json_object_update(doc, item->record) < 0)
        return IQM_ENOMEM;
    IQM_CLEANUP(iqm_free_pointer) char *document = dump(doc);
    if (!document)
        return IQM_ENOMEM;
    store->counts->created++;
    const char *values[] = {id, document, store->actor, item->text};
    return send(store, INSERT, 4, values);
}

static int insert_new(struct iqm_store *store)
{
    for (size_t i = 0; i < store->count; i++) {
        int r = store->items[i].settled ? 0 : insert(store, &store->items[i]);
        if (r < 0)
            return r;
    }
    return 0;
}

/* The answers of the last batch are taken in first: the database worked while rows were read. */
static int write_batch(struct iqm_store *store)
{
    int r = settle(store);
    qsort(store->items, store->count, sizeof(store->items[0]), compare_items);
    if (r == 0)
        r = skip_known(store);
    if (r == 0)
        r = merge_known(store);
    if (r == 0)
        r = insert_new(store);
    if (r == 0)
        r = sync_writes(store);
    empty_batch(store);
    return r;
}

int iqm_store_add(struct iqm_store *store, json_t *record)
{
    char *text = dump(record);
    if (!text) {
        json_decref(record);
        return IQM_ENOMEM;
    }
    const char *urn = json_string_value(json_object_get(record, "urn"));
    store->items[store->count++] = (struct item){.record = record, .text = text, .urn = urn};
    store->bytes += strlen(text);
    bool full = store->count == IQM_STORE_BATCH || store->bytes >= IQM_STORE_BATCH_BYTES;
    return full ? write_batch(store) : 0;
}

int iqm_store_flush(struct iqm_store *store)
{
    int r = write_batch(store);
    return r < 0 ? r : settle(store);
}

int iqm_store_commit(struct iqm_store *store)
{
    IQM_CLEANUP(clear_result) PGresult *result = PQexec(store->connection, "COMMIT");
    store->open = PQtransactionStatus(store->connection) != PQTRANS_IDLE;
    if (!is_good(result))
        return take_error(store, result);
    return strcmp(PQcmdStatus(result), "COMMIT") == 0 ? 0 : IQM_EPG;
}

/* Gets a connection out of the pipeline whatever was under way, so that it can roll back. */
static void leave_pipeline(struct iqm_store *store)
{
    if (PQpipelineStatus(store->connection) == PQ_PIPELINE_OFF)
        return;
    PQpipelineSync(store->connection);
    for (unsigned empty = 0; empty < 2 && PQstatus(store->connection) == CONNECTION_OK;) {
        PGresult *result = PQgetResult(store->connection);
        empty = result ? 0 : empty + 1;
        PQclear(result);
    }
    PQexitPipelineMode(store->connection);
}

void iqm_store_free(struct iqm_store *store)
{
    if (!store)
        return;
    empty_batch(store);
    if (store->open && PQstatus(store->connection) == CONNECTION_OK) {
        leave_pipeline(store);
        PQclear(PQexec(store->connection, "ROLLBACK"));
    }
    free(store);
}
