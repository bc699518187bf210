/* The statement of a list: the filters and the order that a request asks for. */
#ifndef IQM_RESOURCE_LISTING_H
#define IQM_RESOURCE_LISTING_H

#include "iqm/resource.h"

struct listing {
    struct iqm_call *call;
    const struct iqm_sort *order; /* NULL: by id */
    unsigned sort;                /* its index + 1; 0: by id */
    unsigned limit;               /* documents of a page */
    bool goes_on;                 /* a cursor was sent */
    uint64_t filters;             /* hash of everything a cursor must agree with */
    struct iqm_pg_value values[IQM_PG_PARAMETERS_MAX];
    unsigned value_count;
    char name[120]; /* of the prepared statement: one name, one text */
    char sql[2000];
    size_t length;
};

/* The statement of a page: `doc`, and the key where it is ordered by one; one row more than the
 * page, to know whether it goes on. 0, or IQM_EPROBLEM with call->problem set. */
int listing_page(struct listing *listing);

/* The statement of all rows, after `select` ("DECLARE … SELECT doc::text"). */
void listing_whole(struct listing *listing, const char *select);

#endif
