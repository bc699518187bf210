/*
 * Holds the audit log against its chain and its checkpoints, without trusting what the database
 * computed: hashes and signatures are made anew here. Must read any number of records in bounded
 * memory, and go on after a fault: one fault is told once.
 */
#include "iqm/audit.h"

#include "verification.h"

#include <endian.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

/* A record just committed waits for its seal; a running server gives it within a second or two. */
#define PATIENCE_MS 5000
#define LOOK_EVERY_MS 200

#define CLOCKS_DIFFER_S 60 /* at most */

/* One row is one seal with its record and checkpoint; either may be missing. Which there are says
 * their table: who took constraints away may have emptied any column. */
enum column {
    IS_SEAL,
    IS_CHECKPOINT,
    NUMBER,
    HASH,
    RECORD_ID,
    RECORD_ID_TEXT,
    DOC,
    DIFFERS,
    AT,
    SIGNED_HASH,
    KEY,
    SIGNATURE
};

/* The database's own functions only: ours could have been replaced. Infinite ones have no text. */
#define TIME_TEXT(time) "to_char(" time " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"

static const char chain_sql[] =
    "DECLARE chain NO SCROLL CURSOR FOR "
    "SELECT s.tableoid IS NOT NULL, c.tableoid IS NOT NULL, number, s.hash, s.record_id, "
    "s.record_id::text, r.doc,"
    " ROW(r.id::text, r.at, r.actor::text, r.operation, r.resource, r.resource_id::text, r.outcome)"
    " IS DISTINCT FROM ROW(r.doc->>'id', r.doc->>'at', r.doc->>'actor', r.doc->>'operation',"
    " r.doc->>'resource', r.doc->>'resource_id', r.doc->>'outcome'),"
    " " TIME_TEXT("c.at") ", c.hash, c.public_key, c.signature "
                          "FROM audit_seal s FULL JOIN audit_checkpoint c USING (number)"
                          " LEFT JOIN audit_record r ON r.id = s.record_id ORDER BY number";

/* A record of a moment ago may still wait for its seal; one of no time, or of a time to come, was
 * slipped in. */
#define A_MOMENT_AGO TIME_TEXT("(now() - interval '1 minute')")
#define IN_A_MOMENT TIME_TEXT("(now() + interval '1 minute')")
#define UNSEALED                                                                                   \
    "FROM audit_record AS r"                                                                       \
    " WHERE (at BETWEEN " A_MOMENT_AGO " AND " IN_A_MOMENT ") IS NOT TRUE"                         \
    " AND NOT EXISTS (SELECT FROM audit_seal AS s WHERE s.record_id = r.id)"

void verification_clear(PGresult **result)
{
    PQclear(*result);
}

void verification_say(struct verification *verification, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vfprintf(verification->errors, format, arguments);
    va_end(arguments);
    fputc('\n', verification->errors);
    verification->faults++;
}

static int64_t int64_of(const PGresult *rows, int row, int column)
{
    uint64_t bytes = 0;

    if (PQgetlength(rows, row, column) == sizeof bytes)
        memcpy(&bytes, PQgetvalue(rows, row, column), sizeof bytes);
    return (int64_t)be64toh(bytes);
}

static bool copy_bytes(const PGresult *rows, int row, int column, uint8_t *ret_bytes, size_t size)
{
    if (PQgetlength(rows, row, column) != (int)size)
        return false;
    memcpy(ret_bytes, PQgetvalue(rows, row, column), size);
    return true;
}

static bool is_null(const PGresult *rows, int row, enum column column)
{
    return PQgetisnull(rows, row, (int)column) == 1;
}

static bool is_true(const PGresult *rows, int row, enum column column)
{
    return PQgetvalue(rows, row, (int)column)[0] != 0;
}

static int cannot_read(const struct verification *verification)
{
    fprintf(verification->errors, "The audit log cannot be read: %s",
        PQerrorMessage(verification->connection));
    return IQM_EPG;
}

int verification_run(struct verification *verification, const char *sql, PGresult **ret_rows)
{
    PGresult *rows = PQexecParams(verification->connection, sql, 0, NULL, NULL, NULL, NULL, 1);
    ExecStatusType status = PQresultStatus(rows);

    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
        *ret_rows = rows;
        return 0;
    }
    PQclear(rows);
    return cannot_read(verification);
}

