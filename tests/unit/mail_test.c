/* Mails as they are written: encodings, headers, texts, and what settings about mail mean. */
#include "mail/encode.h"
#include "mail/kinds.h"
#include "mail/message.h"
#include "suite.h"

#include <string.h>

#define ID "0190b6a2-7c1e-7d3a-9f00-1a2b3c4d5e6f"

static struct mail_settings settings = {
    .from_name = "Inclusion Quality Mark", .from = "mail@iqm.example", .domain = "api.iqm.example"};

/* What one of the encoders writes; to be freed. */
static char *written(void (*put)(FILE *out, const char *text), const char *text)
{
    char *bytes = NULL;
    size_t length;
    FILE *out = open_memstream(&bytes, &length);

    put(out, text);
    ck_assert_int_eq(fclose(out), 0);
    return bytes;
}

static void assert_written(
    void (*put)(FILE *out, const char *text), const char *text, const char *wanted)
{
    char *found = written(put, text);

    ck_assert_str_eq(found, wanted);
    free(found);
}

static char *message_text(const struct mail_message *message)
{
    char *bytes = NULL;
    size_t length = 0;

    ck_assert_int_eq(mail_write(&settings, message, &bytes, &length), 0);
    ck_assert_uint_eq(strlen(bytes), length);
    return bytes;
}

static struct mail_message simple_message(void)
{
    return (struct mail_message){.id = ID,
        .at = 1767322984, /* 2026-01-02T03:03:04Z */
        .name = "Ada Mensah",
        .address = "ada@example.org",
        .subject = "Hello",
        .text = "Hello Ada\n"};
}

static int read_settings(struct iqm_config config, struct mail_settings *ret_settings)
{
    static char nothing[1];
    char *words = NULL;
    size_t length;
    FILE *errors = open_memstream(&words, &length);
    char **texts[] = {&config.smtp_url, &config.smtp_user, &config.smtp_tls, &config.mail_from,
        &config.public_url};

    for (size_t i = 0; i < IQM_LENGTH(texts); i++) {
        if (*texts[i] == NULL)
            *texts[i] = nothing;
    }
    int error = mail_settings_read(&config, ret_settings, errors);
    fclose(errors);
    ck_assert((error != 0) == (length > 0));
    free(words);
    return error;
}

START_TEST(plain_names_are_quoted)
{
    assert_written(mail_put_name, "", "");
    assert_written(mail_put_name, "Ada Mensah", "\"Ada Mensah\" ");
    assert_written(mail_put_name, "O'Brien, \"Pat\" \\", "\"O'Brien, \\\"Pat\\\" \\\\\" ");
}
END_TEST

START_TEST(other_names_are_encoded_words)
{
    assert_written(mail_put_name, "Zo\xC3\xAB", "=?UTF-8?B?Wm/Dqw==?=\r\n ");
    assert_written(mail_put_name, "=?x", "=?UTF-8?B?PT94?=\r\n ");
}
END_TEST

START_TEST(long_names_are_folded_between_characters)
{
    char name[201];

    for (size_t i = 0; i < 200; i += 2)
        memcpy(name + i, "\xC3\xA9", 2);
    name[200] = '\0';
    char *found = written(mail_put_name, name);
    size_t words = 0;
    for (char *line = strtok(found, "\r\n"); line != NULL; line = strtok(NULL, "\r\n")) {
        ck_assert_uint_le(strlen(line), 76);
        words += strstr(line, "=?UTF-8?B?") != NULL;
        /* 44 bytes: a word that cut the character would hold 45. */
        ck_assert(strlen(line) < 70 ||
                  strstr(line, "w6nDqcOpw6nDqcOpw6nDqcOpw6nDqcOpw6nDqcOpw6nDqcOpw6nDqcOpw6k="));
    }
    ck_assert_uint_eq(words, 5);
    free(found);
}
END_TEST

START_TEST(line_ends_in_names_are_spaces)
{
    assert_written(mail_put_name, "A\r\nBcc: b\t\x7f", "\"A  Bcc: b  \" ");
    char *found = written(mail_put_name, "\xC3\xA9\r\nBcc: b");
    ck_assert_str_eq(found, "=?UTF-8?B?w6kgIEJjYzogYg==?=\r\n ");
    free(found);
}
END_TEST

