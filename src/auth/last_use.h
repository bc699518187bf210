/* Which tokens this worker has seen lately. */
#ifndef IQM_AUTH_LAST_USE_H
#define IQM_AUTH_LAST_USE_H

/* Remembers that the token of that id was used just now, for the next upkeep. */
void last_use_note(const char *token_id);

#endif
