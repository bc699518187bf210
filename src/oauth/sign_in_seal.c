/* Where somebody signs in from, and what the browser says it is, tell people their sign-ins apart;
 * both are sealed as all that is known about them. A sign-in does not wait for keys that are away:
 * then it goes without. */
#include "sign_in.h"

/* Sealed as a member of the resource `session`; NULL where it cannot be. */
static const char *seal(
    const struct authorization *authorization, const char *member, const char *value)
{
    const struct sign_in *sign_in = authorization->sign_in;
    struct iqm_seal_place place = {sign_in->person, "session", member};

    if (value == NULL)
        return NULL;
    return iqm_seal_text(authorization->call->arena, &sign_in->key.keys[0], &place, value);
}

static void key_fetched(struct iqm_vault_fetch *fetch)
{
    struct authorization *authorization = fetch->user;
    struct sign_in *sign_in = authorization->sign_in;
    struct iqm_call *call = authorization->call;

    if (fetch->error == 0 && fetch->keys[0].known) {
        const char *address = seal(authorization, "address", call->address);
        sign_in->agent = seal(authorization, "agent", call->user_agent);
        if (address != NULL)
            sign_in->address = iqm_arena_printf(call->arena, "%s.%s", address, sign_in->subscriber);
    }
    sign_in->sealed(authorization);
}

void sign_in_index_subscriber(struct iqm_call *call, struct sign_in *sign_in)
{
    iqm_blind_index(iqm_vault_secrets(call->vault), "session", "address",
        (struct iqm_slice){(const char *)call->address_key.bytes, sizeof call->address_key.bytes},
        sign_in->subscriber);
}

void sign_in_seal(
    struct authorization *authorization, void (*sealed)(struct authorization *authorization))
{
    struct sign_in *sign_in = authorization->sign_in;
    struct iqm_call *call = authorization->call;

    sign_in->sealed = sealed;
    sign_in->key = (struct iqm_vault_fetch){
        .people = &sign_in->person, .count = 1, .done = key_fetched, .user = authorization};
    iqm_vault_fetch(call->vault, call->arena, &sign_in->key);
}
