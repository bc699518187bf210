/* How the whole programme stands. */
#include "contract_tables.h"
#include "programme/document_file.h"

/* The statement's first parameter; the others are asked for. */
#define MOST 0

/* Rows of each list in a workbook, which can hold them all. */
#define FILE_MOST "1000000"

static const struct document_table tables[] = {
    {"report", NULL, "ProgrammeReport", "on,region"},
    {"levels", "levels", "ReportLevel", NULL},
    {"regions", "regions", "ReportRegion", NULL},
    {"phases", "phases", "ReportPhase", NULL},
    {"renewals_due", "renewals_due", "ReportDue", NULL},
    {"reviews_overdue", "reviews_overdue", "ReportDue", NULL},
    {"below_one_a_term", "below_one_a_term", "ReportBelowItem", NULL},
    {"years", "years", "ReportYear", NULL},
};

static const struct document_kind report = {"programme-report", tables, IQM_LENGTH(tables)};

void iqm_op_get_programme_report(struct iqm_call *call)
{
    struct step *step = document_file_step(call, &report);

    if (step == NULL)
        return;
    if (document_file_wanted(step))
        step->values[MOST].text = FILE_MOST;
    step_report_asked(step, document_file_answer);
}
