/*
 * The directory where uploads wait: `<id>.part` while one is coming, `<id>.csv` once it is whole
 * and on the disk. Knows files only, no database.
 */
#ifndef IQM_REGISTER_SPOOL_H
#define IQM_REGISTER_SPOOL_H

#include "iqm/ids.h"

#define IQM_SPOOL_PART ".part"
#define IQM_SPOOL_WHOLE ".csv"
#define IQM_SPOOL_NAME (IQM_UUID_TEXT + 5)

/* After this long without a change, what nobody asks for is removed. */
#define IQM_SPOOL_STALE_SECONDS 3600

/* Opens the directory, making it (0700) and those above it where missing. A descriptor the caller
 * closes, or IQM_EIO with errno set. */
int iqm_spool_open(const char *path);

/* `<id><suffix>`; a suffix is one of those above. */
void iqm_spool_name(const char *id, const char *suffix, char ret_name[static IQM_SPOOL_NAME]);

/* Writes to the disk what was received and gives it its final name, durably. 0 or IQM_EIO; after
 * that either name may be there. */
int iqm_spool_keep(int directory, int file, const char *id);

/* Removes an upload under either name. */
void iqm_spool_remove(int directory, const char *id);

/* The first whole upload whose id comes after `after` ("" for the first of all). 0, IQM_ENOTFOUND
 * or IQM_EIO. */
int iqm_spool_next(int directory, const char *after, char ret_id[static IQM_UUID_TEXT]);

/* Whether a file is there that has not changed for IQM_SPOOL_STALE_SECONDS. */
bool iqm_spool_is_stale(int directory, const char *name);

/* Removes stale uploads that never became whole. */
void iqm_spool_sweep(int directory);

/* Keeps other processes off: a descriptor to close; or IQM_ELIMIT when one of them is at work,
 * IQM_EIO when there can be no lock. */
int iqm_spool_lock(int directory);

#endif
