/* What awards are in force, and for how long they were: read off their steps. */
#include "iqm/calendar.h"
#include "programme/ladder/ladder.h"

#include <stdlib.h>
#include <string.h>

/* Stretches of time that are looked at together: a line of schools with many awards. */
#define STRETCHES_MAX 200

struct stretch {
    char from[IQM_DATE_TEXT], to[IQM_DATE_TEXT]; /* `to` is the day after */
};

struct stretches {
    struct stretch all[STRETCHES_MAX];
    size_t count;
};

static bool is(const char *text, const char *word)
{
    return text != NULL && strcmp(text, word) == 0;
}

static bool is_level(const json_t *award, const char *level)
{
    return is(iqm_rules_text(award, "level"), level);
}

/* Whether a step had been taken by the day. */
static bool had_happened(const json_t *step, const char *on)
{
    return strcmp(iqm_rules_text(step, "happened_on"), on) <= 0;
}

static bool begins_contract(const json_t *step)
{
    const char *name = iqm_rules_text(step, "transition");

    return is(name, "grant") || is(name, "renew");
}

const char *ladder_status(const json_t *award, const char *on)
{
    const char *status = "applied";
    size_t i;
    const json_t *step;

    json_array_foreach(json_object_get(award, "transitions"), i, step)
    {
        if (had_happened(step, on))
            status = iqm_rules_text(step, "status");
    }
    return status;
}

const json_t *ladder_contract(const json_t *award, const char *on)
{
    size_t i, count = 0;
    const json_t *step;

    json_array_foreach(json_object_get(award, "transitions"), i, step) count +=
        had_happened(step, on) && begins_contract(step);
    return count == 0 ? NULL : json_array_get(json_object_get(award, "contracts"), count - 1);
}

bool ladder_in_force(const json_t *award, const char *on)
{
    const char *status = ladder_status(award, on);
    const json_t *contract = ladder_contract(award, on);

    return contract != NULL && (is(status, "awarded") || is(status, "renewed")) &&
           strcmp(on, iqm_rules_text(contract, "ends_on")) <= 0;
}

static bool is_live(const json_t *award, const char *on)
{
    const char *status = ladder_status(award, on);

    return !is(status, "lapsed") && !is(status, "withdrawn");
}

const json_t *ladder_award(const struct ladder *ladder, const char *level)
{
    const json_t *live = NULL, *award;
    size_t i;

    json_array_foreach(json_object_get(ladder->facts, "awards"), i, award)
    {
        if (!is_level(award, level) || strcmp(iqm_rules_text(award, "applied_on"), ladder->on) > 0)
            continue;
        if (ladder_in_force(award, ladder->on))
            return award;
        if (live == NULL && is_live(award, ladder->on))
            live = award;
    }
    return live;
}

bool ladder_holds(const struct ladder *ladder, const char *level)
{
    const json_t *award = ladder_award(ladder, level);

    return award != NULL && ladder_in_force(award, ladder->on);
}

bool ladder_is_under_contract(const struct ladder *ladder, const char *level)
{
    const json_t *award = ladder_award(ladder, level);
    const json_t *contract = award != NULL ? ladder_contract(award, ladder->on) : NULL;

    return contract != NULL && strcmp(ladder->on, iqm_rules_text(contract, "ends_on")) <= 0;
}

bool ladder_ever_held(const struct ladder *ladder, const char *level)
{
    size_t i;
    const json_t *award;

    json_array_foreach(json_object_get(ladder->facts, "awards"), i, award)
    {
        if (is_level(award, level) && ladder_contract(award, ladder->on) != NULL)
            return true;
    }
    return false;
}

static void add_stretch(struct stretches *stretches, const char *from, const char *to)
{
    struct stretch *stretch = &stretches->all[stretches->count];

    if (stretches->count == STRETCHES_MAX || strcmp(from, to) >= 0)
        return;
    memcpy(stretch->from, from, IQM_DATE_TEXT);
    memcpy(stretch->to, to, IQM_DATE_TEXT);
    stretches->count++;
}

/* The end of what began: this day, or the day after the contract's last if that was before. */
static void close_stretch(struct stretches *stretches, const json_t *award, size_t contract,
    const char *from, const char *day)
{
    const json_t *last = json_array_get(json_object_get(award, "contracts"), contract);
    char over[IQM_DATE_TEXT];

    if (last == NULL)
        return;
    iqm_calendar_add(iqm_rules_text(last, "ends_on"), 0, 1, over);
    add_stretch(stretches, from, strcmp(over, day) < 0 ? over : day);
}

static void add_award(struct stretches *stretches, const json_t *award, const char *on)
{
    const char *from = NULL;
    size_t i, contracts = 0;
    const json_t *step;

    json_array_foreach(json_object_get(award, "transitions"), i, step)
    {
        const char *name = iqm_rules_text(step, "transition");
        const char *day = iqm_rules_text(step, "happened_on");
        if (!had_happened(step, on) || is(name, "assess"))
            continue;
        contracts += begins_contract(step);
        if (is(name, "grant") || is(name, "reinstate")) {
            from = day;
        } else if (!is(name, "renew") && from != NULL) {
            close_stretch(stretches, award, contracts - 1, from, day);
            from = NULL;
        }
    }
    if (from != NULL) {
        char over[IQM_DATE_TEXT];
        iqm_calendar_add(on, 0, 1, over);
        close_stretch(stretches, award, contracts - 1, from, over);
    }
}

static int earlier(const void *a, const void *b)
{
    return strcmp(((const struct stretch *)a)->from, ((const struct stretch *)b)->from);
}

/* Days that are in at least one of them. */
static int days_of(struct stretches *stretches)
{
    const char *counted = "0000-00-00";
    int days = 0;

    qsort(stretches->all, stretches->count, sizeof stretches->all[0], earlier);
    for (size_t i = 0; i < stretches->count; i++) {
        const struct stretch *stretch = &stretches->all[i];
        const char *from = strcmp(stretch->from, counted) > 0 ? stretch->from : counted;
        if (strcmp(from, stretch->to) >= 0)
            continue;
        days += iqm_calendar_days(from, stretch->to);
        counted = stretch->to;
    }
    return days;
}

int ladder_days_held(const struct ladder *ladder, const char *level)
{
    struct stretches stretches = {.count = 0};
    size_t i;
    const json_t *award;

    json_array_foreach(json_object_get(ladder->facts, "awards"), i, award)
    {
        if (is_level(award, level))
            add_award(&stretches, award, ladder->on);
    }
    return days_of(&stretches);
}
