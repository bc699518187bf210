/*
 * The OAuth endpoints beside requests: what the server needs of them while it runs. The endpoints
 * themselves are handlers of the contract (tag oauth).
 */
#ifndef IQM_OAUTH_H
#define IQM_OAUTH_H

#include "iqm/pg.h"

/* For iqm_server_options: iqm_auth_upkeep, and that of this room. In a worker's thread. */
void iqm_oauth_upkeep(struct iqm_pg *pg, void *services);

/* Origins of registered clients, separated by commas, as this thread's last upkeep found them. */
const char *iqm_oauth_origins(void *services);

#endif
