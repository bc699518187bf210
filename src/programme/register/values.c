/*
 * The rules of single values, for files as they come: zeros lost by spreadsheets, postcodes in any
 * case, websites without a scheme. Must not know which column it works on.
 */
#include "iqm/contract.h"
#include "programme/register/columns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_letter(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

static char upper(char byte)
{
    return byte >= 'a' && byte <= 'z' ? (char)(byte - 'a' + 'A') : byte;
}

/* Length of the space at `text`: ASCII's, or the no-break space that web pages leave behind. */
static size_t space_len(const char *text, size_t len)
{
    if (text[0] == ' ' || text[0] == '\t' || text[0] == '\r' || text[0] == '\n')
        return 1;
    return len >= 2 && text[0] == '\xc2' && text[1] == '\xa0' ? 2 : 0;
}

static size_t sequence_len(const char *text, size_t len)
{
    size_t end = 1;
    while (end < len && ((unsigned char)text[end] & 0xc0) == 0x80)
        end++;
    return end;
}

static void keep(struct iqm_register_value *value, const char *bytes, size_t len)
{
    value->points++;
    /* What finds no room makes the value too long for every rule; it needs counting only. */
    if (len > IQM_VALUE_MAX - value->len)
        return;
    memcpy(value->text + value->len, bytes, len);
    value->len += len;
}

void iqm_register_clean(struct iqm_slice field, struct iqm_register_value *ret_value)
{
    ret_value->len = ret_value->points = 0;
    bool space = false;
    for (size_t at = 0; at < field.len;) {
        size_t skip = space_len(field.ptr + at, field.len - at);
        if (skip > 0) {
            space = ret_value->points > 0;
            at += skip;
            continue;
        }
        if (space)
            keep(ret_value, " ", 1);
        space = false;
        size_t len = sequence_len(field.ptr + at, field.len - at);
        keep(ret_value, field.ptr + at, len);
        at += len;
    }
    ret_value->text[ret_value->len] = '\0';
}

size_t iqm_register_cut(const char *text, size_t len, size_t limit)
{
    if (len <= limit)
        return len;
    while (limit > 0 && ((unsigned char)text[limit] & 0xc0) == 0x80)
        limit--;
    return limit;
}

