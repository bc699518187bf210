/* Of what media type a file is. Knows no request and no file: bytes only. */
#include "iqm/sniffer.h"

#include <magic.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLAGS                                                                                      \
    (MAGIC_MIME_TYPE | MAGIC_ERROR | MAGIC_NO_CHECK_COMPRESS | MAGIC_NO_CHECK_TAR |                \
        MAGIC_NO_CHECK_APPTYPE | MAGIC_NO_CHECK_ELF | MAGIC_NO_CHECK_CDF | MAGIC_NO_CHECK_CSV |    \
        MAGIC_NO_CHECK_TOKENS | MAGIC_NO_CHECK_JSON)

struct iqm_sniffer {
    magic_t magic;
    pthread_mutex_t lock; /* libmagic keeps what it finds in its handle */
};

struct iqm_sniffer *iqm_sniffer_open(void)
{
    struct iqm_sniffer *sniffer = calloc(1, sizeof *sniffer);

    if (sniffer == NULL)
        return NULL;
    pthread_mutex_init(&sniffer->lock, NULL);
    sniffer->magic = magic_open(FLAGS);
    if (sniffer->magic != NULL && magic_load(sniffer->magic, NULL) == 0)
        return sniffer;
    iqm_sniffer_close(sniffer);
    return NULL;
}

void iqm_sniffer_close(struct iqm_sniffer *sniffer)
{
    if (sniffer == NULL)
        return;
    if (sniffer->magic != NULL)
        magic_close(sniffer->magic);
    pthread_mutex_destroy(&sniffer->lock);
    free(sniffer);
}

void iqm_sniff(struct iqm_sniffer *sniffer, const char *bytes, size_t len,
    char ret_type[static IQM_MEDIA_TYPE_TEXT])
{
    pthread_mutex_lock(&sniffer->lock);
    const char *found =
        magic_buffer(sniffer->magic, bytes, len < IQM_SNIFF_BYTES ? len : IQM_SNIFF_BYTES);
    snprintf(
        ret_type, IQM_MEDIA_TYPE_TEXT, "%s", found != NULL ? found : "application/octet-stream");
    pthread_mutex_unlock(&sniffer->lock);
}

bool iqm_sniff_agrees(const char *found, const char *declared)
{
    /* What a browser or a shell would run. */
    static const char *const active[] = {"text/html", "text/xml", "text/xsl", "text/x-shellscript",
        "text/x-msdos-batch", "text/x-php"};

    if (strcmp(found, declared) == 0)
        return true;
    /* Notes in plain words are now and then taken for mail or for a program's source. */
    if (strcmp(declared, "text/plain") != 0 ||
        (strncmp(found, "text/", 5) != 0 && strcmp(found, "message/rfc822") != 0))
        return false;
    for (size_t i = 0; i < IQM_LENGTH(active); i++) {
        if (strcmp(found, active[i]) == 0)
            return false;
    }
    return true;
}