int verification_execute(struct verification *verification, const char *sql)
{
    IQM_CLEANUP(verification_clear) PGresult *rows = NULL;

    return verification_run(verification, sql, &rows);
}

static bool is_trusted(const struct iqm_audit_trust *trust, const uint8_t *key)
{
    for (size_t i = 0; i < trust->key_count; i++) {
        if (memcmp(trust->keys[i], key, IQM_AUDIT_KEY) == 0)
            return true;
    }
    return false;
}

/* By itself: ours, and unchanged. */
static bool check_signature(
    struct verification *verification, const struct iqm_checkpoint *checkpoint, const char *where)
{
    if (!is_trusted(verification->trust, checkpoint->public_key))
        verification_say(verification,
            "The checkpoint %" PRId64 "%s is signed with another key than ours.",
            checkpoint->number, where);
    else if (!iqm_checkpoint_is_signed(checkpoint))
        verification_say(verification,
            "The checkpoint %" PRId64 "%s has a signature that is not its own.", checkpoint->number,
            where);
    else
        return true;
    return false;
}

/* The form of times sorts as they do. */
static void check_time(struct verification *verification, const struct iqm_checkpoint *checkpoint)
{
    if (strcmp(checkpoint->at, verification->latest) > 0)
        verification_say(verification, "The checkpoint %" PRId64 " is of a time to come, %s.",
            checkpoint->number, checkpoint->at);
    else if (strcmp(checkpoint->at, verification->signed_at) < 0)
        verification_say(verification,
            "The checkpoint %" PRId64 " is of a time before that of the one before, %s.",
            checkpoint->number, checkpoint->at);
    memcpy(verification->signed_at, checkpoint->at, IQM_TIME_TEXT);
}

static bool read_checkpoint(
    const PGresult *rows, int row, int first, struct iqm_checkpoint *checkpoint)
{
    return copy_bytes(rows, row, first, (uint8_t *)checkpoint->at, IQM_TIME_TEXT - 1) &&
           copy_bytes(rows, row, first + 1, checkpoint->hash, IQM_AUDIT_HASH) &&
           copy_bytes(rows, row, first + 2, checkpoint->public_key, IQM_AUDIT_KEY) &&
           copy_bytes(rows, row, first + 3, checkpoint->signature, IQM_AUDIT_SIGNATURE);
}

static void check_checkpoint(struct verification *verification, const PGresult *rows, int row)
{
    struct iqm_checkpoint checkpoint = {.number = int64_of(rows, row, NUMBER)};
    uint8_t hash[IQM_AUDIT_HASH];

    verification->checkpoints++;
    if (!read_checkpoint(rows, row, AT, &checkpoint)) {
        verification_say(verification,
            "The checkpoint %" PRId64 " is not of the form it should be.", checkpoint.number);
        return;
    }
    if (check_signature(verification, &checkpoint, ""))
        check_time(verification, &checkpoint);
    if (!is_true(rows, row, IS_SEAL))
        verification_say(verification, "The checkpoint %" PRId64 " has no seal: it was removed.",
            checkpoint.number);
    else if (!copy_bytes(rows, row, HASH, hash, sizeof hash) ||
             memcmp(checkpoint.hash, hash, sizeof hash) != 0)
        verification_say(verification,
            "The checkpoint %" PRId64 " does not match its seal: records before it were changed.",
            checkpoint.number);
}

/* After a gap the hash before is not known; then the seal's own is where the chain goes on. */
static bool is_next(struct verification *verification, int64_t number)
{
    int64_t missing = verification->number + 1;

    if (number == missing)
        return true;
    if (number < missing)
        verification_say(verification, "The seal %" PRId64 " is one too many.", number);
    else if (number - 1 == missing)
        verification_say(verification, "The seal %" PRId64 " was removed.", missing);
    else
        verification_say(verification, "The seals %" PRId64 " to %" PRId64 " were removed.",
            missing, number - 1);
    return false;
}

