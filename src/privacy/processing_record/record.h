/* The record of processing activities (UK GDPR, Article 30), from the contract's declarations. */
#ifndef IQM_PRIVACY_RECORD_H
#define IQM_PRIVACY_RECORD_H

#include "iqm/call.h"

/* ProcessingRecord of the contract; new, or NULL when memory is out. */
json_t *processing_record(struct iqm_call *call);

/* Of a purpose, each string of the contract and each column that is processed for it: an array of
 * ProcessedData; new, or NULL when memory is out. */
json_t *processed_data(struct iqm_call *call, const char *purpose);

/* Answers with the page that shows a record. */
void processing_record_reply_page(struct iqm_call *call, const json_t *record);

#endif
