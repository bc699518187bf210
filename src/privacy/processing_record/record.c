/* The record of processing as a document: everything in it is declared in the contract. */
#include "privacy/processing_record/record.h"

/* Appends a new value; NULL, as for a list that is NULL, is memory that ran out. */
static bool append(json_t *list, json_t *value)
{
    return json_array_append_new(list, value) == 0;
}

static json_t *texts(const char *const *values)
{
    json_t *list = json_array();

    for (; *values != NULL; values++) {
        if (!append(list, json_string(*values))) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *controller(const struct iqm_controller *one)
{
    return json_pack("{s:s, s:s, s:s?, s:s?}", "name", one->name, "contact", one->contact,
        "representative", one->representative, "protection_officer", one->protection_officer);
}

static json_t *purpose(struct iqm_call *call, const struct iqm_purpose *one)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o}", "name", one->name, "title", one->title,
        "description", one->description, "basis", one->basis, "subjects", texts(one->subjects),
        "recipients", texts(one->recipients), "data", processed_data(call, one->name));
}

static json_t *retention(const struct iqm_retention *one)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "name", one->name, "title", one->title,
        "keep", one->keep, "from", one->since, "then", one->anonymise ? "anonymise" : "erase",
        "why", one->why);
}

static json_t *place(const struct iqm_place *one)
{
    static const char *const erasures[] = {[IQM_ERASURE_DELETE] = "delete",
        [IQM_ERASURE_ANONYMISE] = "anonymise",
        [IQM_ERASURE_KEEP] = "keep"};

    return json_pack("{s:s, s:b, s:s, s:s?}", "name", one->name, "belongs", one->condition != NULL,
        "on_erasure", erasures[one->on_erasure], "ground", one->ground);
}

static bool fill(struct iqm_call *call, json_t *purposes, json_t *classes, json_t *places)
{
    const struct iqm_contract *contract = call->contract;
    bool good = true;

    for (size_t i = 0; i < contract->purpose_count; i++)
        good = append(purposes, purpose(call, &contract->purposes[i])) && good;
    for (size_t i = 0; i < contract->retention_count; i++)
        good = append(classes, retention(&contract->retention[i])) && good;
    for (size_t i = 0; i < contract->place_count; i++)
        if (contract->places[i].on_erasure != IQM_ERASURE_NONE)
            good = append(places, place(&contract->places[i])) && good;
    return good;
}

json_t *processing_record(struct iqm_call *call)
{
    const struct iqm_controller *one = call->contract->controller;
    json_t *purposes = json_array(), *classes = json_array(), *places = json_array();
    bool good = fill(call, purposes, classes, places);
    json_t *record = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "controller", controller(one),
        "purposes", purposes, "retention", classes, "places", places, "security",
        texts(one->security), "transfers", texts(one->transfers));

    if (good)
        return record;
    json_decref(record);
    return NULL;
}
