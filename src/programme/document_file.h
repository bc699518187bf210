/*
 * A document that has tables in it: itself as JSON, or their rows as a file, which is a workbook
 * with a sheet for each where there are several.
 */
#ifndef IQM_PROGRAMME_DOCUMENT_FILE_H
#define IQM_PROGRAMME_DOCUMENT_FILE_H

#include "iqm/export.h"
#include "programme/step.h"

struct document_table {
    const char *name;   /* of its sheet */
    const char *member; /* of the document: the rows, or an object with the rows as `items`; NULL:
                         * the document is the only row */
    const char *schema; /* of a row, by its name in the contract */
    const char *only;   /* members of a row, parted by commas; NULL: all */
};

struct document_kind {
    const char *file_name;               /* without day and ending */
    const struct document_table *tables; /* several: of an operation with no file but a workbook */
    size_t count;
};

/* A step for the call, of which that is asked; NULL after failing the call. */
struct step *document_file_step(struct iqm_call *call, const struct document_kind *kind);

/* Whether it is to be a file. */
bool document_file_wanted(const struct step *step);

/* Answers with the document of the only row, under the conditions of step_shows. */
void document_file_answer(struct step *step, const PGresult *rows);

#endif