START_TEST(text_is_quoted_printable)
{
    assert_written(mail_put_text, "", "");
    assert_written(mail_put_text, "a\nb\r\nc\rd", "a\r\nb\r\nc\r\nd\r\n");
    assert_written(mail_put_text, "1=2 \xC3\xA9", "1=3D2 =C3=A9\r\n");
    assert_written(mail_put_text, "a \n\tb\t\nc ", "a=20\r\n\tb=09\r\nc=20\r\n");
    assert_written(mail_put_text, "\x01\x7f", "=01=7F\r\n");
}
END_TEST

START_TEST(long_lines_are_broken_softly)
{
    char text[302];

    memset(text, 'x', 300);
    text[300] = '=';
    text[301] = '\0';
    char *found = written(mail_put_text, text);
    size_t count = 0;
    for (char *line = found; *line != '\0'; line = strstr(line, "\r\n") + 2) {
        ck_assert_uint_le(strcspn(line, "\r"), 76);
        count++;
    }
    ck_assert_uint_eq(count, 5);
    ck_assert_str_eq(found + strlen(found) - 7, "\r\n=3D\r\n");
    free(found);
}
END_TEST

START_TEST(a_message_has_its_headers)
{
    struct mail_message message = simple_message();
    char *text = message_text(&message);

    ck_assert_str_eq(text, "Date: Fri, 2 Jan 2026 03:03:04 +0000\r\n"
                           "Message-ID: <" ID "@api.iqm.example>\r\n"
                           "From: \"Inclusion Quality Mark\" <mail@iqm.example>\r\n"
                           "To: \"Ada Mensah\" <ada@example.org>\r\n"
                           "Subject: Hello\r\n"
                           "Auto-Submitted: auto-generated\r\n"
                           "MIME-Version: 1.0\r\n"
                           "Content-Type: text/plain; charset=utf-8\r\n"
                           "Content-Transfer-Encoding: quoted-printable\r\n"
                           "\r\n"
                           "Hello Ada\r\n");
    free(text);
}
END_TEST

START_TEST(a_message_with_a_link_can_be_unsubscribed_from)
{
    struct mail_message message = simple_message();

    message.unsubscribe = "https://api.iqm.example/v1/consent-withdrawals/a1";
    char *text = message_text(&message);
    ck_assert_ptr_nonnull(
        strstr(text, "\r\nList-Unsubscribe: <https://api.iqm.example/v1/consent-withdrawals/a1>\r\n"
                     "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"));
    free(text);
}
END_TEST

START_TEST(what_would_break_a_header_is_refused)
{
    static const char *const addresses[] = {"", "ada", "ada@", "a b@example.org",
        "ada@example.org>\r\nBcc: <b@example.org", "ada@example.org\n", "\"a\"@example.org",
        "ad\xC3\xA9@example.org", "<ada@example.org>"};
    static const char *const links[] = {"", "mailto:a@b.example", "https://a.example/ b",
        "https://a.example/>", "https://a.example/\r\nX: y"};
    struct mail_message message = simple_message();
    char *bytes;
    size_t length;

    for (size_t i = 0; i < IQM_LENGTH(addresses); i++) {
        message.address = addresses[i];
        ck_assert_int_eq(mail_write(&settings, &message, &bytes, &length), IQM_EINVAL);
    }
    message = simple_message();
    for (size_t i = 0; i < IQM_LENGTH(links); i++) {
        message.unsubscribe = links[i];
        ck_assert_int_eq(mail_write(&settings, &message, &bytes, &length), IQM_EINVAL);
    }
    message = simple_message();
    message.name = "\xC3";
    ck_assert_int_eq(mail_write(&settings, &message, &bytes, &length), IQM_EINVAL);
    message = simple_message();
    message.text = "\xFF";
    ck_assert_int_eq(mail_write(&settings, &message, &bytes, &length), IQM_EINVAL);
}
END_TEST

START_TEST(every_kind_is_filled)
{
    static const char *const names[] = {"request_code", "request_received", "request_paused",
        "request_extended", "request_refused", "request_completed", "consent_confirmation",
        "consent_withdrawn", "enquiry_received", "webhook_paused"};
    json_t *parameters = json_pack("{s:s, s:i, s:s, s:s, s:s, s:s, s:s, s:s}", "code", "123",
        "minutes", 30, "request", "access", "reference", "R-1", "due_on", "2026-12-31", "reason",
        "{code}", "wording", "w", "link", "https://a.example");

    for (size_t i = 0; i < IQM_LENGTH(names); i++) {
        const struct mail_kind *kind = mail_kind_find(names[i]);
        char *text;
        ck_assert_ptr_nonnull(kind);
        ck_assert_int_eq(mail_kind_fill(kind, parameters, &text), 0);
        ck_assert_ptr_nonnull(strstr(text, "Inclusion Quality Mark\n"));
        ck_assert(strstr(kind->text, "due_on") == NULL || strstr(text, "31 December 2026") != NULL);
        ck_assert(strstr(kind->text, "{reason}") == NULL || strstr(text, "{code}") != NULL);
        free(text);
    }
    ck_assert_ptr_null(mail_kind_find("other"));
    json_decref(parameters);
}
END_TEST

