/* What plans, projects and their updates have in common: a school writes them, others judge them.
 */
#ifndef IQM_PROGRAMME_WORK_H
#define IQM_PROGRAMME_WORK_H

#include "iqm/resource.h"

/* Whether text is there: at least one word, as the contract counts them. */
bool work_has_text(const json_t *object, const char *member);

/* A member of the document that has to be there. 0 or IQM_EPROBLEM. */
int work_need(struct iqm_rules *rules, const char *member, const char *sentence);

/* What the document was made for stays. 0 or IQM_EPROBLEM. */
int work_keep(struct iqm_rules *rules, const char *member);

/* Refuses a change of what was handed in, unless the status is one of these (ends with NULL). 0 or
 * IQM_EPROBLEM. */
int work_check_status(struct iqm_rules *rules, const char *const *changeable);

/* Nobody agrees to, sends back or reviews the work of a school that they belong to; and a review
 * that a step rests on is one of the award's whose visit took place. `steps_of_others`: names, ends
 * with NULL. 0 or IQM_EPROBLEM. */
int work_check_judge(
    struct iqm_rules *rules, const json_t *context, const char *const *steps_of_others);

/* Whether an array of ids has this one. */
bool work_has_id(const json_t *ids, const char *id);

/* Whether this very step is taken. */
bool work_is_step(const struct iqm_rules *rules, const char *name);

#endif
