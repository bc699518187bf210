/*
 * A row to a record: which column becomes which member, under which rule, and what is wrong with
 * it. Must not look at any column that is not in the table: some are about people.
 */
#include "programme/register/columns.h"

#include <stdio.h>
#include <string.h>

struct reader {
    const struct iqm_register_columns *columns;
    const struct iqm_csv_row *row;
    struct iqm_register_report *report;
    json_t *record;
    bool bad, no_memory;
    struct iqm_register_value value; /* of the column being read */
    char urn[7], la_code[4];         /* "" where not known; others depend on them */
    const char *nation;
};

const char *const iqm_register_members[] = {"urn", "laestab", "ukprn", "name", "status", "phase",
    "type", "gender", "religious_character", "local_authority_code", "local_authority_name",
    "region", "nation", "street", "locality", "address_3", "town", "county", "postcode",
    "telephone", "website", "low_age", "high_age", "open_date", "close_date", NULL};

/* Texts that are taken as they stand, with the contract's limit in characters. */
static const struct text_rule {
    enum iqm_register_column column;
    const char *member;
    size_t limit;
} texts_before_place[] =
    {
        {IQM_COLUMN_PHASE, "phase", 60},
        {IQM_COLUMN_TYPE, "type", 100},
        {IQM_COLUMN_GENDER, "gender", 40},
        {IQM_COLUMN_RELIGION, "religious_character", 100},
},
  texts_of_place[] = {
      {IQM_COLUMN_STREET, "street", 200},
      {IQM_COLUMN_LOCALITY, "locality", 200},
      {IQM_COLUMN_ADDRESS_3, "address_3", 200},
      {IQM_COLUMN_TOWN, "town", 100},
      {IQM_COLUMN_COUNTY, "county", 100},
};

/* Reads a column into `value`; false when it is empty or not in this file. */
static bool fetch(struct reader *reader, enum iqm_register_column column)
{
    reader->value.len = reader->value.points = 0;
    reader->value.text[0] = '\0';
    if (reader->columns->present[column])
        iqm_register_clean(reader->row->fields[reader->columns->index[column]], &reader->value);
    return reader->value.points > 0;
}

static void fail(struct reader *reader, enum iqm_register_column column, const char *reason)
{
    reader->bad = true;
    iqm_register_error(
        reader->report, reader->row->line, iqm_register_column_names[column], "%s", reason);
}

/* With the beginning of the value that was read, for a person to find it in the file. */
static void fail_value(struct reader *reader, enum iqm_register_column column, const char *reason)
{
    reader->bad = true;
    iqm_register_error(reader->report, reader->row->line, iqm_register_column_names[column],
        "\"%.*s\" %s", (int)iqm_register_cut(reader->value.text, reader->value.len, 60),
        reader->value.text, reason);
}

static void warn(struct reader *reader, enum iqm_register_column column, const char *reason)
{
    iqm_register_warning(
        reader->report, reader->row->line, iqm_register_column_names[column], "%s", reason);
}

static void set(struct reader *reader, const char *member, json_t *value)
{
    if (json_object_set_new(reader->record, member, value) < 0)
        reader->no_memory = true;
}

static void set_text(struct reader *reader, const char *member, const char *text)
{
    set(reader, member, json_string(text));
}

static bool fits(struct reader *reader, enum iqm_register_column column, size_t limit)
{
    if (reader->value.points <= limit)
        return true;
    char reason[100];
    snprintf(reason, sizeof(reason), "The value has %zu characters; at most %zu are allowed.",
        reader->value.points, limit);
    fail(reader, column, reason);
    return false;
}

static void read_texts(struct reader *reader, const struct text_rule *rules, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!fetch(reader, rules[i].column) || strcasecmp(reader->value.text, "Not recorded") == 0)
            continue;
        if (fits(reader, rules[i].column, rules[i].limit))
            set_text(reader, rules[i].member, reader->value.text);
    }
}

