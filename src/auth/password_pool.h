/* The pool's two halves of handing in a job, for who must do something in between. */
#ifndef IQM_AUTH_PASSWORD_POOL_H
#define IQM_AUTH_PASSWORD_POOL_H

#include "iqm/password.h"

/* Takes a place in the queue: 0, or IQM_ELIMIT when all are taken. */
int password_pool_reserve(struct iqm_passwords *passwords);

/* Gives a place back that is not needed. */
void password_pool_release(struct iqm_passwords *passwords);

/* Puts a job in the place that was taken. */
void password_pool_put(struct iqm_passwords *passwords, struct iqm_password_job *job);

#endif
