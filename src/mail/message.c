/* Headers and body of a mail. Nothing from outside gets into a header but through encode.c, or
 * after it was found to be an address or a link: so none can begin a header of its own. */
#include "message.h"

#include "encode.h"
#include "iqm/contract.h"
#include "iqm/text.h"

#include <stdlib.h>
#include <string.h>

bool mail_is_address(const char *address)
{
    return iqm_format_matches(IQM_FORMAT_EMAIL, address, strlen(address));
}

bool mail_is_link(const char *link)
{
    size_t length = strlen(link);

    return length <= MAIL_LINK_MAX && iqm_format_matches(IQM_FORMAT_URI, link, length) &&
           strncmp(link, "http", 4) == 0;
}

static void put_date(FILE *out, time_t at)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm utc;

    gmtime_r(&at, &utc);
    fprintf(out, "Date: %.3s, %d %.3s %d %02d:%02d:%02d +0000\r\n", days + 3 * utc.tm_wday,
        utc.tm_mday, months + 3 * utc.tm_mon, utc.tm_year + 1900, utc.tm_hour, utc.tm_min,
        utc.tm_sec);
}

static void put_mailbox(FILE *out, const char *field, const char *name, const char *address)
{
    fprintf(out, "%s: ", field);
    mail_put_name(out, name);
    fprintf(out, "<%s>\r\n", address);
}

/* RFC 8058: both fields, and the link takes a POST. */
static void put_unsubscribe(FILE *out, const char *link)
{
    if (link != NULL)
        fprintf(out,
            "List-Unsubscribe: <%s>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
            link);
}

static void put_message(
    FILE *out, const struct mail_settings *settings, const struct mail_message *message)
{
    put_date(out, message->at);
    fprintf(out, "Message-ID: <%s@%s>\r\n", message->id, settings->domain);
    put_mailbox(out, "From", settings->from_name, settings->from);
    put_mailbox(out, "To", message->name, message->address);
    fprintf(out, "Subject: %s\r\n", message->subject);
    put_unsubscribe(out, message->unsubscribe);
    fputs("Auto-Submitted: auto-generated\r\n"
          "MIME-Version: 1.0\r\n"
          "Content-Type: text/plain; charset=utf-8\r\n"
          "Content-Transfer-Encoding: quoted-printable\r\n"
          "\r\n",
        out);
    mail_put_text(out, message->text);
}

static bool is_utf8(const char *text)
{
    return iqm_text_is_utf8(text, strlen(text));
}

static bool can_stand(const struct mail_message *message)
{
    return mail_is_address(message->address) && is_utf8(message->name) && is_utf8(message->text) &&
           (message->unsubscribe == NULL || mail_is_link(message->unsubscribe));
}

int mail_write(const struct mail_settings *settings, const struct mail_message *message,
    char **ret_bytes, size_t *ret_length)
{
    char *bytes = NULL;
    size_t length = 0;

    if (!can_stand(message))
        return IQM_EINVAL;
    FILE *out = open_memstream(&bytes, &length);
    if (out == NULL)
        return IQM_ENOMEM;
    put_message(out, settings, message);
    bool failed = ferror(out) != 0;
    if (fclose(out) != 0 || failed) {
        free(bytes);
        return IQM_ENOMEM;
    }
    *ret_bytes = bytes;
    *ret_length = length;
    return 0;
}