static void read_urn(struct reader *reader)
{
    if (!fetch(reader, IQM_COLUMN_URN)) {
        fail(reader, IQM_COLUMN_URN, "The URN is missing.");
        return;
    }
    const char *text = reader->value.text;
    size_t len = strspn(text, "0123456789");
    if (text[len] != '\0' || len < 5 || len > 6 || text[0] == '0') {
        fail_value(reader, IQM_COLUMN_URN,
            "is not a URN: six digits, or five of a children's centre, not starting with 0.");
        return;
    }
    if (len == 6 && text[0] != '1' && text[0] != '4')
        warn(reader, IQM_COLUMN_URN, "The URN starts neither with 1 (England) nor with 4 (Wales).");
    memcpy(reader->urn, text, len + 1);
    set_text(reader, "urn", text);
}

static void read_la_code(struct reader *reader)
{
    if (fetch(reader, IQM_COLUMN_LA_CODE) &&
        !iqm_register_digits(reader->value.text, 3, reader->la_code))
        fail_value(reader, IQM_COLUMN_LA_CODE, "is not an authority's code of three digits.");
}

static void read_laestab(struct reader *reader)
{
    char number[5], laestab[8];
    if (!fetch(reader, IQM_COLUMN_NUMBER))
        return;
    if (!iqm_register_digits(reader->value.text, 4, number)) {
        fail_value(reader, IQM_COLUMN_NUMBER, "is not an establishment's number of four digits.");
        return;
    }
    if (reader->la_code[0] == '\0')
        return;
    snprintf(laestab, sizeof(laestab), "%s%s", reader->la_code, number);
    set_text(reader, "laestab", laestab);
}

static void read_ukprn(struct reader *reader)
{
    if (!fetch(reader, IQM_COLUMN_UKPRN))
        return;
    const char *text = reader->value.text;
    if (text[0] == '1' && strlen(text) == 8 && strspn(text, "0123456789") == 8)
        set_text(reader, "ukprn", text);
    else
        warn(reader, IQM_COLUMN_UKPRN,
            "The value is not a UKPRN, which is eight digits starting with 1; it is left out.");
}

static void read_name(struct reader *reader)
{
    if (!fetch(reader, IQM_COLUMN_NAME))
        fail(reader, IQM_COLUMN_NAME, "The name is missing.");
    else if (fits(reader, IQM_COLUMN_NAME, 200))
        set_text(reader, "name", reader->value.text);
}

static void read_status(struct reader *reader)
{
    if (!fetch(reader, IQM_COLUMN_STATUS)) {
        fail(reader, IQM_COLUMN_STATUS, "The status is missing.");
        return;
    }
    const char *status = iqm_register_status(reader->value.text);
    if (status)
        set_text(reader, "status", status);
    else
        fail_value(reader, IQM_COLUMN_STATUS,
            "is not a status: Open; Open, but proposed to close; Proposed to open; Closed.");
}

static void read_authority(struct reader *reader)
{
    static const struct text_rule name[] = {{IQM_COLUMN_LA_NAME, "local_authority_name", 100}};
    static const struct text_rule region[] = {{IQM_COLUMN_REGION, "region", 60}};
    if (reader->la_code[0] != '\0')
        set_text(reader, "local_authority_code", reader->la_code);
    read_texts(reader, name, 1);
    read_texts(reader, region, 1);
}

static void read_nation(struct reader *reader)
{
    struct iqm_register_value country;
    fetch(reader, IQM_COLUMN_COUNTRY);
    country = reader->value;
    fetch(reader, IQM_COLUMN_REGION);
    reader->nation =
        iqm_register_nation(country.text, reader->value.text, reader->urn, reader->la_code);
    if (reader->nation)
        set_text(reader, "nation", reader->nation);
}

static void read_postcode(struct reader *reader)
{
    char postcode[9];
    if (!fetch(reader, IQM_COLUMN_POSTCODE))
        return;
    if (iqm_register_postcode(reader->value.text, postcode)) {
        set_text(reader, "postcode", postcode);
        return;
    }
    if (!fits(reader, IQM_COLUMN_POSTCODE, 20))
        return;
    set_text(reader, "postcode", reader->value.text);
    bool abroad = reader->nation && strcmp(reader->nation, "other") == 0;
    if (!abroad)
        warn(reader, IQM_COLUMN_POSTCODE, "No UK postcode looks like this; it is kept as written.");
}