static unsigned days_in_month(unsigned year, unsigned month)
{
    static const unsigned char days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

/* Between `minimum` and `maximum` digits; moves past them. */
static bool take_digits(const char **text, size_t minimum, size_t maximum, unsigned *ret_number)
{
    size_t len = 0;
    unsigned number = 0;
    while (is_digit((*text)[len]) && len < maximum)
        number = number * 10 + (unsigned)((*text)[len++] - '0');
    *text += len;
    *ret_number = number;
    return len >= minimum;
}

bool iqm_register_date(const char *text, char ret_date[11])
{
    unsigned day, month, year;
    if (!take_digits(&text, 1, 2, &day))
        return false;
    char mark = *text++;
    if ((mark != '-' && mark != '/') || !take_digits(&text, 1, 2, &month) || *text++ != mark)
        return false;
    if (!take_digits(&text, 4, 4, &year) || *text != '\0' || year < 1000)
        return false;
    if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
        return false;
    snprintf(ret_date, 11, "%04u-%02u-%02u", year % 10000, month % 100, day % 100);
    return true;
}

bool iqm_register_number(const char *text, unsigned maximum, unsigned *ret_number)
{
    unsigned number;
    if (!take_digits(&text, 1, 4, &number) || *text != '\0' || number > maximum)
        return false;
    *ret_number = number;
    return true;
}

bool iqm_register_digits(const char *text, size_t len, char *ret_digits)
{
    size_t have = strspn(text, "0123456789");
    if (have == 0 || have > len || text[have] != '\0')
        return false;
    memset(ret_digits, '0', len - have);
    memcpy(ret_digits + len - have, text, have + 1);
    return true;
}

/* Area, district and the space: A9, A99, AA9, AA99, A9A, AA9A. */
static bool is_outward(const char *text, size_t len)
{
    size_t letters = is_letter(text[0]) ? (len > 1 && is_letter(text[1]) ? 2 : 1) : 0;
    if (letters == 0 || len < letters + 1 || len > letters + 2 || !is_digit(text[letters]))
        return false;
    return len == letters + 1 || is_digit(text[letters + 1]) || is_letter(text[letters + 1]);
}

bool iqm_register_postcode(const char *text, char ret_postcode[9])
{
    char packed[8];
    size_t len = 0;
    for (; *text; text++) {
        if (*text == ' ')
            continue;
        if (len == 7)
            return false;
        packed[len++] = upper(*text);
    }
    if (len < 5)
        return false;
    packed[len] = '\0';
    const char *inward = packed + len - 3;
    if (!is_digit(inward[0]) || !is_letter(inward[1]) || !is_letter(inward[2]))
        return false;
    if (!is_outward(packed, len - 3))
        return false;
    snprintf(ret_postcode, 9, "%.*s %s", (int)(len - 3), packed, inward);
    return true;
}

bool iqm_register_telephone(const char *text, char ret_telephone[41])
{
    size_t len = strlen(text), digits = 0;
    if (len == 0 || len > 39)
        return false;
    for (size_t i = 0; i < len; i++) {
        digits += is_digit(text[i]);
        if (!is_digit(text[i]) && !strchr("+() ext.-", text[i]))
            return false;
    }
    if (digits == 0)
        return false;
    /* Ten digits of a number without its leading 0 (nine in a few places): a spreadsheet took it.
     */
    bool lost = text[0] >= '1' && text[0] <= '9' && (digits == 10 || digits == 9);
    snprintf(ret_telephone, 41, "%s%s", lost ? "0" : "", text);
    return true;
}

bool iqm_register_website(const char *text, char ret_website[401])
{
    const char *scheme = "http://";
    if (strncasecmp(text, "http://", 7) == 0)
        text += 7;
    else if (strncasecmp(text, "https://", 8) == 0) {
        scheme = "https://";
        text += 8;
    }
    /* The contract would take a single word for a host; here it is a remark such as "none". */
    size_t host = strcspn(text, "/?#");
    if (!memchr(text, '.', host))
        return false;
    int len = snprintf(ret_website, 401, "%s%s", scheme, text);
    return len > 0 && len <= 400 && iqm_format_matches(IQM_FORMAT_URI, ret_website, (size_t)len);
}

const char *iqm_register_status(const char *text)
{
    static const char *const statuses[][2] = {
        {"Open", "open"},
        {"Open, but proposed to close", "open_but_proposed_to_close"},
        {"Proposed to open", "proposed_to_open"},
        {"Closed", "closed"},
    };
    for (size_t i = 0; i < IQM_LENGTH(statuses); i++)
        if (strcasecmp(text, statuses[i][0]) == 0)
            return statuses[i][1];
    return NULL;
}

static const char *nation_named(const char *text)
{
    static const char *const nations[][2] = {
        {"England", "england"},
        {"Scotland", "scotland"},
        {"Wales", "wales"},
        {"Northern Ireland", "northern_ireland"},
        {"Wales (pseudo)", "wales"},
    };
    for (size_t i = 0; i < IQM_LENGTH(nations); i++)
        if (strcasecmp(text, nations[i][0]) == 0)
            return nations[i][1];
    return NULL;
}

/* Authorities: 660 to 681 are Wales, 7xx islands and schools of the forces abroad, 000 and 001 no
 * place at all, the rest England. */
static const char *nation_of_authority(const char *la_code)
{
    unsigned code = (unsigned)strtoul(la_code, NULL, 10);
    if (code >= 660 && code <= 681)
        return "wales";
    if (code >= 700 && code <= 799)
        return "other";
    return code >= 200 ? "england" : NULL;
}

const char *iqm_register_nation(
    const char *country, const char *region, const char *urn, const char *la_code)
{
    const char *nation = nation_named(country);
    if (nation)
        return nation;
    if (country[0] != '\0' && strcasecmp(country, "United Kingdom") != 0 &&
        strncasecmp(country, "Not ", 4) != 0)
        return "other";
    nation = nation_named(region);
    if (nation)
        return nation;
    if (urn[0] == '4' && strlen(urn) == 6)
        return "wales";
    return nation_of_authority(la_code);
}