static void check_seal(struct verification *verification, const PGresult *rows, int row)
{
    int64_t number = int64_of(rows, row, NUMBER);
    uint8_t link[IQM_AUDIT_HASH], id[IQM_AUDIT_ID] = {0};
    struct iqm_slice doc = {PQgetvalue(rows, row, DOC), (size_t)PQgetlength(rows, row, DOC)};
    const char *name = PQgetvalue(rows, row, RECORD_ID_TEXT);

    verification->records++;
    if (is_null(rows, row, NUMBER)) {
        verification_say(verification, "The record %s has a seal without a number.", name);
        return;
    }
    bool next = is_next(verification, number);
    if (number <= verification->number)
        return; /* the chain goes on without it */
    memcpy(link, verification->hash, sizeof link);
    copy_bytes(rows, row, RECORD_ID, id, sizeof id);
    iqm_audit_link(link, id, doc);
    verification->number = number;
    memset(verification->hash, 0, IQM_AUDIT_HASH);
    copy_bytes(rows, row, HASH, verification->hash, IQM_AUDIT_HASH);
    if (is_null(rows, row, DOC))
        verification_say(
            verification, "The record %s, sealed as %" PRId64 ", was removed.", name, number);
    else if (next && memcmp(link, verification->hash, sizeof link) != 0)
        verification_say(verification,
            "The record %s, sealed as %" PRId64 ", was changed or moved.", name, number);
    else if (PQgetvalue(rows, row, DIFFERS)[0] != 0)
        verification_say(verification,
            "The record %s, sealed as %" PRId64 ", has columns that do not say what it says.", name,
            number);
}

static void check_row(struct verification *verification, const PGresult *rows, int row)
{
    if (is_true(rows, row, IS_SEAL))
        check_seal(verification, rows, row);
    if (is_true(rows, row, IS_CHECKPOINT))
        check_checkpoint(verification, rows, row);
}

static int check_chain(struct verification *verification)
{
    int error = verification_execute(verification, chain_sql), count = 1;

    while (error == 0 && count > 0) {
        IQM_CLEANUP(verification_clear) PGresult *rows = NULL;
        error = verification_run(verification, "FETCH " VERIFICATION_PAGE " FROM chain", &rows);
        count = PQntuples(rows);
        for (int row = 0; row < count; row++)
            check_row(verification, rows, row);
    }
    return error;
}

/* The seal with this number and the checkpoint there, where they are. */
static PGresult *find_kept(PGconn *connection, int64_t number)
{
    uint64_t bytes = htobe64((uint64_t)number);
    const char *values[] = {(const char *)&bytes};
    const int lengths[] = {sizeof bytes}, formats[] = {1};

    return PQexecParams(connection,
        "SELECT s.hash, c.signature FROM audit_seal s LEFT JOIN audit_checkpoint c USING (number) "
        "WHERE number = $1::bigint",
        1, NULL, values, lengths, formats, 1);
}

/* What was kept elsewhere finds what was cut off here, checkpoints and all. */
static int check_kept(struct verification *verification, const struct iqm_checkpoint *kept)
{
    uint8_t hash[IQM_AUDIT_HASH] = {0};
    IQM_CLEANUP(verification_clear)
    PGresult *rows = find_kept(verification->connection, kept->number);

    if (PQresultStatus(rows) != PGRES_TUPLES_OK)
        return cannot_read(verification);
    check_signature(verification, kept, " kept elsewhere");
    if (PQntuples(rows) == 0)
        verification_say(verification,
            "The checkpoint %" PRId64 " kept elsewhere has no seal: records were cut off.",
            kept->number);
    else if (!copy_bytes(rows, 0, 0, hash, sizeof hash) ||
             memcmp(hash, kept->hash, sizeof hash) != 0)
        verification_say(verification,
            "The checkpoint %" PRId64 " kept elsewhere does not match the seal: records before it "
            "were changed.",
            kept->number);
    else if (PQgetlength(rows, 0, 1) != IQM_AUDIT_SIGNATURE)
        verification_say(verification,
            "The checkpoint %" PRId64 " kept elsewhere was removed here.", kept->number);
    return 0;
}

static int check_all_kept(struct verification *verification)
{
    int error = 0;

    for (size_t i = 0; error == 0 && i < verification->trust->kept_count; i++)
        error = check_kept(verification, &verification->trust->kept[i]);
    return error;
}

static int count_unsealed(struct verification *verification, int64_t *ret_count)
{
    IQM_CLEANUP(verification_clear) PGresult *rows = NULL;
    int error = verification_run(verification, "SELECT count(*) " UNSEALED, &rows);

    if (error == 0)
        *ret_count = int64_of(rows, 0, 0);
    return error;
}