static void read_contact(struct reader *reader)
{
    char telephone[41], website[401];
    if (fetch(reader, IQM_COLUMN_TELEPHONE)) {
        if (iqm_register_telephone(reader->value.text, telephone))
            set_text(reader, "telephone", telephone);
        else
            warn(reader, IQM_COLUMN_TELEPHONE,
                "The value is not a telephone number; it is left out.");
    }
    /* The value is not shown: what is no website is often somebody's e-mail address. */
    if (fetch(reader, IQM_COLUMN_WEBSITE)) {
        if (reader->value.points <= 400 && iqm_register_website(reader->value.text, website))
            set_text(reader, "website", website);
        else
            warn(reader, IQM_COLUMN_WEBSITE,
                "The value is not the address of a website; it is left out.");
    }
}

static bool read_age(struct reader *reader, enum iqm_register_column column, unsigned *ret_age)
{
    if (!fetch(reader, column))
        return false;
    if (iqm_register_number(reader->value.text, 99, ret_age))
        return true;
    fail_value(reader, column, "is not an age from 0 to 99.");
    return false;
}

static void read_ages(struct reader *reader)
{
    unsigned low = 0, high = 0;
    bool has_low = read_age(reader, IQM_COLUMN_LOW_AGE, &low);
    bool has_high = read_age(reader, IQM_COLUMN_HIGH_AGE, &high);
    if (has_low)
        set(reader, "low_age", json_integer(low));
    if (has_high)
        set(reader, "high_age", json_integer(high));
    if (has_low && has_high && low > high)
        fail(reader, IQM_COLUMN_LOW_AGE, "The lowest age is above the highest.");
}

static bool read_date(
    struct reader *reader, enum iqm_register_column column, const char *member, char ret_date[11])
{
    if (!fetch(reader, column))
        return false;
    if (!iqm_register_date(reader->value.text, ret_date)) {
        fail_value(reader, column, "is not a date that exists, written DD-MM-YYYY or DD/MM/YYYY.");
        return false;
    }
    set_text(reader, member, ret_date);
    return true;
}

/* A close date before the open one would make every later edit of the school be refused. */
static void read_dates(struct reader *reader)
{
    char opened[11], closed[11];
    bool has_opened = read_date(reader, IQM_COLUMN_OPEN_DATE, "open_date", opened);
    bool has_closed = read_date(reader, IQM_COLUMN_CLOSE_DATE, "close_date", closed);
    if (!has_opened || !has_closed || strcmp(closed, opened) >= 0)
        return;
    json_object_del(reader->record, "close_date");
    warn(reader, IQM_COLUMN_CLOSE_DATE, "The date is before the open date; it is left out.");
}

static bool check_width(struct reader *reader)
{
    const struct iqm_csv_row *row = reader->row;
    if (row->count == reader->columns->width)
        return true;
    bool cut = row->count < reader->columns->width && !row->ended;
    iqm_register_error(reader->report, row->line, NULL,
        cut ? "The file ends in the middle of this row, with %zu of %zu fields: it is truncated."
            : "The row has %zu fields where the header row has %zu: it is damaged.",
        row->count, reader->columns->width);
    return false;
}

/* In the order of the contract's members, which becomes that of the documents. */
static void read_members(struct reader *reader)
{
    read_urn(reader);
    read_la_code(reader);
    read_laestab(reader);
    read_ukprn(reader);
    read_name(reader);
    read_status(reader);
    read_texts(reader, texts_before_place, IQM_LENGTH(texts_before_place));
    read_authority(reader);
    read_nation(reader);
    read_texts(reader, texts_of_place, IQM_LENGTH(texts_of_place));
    read_postcode(reader);
    read_contact(reader);
    read_ages(reader);
    read_dates(reader);
}

int iqm_register_record(const struct iqm_register_columns *columns, const struct iqm_csv_row *row,
    struct iqm_register_report *report, json_t **ret_record)
{
    struct reader reader;
    memset(&reader, 0, offsetof(struct reader, value));
    reader.columns = columns;
    reader.row = row;
    reader.report = report;
    reader.urn[0] = reader.la_code[0] = '\0';
    reader.nation = NULL;
    if (!check_width(&reader))
        return IQM_EINVAL;
    reader.record = json_object();
    if (!reader.record)
        return IQM_ENOMEM;
    read_members(&reader);
    if (!reader.bad && !reader.no_memory) {
        *ret_record = reader.record;
        return 0;
    }
    json_decref(reader.record);
    return reader.no_memory ? IQM_ENOMEM : IQM_EINVAL;
}
