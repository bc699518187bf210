/* What a browser says it is tells people their sign-ins apart; it is sealed as all that is known
 * about them. A sign-in does not wait for keys that are away: then it goes without. */
#include "sign_in.h"

#include <stdlib.h>
#include <string.h>

static void key_fetched(struct iqm_vault_fetch *fetch)
{
    struct authorization *authorization = fetch->user;
    struct sign_in *sign_in = authorization->sign_in;
    struct iqm_call *call = authorization->call;
    struct iqm_seal_place place = {sign_in->person, "session", "agent"};
    json_t *agent = json_string(call->user_agent);
    char *text = agent != NULL ? json_dumps(agent, JSON_ENCODE_ANY) : NULL;

    if (fetch->error == 0 && fetch->keys[0].known && text != NULL)
        sign_in->agent =
            iqm_seal(call->arena, &fetch->keys[0], &place, (struct iqm_slice){text, strlen(text)});
    json_decref(agent);
    free(text);
    sign_in->sealed(authorization);
}

void sign_in_seal_agent(
    struct authorization *authorization, void (*sealed)(struct authorization *authorization))
{
    struct sign_in *sign_in = authorization->sign_in;
    struct iqm_call *call = authorization->call;

    if (call->user_agent == NULL) {
        sealed(authorization);
        return;
    }
    sign_in->sealed = sealed;
    sign_in->key = (struct iqm_vault_fetch){
        .people = &sign_in->person, .count = 1, .done = key_fetched, .user = authorization};
    iqm_vault_fetch(call->vault, call->arena, &sign_in->key);
}
