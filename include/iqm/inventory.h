/*
 * What the contract says about personal data, as tables: what it is kept for, how long, and where
 * in the database it stands. Part of iqm/contract.h; src/contract/README.md says what each means.
 */
#ifndef IQM_INVENTORY_H
#define IQM_INVENTORY_H

#include "iqm/base.h"

struct iqm_resource;

/* Who a string may tell about. */
enum iqm_personal {
    IQM_PERSONAL_NEVER,
    IQM_PERSONAL_MAY_MENTION, /* free text that may name somebody */
    IQM_PERSONAL_IDENTIFIES,
};

/* What personal data is processed for. */
struct iqm_purpose {
    const char *name;
    const char *title;
    const char *description;
    const char *basis;           /* of UK GDPR, Article 6(1): "consent", "legal_obligation", … */
    const char *const *subjects; /* categories of people; ends with NULL */
    const char *const *recipients; /* ends with NULL */
};

/* How long personal data of a class is kept. */
struct iqm_retention {
    const char *name;
    const char *title;
    const char *keep;  /* ISO 8601 duration; PostgreSQL reads it as an interval */
    const char *since; /* the moment from which it counts, in words */
    bool anonymise;    /* then; false: erase */
    const char *why;
};

/* What is done with rows that have outlived their time. */
enum iqm_due {
    IQM_DUE_COUNT, /* nothing but counting: what is written there is for people to redact */
    IQM_DUE_DELETE,
    IQM_DUE_ERASE_PERSON, /* each is a person, who is erased whole */
};

/* When rows of a table have outlived their time, by one class. */
struct iqm_retention_rule {
    const char *name; /* of the class */
    const char *place;
    const char *keep;
    const char
        *condition; /* SQL for the rows due at the cut-off $1, a timestamptz; names qualified */
    uint8_t action; /* enum iqm_due */
};

/* What an erasure does with a person's rows of a table. */
enum iqm_erasure {
    IQM_ERASURE_NONE, /* nothing personal stands there */
    IQM_ERASURE_DELETE,
    IQM_ERASURE_ANONYMISE, /* the row stays without its personal members, for what refers to it */
    IQM_ERASURE_KEEP,
};

struct iqm_place_column {
    const char *name;
    uint8_t personal;      /* enum iqm_personal */
    const char *purpose;   /* NULL when never personal */
    const char *retention; /* NULL likewise */
    bool withheld;         /* a secret, or nothing to read: left out of what a person is shown */
};

/* A table of the database. */
struct iqm_place {
    const char *name;
    const struct iqm_resource *resource; /* whose schema describes `doc`; NULL: none */
    const char *condition; /* SQL for the rows of the person $1, names qualified by the tables';
                              NULL: they are nobody's, though they may mention somebody */
    uint8_t on_erasure;    /* enum iqm_erasure */
    const char *ground;    /* why they are kept; NULL when they are not */
    const struct iqm_place_column *columns; /* neither generated ones nor a resource's `doc` */
    size_t column_count;
    const char *sealed_resource; /* its texts are sealed as members of this resource of the same
                                    names; NULL: not, or as the resource's own documents */
    const char *sealed_subject;  /* the column with whose they are */
};

/* Who answers for all of it (UK GDPR, Article 30(1)(a), (e), (g)). */
struct iqm_controller {
    const char *name, *contact;
    const char *representative, *protection_officer; /* NULL: there is none */
    const char *const *security;                     /* measures; ends with NULL */
    const char *const *transfers;                    /* to other countries; ends with NULL */
};

#endif
