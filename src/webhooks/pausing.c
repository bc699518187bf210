/* Pausing, and the mail about it: the one place of this room that asks for keys. */
#include "pausing.h"

#include "iqm/keyring.h"
#include "iqm/log.h"
#include "iqm/mail_body.h"
#include "queue.h"

#include <sodium.h>
#include <string.h>

#define MAIL_MEMORY (1 << 16)

void pausing_close(struct pausing *pausing)
{
    PQfinish(pausing->keys);
    pausing->keys = NULL;
}

static int find_key(struct pausing *pausing, const char *person, struct iqm_person_key *ret_key)
{
    if (pausing->keys == NULL)
        pausing->keys = iqm_key_connect(pausing->config, "iqmd webhooks", pausing->stopping);
    if (pausing->keys == NULL)
        return IQM_EPGLOST;
    int error = iqm_key_ask(pausing->keys, pausing->secrets, person, pausing->stopping, ret_key);
    if (error == IQM_EPGLOST)
        pausing_close(pausing);
    return error;
}

/* 0 with `ret_body` NULL where there is nobody to tell. */
static int write_body(struct pausing *pausing, struct iqm_arena *arena, const struct pause *pause,
    const char **ret_body)
{
    struct iqm_person_key key;

    *ret_body = NULL;
    if (*pause->person_id == '\0')
        return 0;
    int error = find_key(pausing, pause->person_id, &key);
    if (error == 0) {
        *ret_body = iqm_mail_body(arena, &key, pause->person_id,
            json_pack("{s:s,s:s}", "reference", pause->endpoint_id, "reason",
                strcmp(pause->reason, "gone") == 0
                    ? "it answered that it is gone (410)"
                    : "for a whole day, nothing that we sent to it was accepted"));
        error = *ret_body != NULL ? 0 : IQM_ENOMEM;
    }
    sodium_memzero(&key, sizeof key);
    return error == IQM_ENOTFOUND || error == IQM_EINVAL ? 0 : error;
}

static void log_pause(const struct pause *pause)
{
    struct iqm_log_line line;

    iqm_log_begin(&line, IQM_LOG_ERROR, "webhook_paused");
    iqm_log_string(&line, "id", pause->endpoint_id);
    iqm_log_string(&line, "reason", pause->reason);
    iqm_log_end(&line);
}

int pausing_go(struct pausing *pausing, PGconn *connection)
{
    struct pause pause;
    int error;

    while ((error = queue_next_pause(connection, pausing->stopping, &pause)) == 0) {
        IQM_CLEANUP(iqm_arena_freep) struct iqm_arena *arena = iqm_arena_new(MAIL_MEMORY);
        const char *body;
        if (arena == NULL)
            return IQM_ENOMEM;
        error = write_body(pausing, arena, &pause, &body);
        if (error != 0)
            return error == IQM_EPGLOST ? 0 : error;
        error = queue_pause(connection, &pause, body, pausing->stopping);
        if (error != 0)
            return error;
        log_pause(&pause);
    }
    return error == IQM_ENOTFOUND ? 0 : error;
}