START_TEST(parameters_must_be_there_and_fit)
{
    static const char *const bodies[] = {"{}", "[]", "{\"request\":\"a\",\"reference\":\"b\"}",
        "{\"request\":\"a\",\"reference\":\"b\",\"due_on\":\"2026-13-01\"}",
        "{\"request\":null,\"reference\":\"b\",\"due_on\":\"2026-12-01\"}",
        "{\"request\":\"a\",\"reference\":\"b\",\"due_on\":7.5}"};
    const struct mail_kind *kind = mail_kind_find("request_received");
    char *text;

    ck_assert_int_eq(mail_kind_fill(kind, NULL, &text), IQM_EINVAL);
    for (size_t i = 0; i < IQM_LENGTH(bodies); i++) {
        json_t *parameters = json_loads(bodies[i], 0, NULL);
        ck_assert_int_eq(mail_kind_fill(kind, parameters, &text), IQM_EINVAL);
        json_decref(parameters);
    }
}
END_TEST

START_TEST(encryption_depends_on_where_mail_goes)
{
    static const struct {
        char *url, *tls;
        int wanted; /* enum mail_tls, or negative */
    } cases[] = {{"smtp://mail.example", NULL, MAIL_TLS_REQUIRED},
        {"smtp://127.0.0.1:25", NULL, MAIL_TLS_OFF}, {"smtp://localhost", NULL, MAIL_TLS_OFF},
        {"smtp://[::1]:25", NULL, MAIL_TLS_OFF}, {"smtps://127.0.0.1", NULL, MAIL_TLS_REQUIRED},
        {"smtp://127.0.0.1.example", NULL, MAIL_TLS_REQUIRED},
        {"smtp://localhost:25", "required", MAIL_TLS_REQUIRED},
        {"smtp://mail.example", "opportunistic", MAIL_TLS_OPPORTUNISTIC},
        {"smtp://mail.example", "off", MAIL_TLS_OFF},
        {"smtps://mail.example", "required", MAIL_TLS_REQUIRED},
        {"smtps://mail.example", "off", IQM_EINVAL}, {"smtp://mail.example", "OFF", IQM_EINVAL}};

    for (size_t i = 0; i < IQM_LENGTH(cases); i++) {
        struct mail_settings found;
        struct iqm_config config = {
            .smtp_url = cases[i].url, .smtp_tls = cases[i].tls, .mail_from = "a@b.example"};
        int error = read_settings(config, &found);
        ck_assert_int_eq(error != 0 ? error : (int)found.tls, cases[i].wanted);
    }
}
END_TEST

START_TEST(the_sender_is_taken_apart)
{
    static const struct {
        char *from, *name, *address, *public_url, *domain;
    } cases[] = {{"a@b.example", "", "a@b.example", "", "b.example"},
        {"A B <a@b.example>", "A B", "a@b.example", "https://api.example:8443/x", "api.example"},
        {"\"A, B\" <a@b.example>", "A, B", "a@b.example", "http://[::1]:80", "[::1]"}};

    for (size_t i = 0; i < IQM_LENGTH(cases); i++) {
        struct mail_settings found;
        struct iqm_config config = {.smtp_url = (char[]){"smtp://localhost"},
            .mail_from = cases[i].from,
            .public_url = cases[i].public_url};
        ck_assert_int_eq(read_settings(config, &found), 0);
        ck_assert_str_eq(found.from_name, cases[i].name);
        ck_assert_str_eq(found.from, cases[i].address);
        ck_assert_str_eq(found.domain, cases[i].domain);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {plain_names_are_quoted, other_names_are_encoded_words,
        long_names_are_folded_between_characters, line_ends_in_names_are_spaces,
        text_is_quoted_printable, long_lines_are_broken_softly, a_message_has_its_headers,
        a_message_with_a_link_can_be_unsubscribed_from, what_would_break_a_header_is_refused,
        every_kind_is_filled, parameters_must_be_there_and_fit,
        encryption_depends_on_where_mail_goes, the_sender_is_taken_apart};

    return suite_run("mail", NULL, NULL, tests, sizeof tests / sizeof tests[0]);
}
