/* The formats a string may have. Each check reads its bytes once and allocates nothing. */
#include "iqm/contract.h"

#include <string.h>
#include <strings.h>

static bool is_digit(char sign)
{
    return sign >= '0' && sign <= '9';
}

static bool is_lower_hex(char sign)
{
    return is_digit(sign) || (sign >= 'a' && sign <= 'f');
}

static bool is_hex(char sign)
{
    return is_lower_hex(sign) || (sign >= 'A' && sign <= 'F');
}

static bool is_alphanumeric(char sign)
{
    return is_digit(sign) || (sign >= 'a' && sign <= 'z') || (sign >= 'A' && sign <= 'Z');
}

static bool is_one_of(char sign, const char *set)
{
    return sign != '\0' && strchr(set, sign) != NULL;
}

static bool is_uuid(const char *text, size_t len)
{
    if (len != 36)
        return false;
    for (size_t i = 0; i < len; i++) {
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (is_dash ? text[i] != '-' : !is_lower_hex(text[i]))
            return false;
    }
    return true;
}

/* The value of exactly `count` digits, or -1. */
static int digits(const char *text, size_t count)
{
    int value = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_digit(text[i]))
            return -1;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && is_leap ? 29 : days[month - 1];
}

/* The year 0000 is refused: PostgreSQL has none. */
static bool is_date(const char *text, size_t len)
{
    if (len != 10 || text[4] != '-' || text[7] != '-')
        return false;
    int year = digits(text, 4);
    int month = digits(text + 5, 2);
    int day = digits(text + 8, 2);
    if (year < 1 || month < 1 || month > 12)
        return false;
    return day >= 1 && day <= days_in_month(year, month);
}

/* "HH:MM:SS" with a fraction of up to six digits, as much as PostgreSQL keeps, and "Z". */
static bool is_utc_time(const char *text, size_t len)
{
    if (len < 9 || text[2] != ':' || text[5] != ':' || text[len - 1] != 'Z')
        return false;
    int hour = digits(text, 2);
    int minute = digits(text + 3, 2);
    int second = digits(text + 6, 2);
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59)
        return false;
    if (len == 9)
        return true;
    size_t fraction = len - 10;
    return text[8] == '.' && fraction >= 1 && fraction <= 6 && digits(text + 9, fraction) >= 0;
}

static bool is_date_time(const char *text, size_t len)
{
    return len >= 20 && text[10] == 'T' && is_date(text, 10) && is_utc_time(text + 11, len - 11);
}

/* Labels of letters, digits and inner hyphens; `labels_min` of them, dots between. */
static bool is_host_name(const char *text, size_t len, size_t labels_min)
{
    size_t labels = 0;
    size_t start = 0;
    if (len == 0 || len > 253)
        return false;
    for (size_t i = 0; i <= len; i++) {
        if (i < len && text[i] != '.') {
            if (!is_alphanumeric(text[i]) && text[i] != '-')
                return false;
            continue;
        }
        if (i == start || i - start > 63 || text[start] == '-' || text[i - 1] == '-')
            return false;
        labels++;
        start = i + 1;
    }
    return labels >= labels_min;
}

/* RFC 5322 dot-atom: no quoted strings, no comments. */
static bool is_dot_atom(const char *text, size_t len)
{
    if (len == 0 || len > 64 || text[0] == '.' || text[len - 1] == '.')
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!is_alphanumeric(text[i]) && !is_one_of(text[i], "!#$%&'*+-/=?^_`{|}~."))
            return false;
        if (text[i] == '.' && text[i + 1] == '.')
            return false;
    }
    return true;
}

static bool is_email(const char *text, size_t len)
{
    const char *at = len <= 254 ? memchr(text, '@', len) : NULL;
    if (at == NULL)
        return false;
    size_t local = (size_t)(at - text);
    return is_dot_atom(text, local) && is_host_name(at + 1, len - local - 1, 2);
}

static bool is_uri_text(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '%') {
            if (len - i < 3 || !is_hex(text[i + 1]) || !is_hex(text[i + 2]))
                return false;
            i += 2;
        } else if (!is_alphanumeric(text[i]) && !is_one_of(text[i], "-._~:/?@!$&'()*+,;=")) {
            return false;
        }
    }
    return true;
}

static bool is_port(const char *text, size_t len)
{
    if (len < 1 || len > 5)
        return false;
    int value = digits(text, len);
    return value >= 1 && value <= 65535;
}

/* host[:port], where the host is a name, an IPv4 address, or an IPv6 address in brackets. User
 * names are refused: they serve to disguise where a link leads. */
static bool is_authority(const char *text, size_t len)
{
    size_t host = 0;
    if (len > 0 && text[0] == '[') {
        size_t i = 1;
        while (i < len && (is_hex(text[i]) || is_one_of(text[i], ":.")))
            i++;
        if (i < 4 || i == len || text[i] != ']')
            return false;
        host = i + 1;
    } else {
        const char *colon = memchr(text, ':', len);
        host = colon != NULL ? (size_t)(colon - text) : len;
        if (!is_host_name(text, host, 1))
            return false;
    }
    return host == len || (text[host] == ':' && is_port(text + host + 1, len - host - 1));
}

/* The length of "http://" or "https://" at the start, whatever its case; else 0. */
static size_t scheme_len(const char *text, size_t len)
{
    if (len > 7 && strncasecmp(text, "http://", 7) == 0)
        return 7;
    return len > 8 && strncasecmp(text, "https://", 8) == 0 ? 8 : 0;
}

static bool is_uri(const char *text, size_t len)
{
    size_t start = scheme_len(text, len);
    if (start == 0)
        return false;
    size_t end = start;
    while (end < len && !is_one_of(text[end], "/?#"))
        end++;
    if (!is_authority(text + start, end - start))
        return false;
    const char *hash = memchr(text + end, '#', len - end);
    size_t before = hash != NULL ? (size_t)(hash - (text + end)) : len - end;
    if (!is_uri_text(text + end, before))
        return false;
    return hash == NULL || is_uri_text(hash + 1, len - end - before - 1);
}

bool iqm_format_matches(enum iqm_format format, const char *text, size_t len)
{
    switch (format) {
    case IQM_FORMAT_NONE:
        return true;
    case IQM_FORMAT_UUID:
        return is_uuid(text, len);
    case IQM_FORMAT_DATE:
        return is_date(text, len);
    case IQM_FORMAT_DATE_TIME:
        return is_date_time(text, len);
    case IQM_FORMAT_EMAIL:
        return is_email(text, len);
    case IQM_FORMAT_URI:
        return is_uri(text, len);
    }
    return false;
}
