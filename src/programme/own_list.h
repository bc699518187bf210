/* A list of what is the caller's own, whose texts are sealed under the caller's key. */
#ifndef IQM_PROGRAMME_OWN_LIST_H
#define IQM_PROGRAMME_OWN_LIST_H

#include "programme/step.h"

struct own_list {
    const char *resource;       /* as whose members the texts are sealed */
    const char *const *members; /* of each item, with NULL at the end */

    /* The list's own. */
    struct step *step;
    char person[IQM_UUID_TEXT];
    json_t *document; /* while it is opened */
    struct iqm_vault_fetch key;
};

/* Runs the operation's own statement, which gives the list and whose it is, and answers with it
 * opened. `list` lives as long as the call. */
void own_list_answer(struct step *step, struct own_list *list);

#endif
