/* Fuzz target: any text as a name and as the body of a mail; what is written must be mail whatever
 * it was, with the headers we meant and no other. */
#include "mail/message.h"

#include <stdlib.h>
#include <string.h>

#define HEADER_LINE_MAX 998 /* RFC 5322, 2.1.1 */
#define TEXT_LINE_MAX 76    /* RFC 2045, 6.7 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const headers[] = {"Date: ", "Message-ID: ", "From: ", "To: ", "Subject: ",
    "Auto-Submitted: ", "MIME-Version: ", "Content-Type: ", "Content-Transfer-Encoding: "};

/* The length of a line that holds printable ASCII (and tabs) and ends in CRLF; aborts at any other.
 */
static size_t check_line(const char *line, const char *end, size_t max)
{
    size_t length = 0;

    while (line + length < end && line[length] != '\r') {
        if (line[length] != '\t' && (line[length] < 0x20 || line[length] > 0x7e))
            abort();
        length++;
    }
    if (length > max || line + length + 1 >= end || line[length + 1] != '\n')
        abort();
    return length;
}

static void check(const char *bytes, size_t length)
{
    const char *end = bytes + length;
    size_t seen = 0;
    bool in_headers = true;

    while (bytes < end) {
        size_t line = check_line(bytes, end, in_headers ? HEADER_LINE_MAX : TEXT_LINE_MAX);
        if (line == 0)
            in_headers = false;
        if (in_headers && *bytes != ' ' &&
            (seen == IQM_LENGTH(headers) ||
                strncmp(bytes, headers[seen], strlen(headers[seen])) != 0))
            abort();
        seen += in_headers && *bytes != ' ';
        bytes += line + 2;
    }
    if (in_headers || seen != IQM_LENGTH(headers))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct mail_settings settings = {
        .from_name = "IQM", .from = "mail@iqm.example", .domain = "iqm.example"};
    char *text = strndup((const char *)data, size);
    struct mail_message message = {.id = "0190b6a2-7c1e-7d3a-9f00-1a2b3c4d5e6f",
        .name = text,
        .address = "ada@example.org",
        .subject = "Hello",
        .text = text};
    char *bytes = NULL;
    size_t length = 0;

    if (mail_write(&settings, &message, &bytes, &length) == 0)
        check(bytes, length);
    free(bytes);
    free(text);
    return 0;
}
