/* One access under way; shared by the files of this folder only. */
#ifndef IQM_PRIVACY_ACCESS_H
#define IQM_PRIVACY_ACCESS_H

#include "iqm/archive.h"
#include "iqm/buffer.h"
#include "iqm/walk.h"
#include "privacy/access/mentions.h"
#include "programme/step.h"

struct access;

/* A row of a place, open: what stands beside the document, or the row itself. */
struct access_row {
    struct iqm_slice beside;   /* a JSON object; ptr NULL: nothing */
    struct iqm_slice document; /* JSON; ptr NULL: none */
};

/* How it is told: each adds to access->text. 0 or IQM_ENOMEM; text->failed says so, too. */
struct access_form {
    const char *media_type;
    int (*begin)(struct access *access);
    int (*place)(struct access *access);
    int (*row)(struct access *access, const struct access_row *row);
    int (*place_end)(struct access *access);
    int (*mentions)(struct access *access);
    int (*mention)(struct access *access, const struct mention *mention);
    int (*end)(struct access *access);
};
extern const struct access_form access_as_json, access_as_csv_files;

enum access_phase { ACCESS_PLACES, ACCESS_MENTIONS, ACCESS_END };

struct access {
    struct step *step;
    struct iqm_call *call;
    const struct access_form *form;
    const char *person, *made_at;
    struct iqm_walk walk;
    struct iqm_pg_value values[2];
    struct mention_search mentions;
    enum access_phase phase;
    size_t next_place;
    const struct iqm_place *place; /* under way; NULL: none */
    struct iqm_resource sealed;    /* as which its texts are sealed, where it is no resource */
    struct iqm_buffer text;        /* told, and not given to the client yet */
    bool given;                    /* what is in it is on its way */
    bool answered, failed;

    /* The form's own. */
    bool any; /* something of the kind has been told */
    struct iqm_archive *zip;
    struct iqm_buffer line;
    const char **columns;
    size_t column_count;
};

/* The record of processing as JSON, which tells what it is all kept for; new, or NULL. */
char *access_processing(struct access *access);

#endif
