/* What the parts of a round share. */
#ifndef IQM_RETENTION_ROUND_H
#define IQM_RETENTION_ROUND_H

#include "iqm/ask.h"
#include "iqm/retention.h"

#define RULE_TEXT 64 /* a name in snake_case, terminated */

struct retention_round {
    const struct iqm_config *config;
    PGconn *connection, *keys;
    const atomic_bool *stopping;
    struct iqm_retention_round *done;
};

struct retention_rule {
    char class[RULE_TEXT], place[RULE_TEXT];
    bool erases; /* people; else it deletes rows */
};

/* Asks the main database. */
PGresult *retention_ask(
    const struct retention_round *round, const char *sql, int count, const char *const *values);

/* Ends the transaction; false where that failed. */
bool retention_commit(const struct retention_round *round);

/* What became of a statement that gave NULL: IQM_EPGLOST, or 0 after the transaction was given up
 * and counted as a failure, so that the round goes on with what comes next. */
int retention_give_up(const struct retention_round *round);

/* Of one rule: all that is due. 0, or IQM_EPGLOST or IQM_EPG where the round cannot go on. */
int retention_delete_rows(const struct retention_round *round, const struct retention_rule *rule);
int retention_erase_people(const struct retention_round *round, const struct retention_rule *rule);

#endif
