/* libarchive's ZIP writer into a buffer. */
#include "iqm/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>

struct iqm_archive {
    struct archive *zip;
    struct iqm_buffer *out;
    bool ended; /* what libarchive writes when it is freed goes nowhere */
};

static la_ssize_t take(struct archive *zip, void *user, const void *bytes, size_t length)
{
    struct iqm_archive *archive = user;

    if (archive->ended)
        return (la_ssize_t)length;
    iqm_buffer_add(archive->out, bytes, length);
    if (!archive->out->failed)
        return (la_ssize_t)length;
    archive_set_error(zip, ENOMEM, "no memory");
    return -1;
}

/* Without ZIP64, which not every spreadsheet's own unpacker reads: an entry ends before 4 GiB. */
static int open_zip(struct iqm_archive *archive)
{
    struct archive *zip = archive->zip;

    if (archive_write_set_format_zip(zip) != ARCHIVE_OK ||
        archive_write_zip_set_compression_deflate(zip) != ARCHIVE_OK ||
        archive_write_set_format_option(zip, "zip", "zip64", NULL) != ARCHIVE_OK ||
        archive_write_set_bytes_per_block(zip, 0) != ARCHIVE_OK)
        return IQM_ENOMEM;
    return archive_write_open(zip, archive, NULL, take, NULL) == ARCHIVE_OK ? 0 : IQM_ENOMEM;
}

struct iqm_archive *iqm_archive_new(struct iqm_buffer *out)
{
    struct iqm_archive *archive = calloc(1, sizeof *archive);

    if (archive == NULL)
        return NULL;
    archive->out = out;
    archive->zip = archive_write_new();
    if (archive->zip != NULL && open_zip(archive) == 0)
        return archive;
    iqm_archive_free(archive);
    return NULL;
}

int iqm_archive_entry(struct iqm_archive *archive, const char *name, time_t made_at)
{
    struct archive_entry *entry = archive_entry_new2(archive->zip);
    int status = ARCHIVE_FATAL;

    if (entry == NULL)
        return IQM_ENOMEM;
    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_mtime(entry, made_at, 0);
    status = archive_write_header(archive->zip, entry);
    archive_entry_free(entry);
    return status == ARCHIVE_OK ? 0 : IQM_ENOMEM;
}

int iqm_archive_add(struct iqm_archive *archive, const char *bytes, size_t length)
{
    return archive_write_data(archive->zip, bytes, length) == (la_ssize_t)length ? 0 : IQM_ENOMEM;
}

int iqm_archive_end(struct iqm_archive *archive)
{
    return archive_write_close(archive->zip) == ARCHIVE_OK ? 0 : IQM_ENOMEM;
}

void iqm_archive_free(struct iqm_archive *archive)
{
    if (archive == NULL)
        return;
    archive->ended = true;
    archive_write_free(archive->zip);
    free(archive);
}
