/* What went wrong, told to the client: RFC 9457 problem details. */
#ifndef IQM_PROBLEM_H
#define IQM_PROBLEM_H

#include "iqm/arena.h"
#include "iqm/contract.h"

#include <jansson.h>

/* At most this many violations are listed in one problem; the answer says when there were more. */
#define IQM_PROBLEM_VIOLATIONS_MAX 100

/* One field at fault. `pointer` is an RFC 6901 JSON pointer into the body; or, where the fault is
 * in a parameter, `parameter` names it and `in` says where it stands. Or a rule that fails, with
 * the paths of the records that fail it, as a JSON array's text. */
struct iqm_violation {
    const char *pointer;
    const char *parameter;
    const char *in;
    const char *rule;
    const char *records;
    const char *detail;
};

struct iqm_problem {
    struct iqm_arena *arena; /* borrowed; holds every string below */
    const struct iqm_problem_type *type;
    const char *detail;
    size_t violation_count; /* stored ones */
    size_t violation_total; /* found ones */
    struct iqm_violation *violations;
};

/* An empty problem whose strings will live in `arena`. */
void iqm_problem_init(struct iqm_problem *problem, struct iqm_arena *arena);

/*
 * Sets type and sentence, keeping violations already recorded. Always returns IQM_EPROBLEM, so that
 * a function can `return iqm_problem_set(…)`. `format` NULL takes the type's own sentence.
 */
int iqm_problem_set(struct iqm_problem *problem, const struct iqm_problem_type *type,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Records a field at fault in the body; `pointer` is copied. Returns IQM_EPROBLEM. */
int iqm_problem_at(struct iqm_problem *problem, const char *pointer, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Records a parameter at fault; `name` and `in` must outlive the problem. Returns IQM_EPROBLEM. */
int iqm_problem_parameter(struct iqm_problem *problem, const char *name, const char *in,
    const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Records a rule that fails; `rule` must outlive the problem. `records`: paths of the records that
 * fail it, an array of strings, borrowed; NULL: none. Returns IQM_EPROBLEM. */
int iqm_problem_rule(struct iqm_problem *problem, const char *rule, const json_t *records,
    const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The problem as application/problem+json text in the arena, or NULL when memory is out. `instance`
 * (the request id) may be NULL. */
char *iqm_problem_text(const struct iqm_problem *problem, const char *instance, size_t *ret_len);

#endif
