/*
 * SMTP by libcurl. A connection each: mails are few, and none inherits what befell another. Must
 * not outlast the time it has, whatever the other side does: not while a name is looked up, nor
 * while saying goodbye.
 */
#include "smtp.h"

#include "iqm/ids.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_MAX_MS 15000
#define STOPPING_MS 2000
#define GOODBYE_S 1L
#define TARGET_MAX 1024

/* How far a sending has come: what a refusal is about. */
enum stage { GREETING, SENDER, RECIPIENT, DATA };

struct sending {
    struct iqm_slice left;
    enum stage stage;
    const atomic_bool *stopping;
    uint64_t give_up_ms; /* 0: not yet decided */
};

static size_t give_bytes(char *room, size_t size, size_t count, void *user)
{
    struct sending *sending = user;
    size_t length = size * count < sending->left.len ? size * count : sending->left.len;

    memcpy(room, sending->left.ptr, length);
    sending->left.ptr += length;
    sending->left.len -= length;
    return length;
}

/* Asked at least once a second. To end a sending in any other way would not do: libcurl would end
 * the text where it is, and wait for an answer. */
static int is_over(void *user, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    struct sending *sending = user;

    (void)a;
    (void)b;
    (void)c;
    (void)d;
    if (!atomic_load(sending->stopping))
        return 0;
    if (sending->give_up_ms == 0)
        sending->give_up_ms = iqm_clock_ms() + STOPPING_MS;
    return iqm_clock_ms() >= sending->give_up_ms;
}

/* Sees each command after it was written. The mail server has had its time when it comes to QUIT.
 */
static int note_command(CURL *easy, curl_infotype type, char *text, size_t length, void *user)
{
    static const char *const commands[] = {
        [SENDER] = "MAIL", [RECIPIENT] = "RCPT", [DATA] = "DATA"};
    struct sending *sending = user;

    if (type != CURLINFO_HEADER_OUT || length < 4)
        return 0;
    for (size_t stage = SENDER; stage < IQM_LENGTH(commands); stage++) {
        if (memcmp(text, commands[stage], 4) == 0)
            sending->stage = (enum stage)stage;
    }
    if (memcmp(text, "QUIT", 4) == 0)
        curl_easy_setopt(easy, CURLOPT_SERVER_RESPONSE_TIMEOUT, GOODBYE_S);
    return 0;
}

/* Nothing but the settings says where mail goes: no proxy of the environment. The path is the name
 * that libcurl greets with. */
static void set_target(CURL *easy, const struct mail_settings *settings)
{
    char url[TARGET_MAX];
    long timeout_ms = (long)settings->config->smtp_timeout * 1000;

    snprintf(url, sizeof url, "%s/%s", settings->config->smtp_url, settings->domain);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
        timeout_ms < CONNECT_MAX_MS ? timeout_ms : (long)CONNECT_MAX_MS);
    if (*settings->config->smtp_user != '\0') {
        curl_easy_setopt(easy, CURLOPT_USERNAME, settings->config->smtp_user);
        curl_easy_setopt(easy, CURLOPT_PASSWORD, settings->config->smtp_password);
    }
}

/* Who could read what is sent opportunistically could also have taken the offer of TLS away: asking
 * for a certificate would help nobody there. */
static void set_tls(CURL *easy, const struct mail_settings *settings)
{
    static const long uses[] = {[MAIL_TLS_REQUIRED] = CURLUSESSL_ALL,
        [MAIL_TLS_OPPORTUNISTIC] = CURLUSESSL_TRY,
        [MAIL_TLS_OFF] = CURLUSESSL_NONE};
    bool verifies = settings->tls == MAIL_TLS_REQUIRED;

    curl_easy_setopt(easy, CURLOPT_USE_SSL, uses[settings->tls]);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, verifies ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, verifies ? 2L : 0L);
    if (*settings->config->smtp_authorities != '\0')
        curl_easy_setopt(easy, CURLOPT_CAINFO, settings->config->smtp_authorities);
}

static void set_sending(
    CURL *easy, struct sending *sending, const char *from, const struct curl_slist *recipients)
{
    curl_easy_setopt(easy, CURLOPT_MAIL_FROM, from);
    curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, recipients);
    curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, give_bytes);
    curl_easy_setopt(easy, CURLOPT_READDATA, sending);
    curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, note_command);
    curl_easy_setopt(easy, CURLOPT_DEBUGDATA, sending);
    curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, is_over);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, sending);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
}

static const char *name_error(CURLcode code, enum stage stage)
{
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
        return "timed_out";
    case CURLE_ABORTED_BY_CALLBACK:
        return "interrupted";
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
        return "no_connection";
    case CURLE_LOGIN_DENIED:
        return "sign_in_refused";
    case CURLE_USE_SSL_FAILED:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_PEER_FAILED_VERIFICATION:
        return "tls_failed";
    default:
        return stage == SENDER ? "sender_refused" : "broken_off";
    }
}

/* Once the recipient is named, a refusal is about this mail, unless the mail server goes (421). */
static struct mail_report judge(CURLcode code, long reply, enum stage stage)
{
    struct mail_report report = {MAIL_SENT, NULL, reply};

    if (code == CURLE_OK)
        return report;
    report.outcome = MAIL_AGAIN;
    report.error = name_error(code, stage);
    if (code == CURLE_OPERATION_TIMEDOUT || stage < RECIPIENT || reply < 400 || reply == 421)
        return report;
    report.outcome = reply >= 500 ? MAIL_FAILED : MAIL_LATER;
    report.error = reply >= 500 ? "refused" : "put_off";
    return report;
}

static struct mail_report send_with(CURL *easy, const struct mail_settings *settings,
    const struct curl_slist *to, struct sending *sending)
{
    long reply = 0;

    set_target(easy, settings);
    set_tls(easy, settings);
    set_sending(easy, sending, settings->from, to);
    CURLcode code = curl_easy_perform(easy);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &reply);
    return judge(code, reply, sending->stage);
}

struct mail_report mail_smtp_send(const struct mail_settings *settings, const char *address,
    struct iqm_slice bytes, const atomic_bool *stopping)
{
    struct mail_report report = {MAIL_AGAIN, "no_memory", 0};
    struct sending sending = {.left = bytes, .stopping = stopping};
    struct curl_slist *to = curl_slist_append(NULL, address);
    CURL *easy = to != NULL ? curl_easy_init() : NULL;

    if (easy != NULL)
        report = send_with(easy, settings, to, &sending);
    curl_easy_cleanup(easy);
    curl_slist_free_all(to);
    return report;
}
