/* How the whole programme stands. */
#include "contract_tables.h"
#include "programme/document_file.h"

/* Parameters of the statement. */
enum parameter { MOST, REGION };

/* Rows of each list in a workbook, which can hold them all. */
#define FILE_MOST "1000000"

static const struct document_table tables[] = {
    {"levels", "levels", "ReportLevel"},
    {"regions", "regions", "ReportRegion"},
    {"phases", "phases", "ReportPhase"},
    {"renewals_due", "renewals_due", "ReportDue"},
    {"reviews_overdue", "reviews_overdue", "ReportDue"},
    {"below_one_a_term", "below_one_a_term", "ReportBelowItem"},
    {"years", "years", "ReportYear"},
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
