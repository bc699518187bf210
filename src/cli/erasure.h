/* What the files of `iqmd erasure` share. */
#ifndef IQM_CLI_ERASURE_H
#define IQM_CLI_ERASURE_H

#include "iqm/config.h"

#define ERASURE_KEYS_MAX (IQM_FORMER_KEYS_MAX + 1)

/* Public keys to trust. */
struct erasure_keys {
    uint8_t keys[ERASURE_KEYS_MAX][IQM_KEY_BYTES];
    size_t count;
};

/* erasure_ledger.c: the exit status, after telling every fault. */
int erasure_check_ledger(const struct iqm_config *config, const struct erasure_keys *keys);

#endif