static int tell_unsealed(struct verification *verification)
{
    int error = verification_execute(verification, "BEGIN"), count = 1;

    if (error == 0)
        error = verification_execute(verification,
            "DECLARE unsealed NO SCROLL CURSOR FOR SELECT id::text " UNSEALED " ORDER BY at, id");
    while (error == 0 && count > 0) {
        IQM_CLEANUP(verification_clear) PGresult *rows = NULL;
        error = verification_run(verification, "FETCH " VERIFICATION_PAGE " FROM unsealed", &rows);
        count = PQntuples(rows);
        for (int row = 0; row < count; row++)
            verification_say(verification,
                "The record %s is not sealed, though not of the last minute.",
                PQgetvalue(rows, row, 0));
    }
    return error == 0 ? verification_execute(verification, "COMMIT") : error;
}

/* A long transaction's records are old when they appear: those, a running server seals meanwhile.
 */
static int check_unsealed(struct verification *verification)
{
    const struct timespec pause = {0, LOOK_EVERY_MS * 1000000L};
    uint64_t since = iqm_clock_ms();
    int64_t count = 0;
    int error = count_unsealed(verification, &count);

    while (error == 0 && count > 0 && iqm_clock_ms() - since < PATIENCE_MS) {
        nanosleep(&pause, NULL);
        error = count_unsealed(verification, &count);
    }
    return error == 0 && count > 0 ? tell_unsealed(verification) : error;
}

static void set_latest(struct verification *verification)
{
    time_t latest = time(NULL) + CLOCKS_DIFFER_S;
    struct tm parts;

    gmtime_r(&latest, &parts);
    strftime(verification->latest, IQM_TIME_TEXT, "%Y-%m-%dT%H:%M:%S.999Z", &parts);
}

/* What the session was given must not decide how the chain reads. */
static int prepare(struct verification *verification)
{
    set_latest(verification);
    if (PQsetClientEncoding(verification->connection, "UTF8") != 0)
        return cannot_read(verification);
    return verification_execute(verification, "SET search_path = pg_catalog, public, pg_temp");
}

static int check_all(struct verification *verification)
{
    int error = prepare(verification);

    if (error == 0)
        error =
            verification_execute(verification, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");

    if (error == 0)
        error = check_chain(verification);
    if (error == 0)
        error = check_all_kept(verification);
    if (error == 0)
        error = verification_check_digests(verification);
    if (error == 0)
        error = verification_execute(verification, "COMMIT");
    return error == 0 ? check_unsealed(verification) : error;
}

int iqm_audit_verify(
    PGconn *connection, const struct iqm_audit_trust *trust, FILE *out, FILE *errors)
{
    struct verification verification = {.connection = connection, .trust = trust, .errors = errors};
    char hash[2 * IQM_AUDIT_HASH + 1];
    int error = check_all(&verification);

    if (error != 0 || verification.faults > 0)
        return error != 0 ? error : IQM_EINVAL;
    sodium_bin2hex(hash, sizeof hash, verification.hash, IQM_AUDIT_HASH);
    fprintf(out,
        "%" PRIu64 " records, %" PRIu64 " checkpoints, all in order; last number %" PRId64
        " hash %s\n",
        verification.records, verification.checkpoints, verification.number, hash);
    return 0;
}

int iqm_audit_newest(PGconn *connection, struct iqm_checkpoint *ret_checkpoint)
{
    struct iqm_checkpoint checkpoint = {0};
    IQM_CLEANUP(verification_clear)
    PGresult *rows = PQexecParams(connection,
        "SELECT number, " TIME_TEXT("at") ", hash, public_key, signature FROM audit_checkpoint "
                                          "ORDER BY number DESC LIMIT 1",
        0, NULL, NULL, NULL, NULL, 1);

    if (PQresultStatus(rows) != PGRES_TUPLES_OK)
        return IQM_EPG;
    if (PQntuples(rows) == 0)
        return IQM_ENOTFOUND;
    if (!read_checkpoint(rows, 0, 1, &checkpoint))
        return IQM_EINVAL;
    checkpoint.number = int64_of(rows, 0, 0);
    *ret_checkpoint = checkpoint;
    return 0;
}
