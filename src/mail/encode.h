/* Text in the forms that mail may hold. Each writes to a stream, whose errors the caller asks for
 * at the end; text is valid UTF-8. Shared within this room. */
#ifndef IQM_MAIL_ENCODE_H
#define IQM_MAIL_ENCODE_H

#include "iqm/base.h"

#include <stdio.h>

/* A name before an address, with a space after it: as it is between quotes, or in encoded words
 * (RFC 2047), folded (RFC 5322, 2.2.3). Control characters, line ends above all, become spaces; an
 * empty name is nothing at all. */
void mail_put_name(FILE *out, const char *name);

/* A text as quoted-printable (RFC 2045, 6.7), its lines ending in CRLF, the last one too. */
void mail_put_text(FILE *out, const char *text);

#endif
