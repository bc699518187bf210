/*
 * POST by libcurl. Must not connect to what is not public, whatever the address says, its name
 * stands for or the answer asks; must not outlast its time, nor take in more of an answer than its
 * head.
 */
#include "transfer.h"

#include "iqm/webhook.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define CONNECT_MAX_MS 10000L
#define RETRY_AFTER_MAX_S 86400
#define HEAD_MAX 65536 /* bytes, those of interim answers among them */

static bool allows_private(const struct iqm_config *config)
{
    return strcmp(config->webhook_private, "yes") == 0;
}

static unsigned port_of(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)(const void *)address)->sin6_port);
    return ntohs(((const struct sockaddr_in *)(const void *)address)->sin_port);
}

/* Asked with the very address that is connected to next: what the name stood for before, or will,
 * is of no account. */
static curl_socket_t open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *to)
{
    struct transfer *transfer = user;
    bool is_internet =
        purpose == CURLSOCKTYPE_IPCXN && (to->family == AF_INET || to->family == AF_INET6);

    if (is_internet && !allows_private(transfer->config)) {
        struct iqm_address address = iqm_address_of_socket(&to->addr);
        is_internet = port_of(&to->addr) == 443 && iqm_address_is_public(&address);
    }
    if (is_internet)
        return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
    transfer->is_refused = true;
    return CURL_SOCKET_BAD;
}

/* Line by line, the empty one that ends it, too. 101 is no interim answer, but the end of HTTP. */
static size_t take_head(char *line, size_t size, size_t count, void *user)
{
    struct transfer *transfer = user;
    long status = 0;

    transfer->head_bytes += size * count;
    if (transfer->head_bytes > HEAD_MAX)
        return 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    if ((*line == '\r' || *line == '\n') && (status == 101 || status >= 200))
        transfer->is_answered = true;
    return size * count;
}

/* Nobody reads it: this ends the transfer. */
static size_t refuse_body(char *bytes, size_t size, size_t count, void *user)
{
    (void)bytes, (void)size, (void)count, (void)user;
    return 0;
}

/* Nothing but the endpoint's address says where it goes: no proxy of the environment, no
 * redirection, no other protocol. */
static void set_target(struct transfer *transfer)
{
    CURL *easy = transfer->easy;
    long timeout_ms = (long)transfer->config->webhook_timeout * 1000;

    curl_easy_setopt(easy, CURLOPT_URL, transfer->delivery.url);
    curl_easy_setopt(
        easy, CURLOPT_PROTOCOLS_STR, allows_private(transfer->config) ? "https,http" : "https");
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (*transfer->config->webhook_authorities != '\0')
        curl_easy_setopt(easy, CURLOPT_CAINFO, transfer->config->webhook_authorities);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms);
    curl_easy_setopt(
        easy, CURLOPT_CONNECTTIMEOUT_MS, timeout_ms < CONNECT_MAX_MS ? timeout_ms : CONNECT_MAX_MS);
}

static bool add_header(struct transfer *transfer, const char *line)
{
    struct curl_slist *headers = curl_slist_append(transfer->headers, line);

    if (headers != NULL)
        transfer->headers = headers;
    return headers != NULL;
}

/* A signature; after a rotation, that of the secret before behind it. */
static void sign(const struct transfer *transfer, int64_t now, char *text, size_t room)
{
    const struct delivery *delivery = &transfer->delivery;
    size_t length = (size_t)snprintf(text, room, "webhook-signature:");

    for (int64_t before = 0; before <= (delivery->has_former ? 1 : 0); before++) {
        char secret[IQM_WEBHOOK_SECRET_TEXT], signature[IQM_WEBHOOK_SIGNATURE_TEXT];
        iqm_webhook_secret(transfer->config->token_key_bytes, delivery->endpoint_id,
            delivery->generation - before, secret);
        if (iqm_webhook_sign(secret, delivery->id, now,
                (struct iqm_slice){delivery->event, strlen(delivery->event)}, signature) == 0 &&
            length < room)
            length += (size_t)snprintf(text + length, room - length, " %s", signature);
    }
}

static bool set_headers(struct transfer *transfer)
{
    int64_t now = (int64_t)time(NULL);
    char id[80], timestamp[60], signature[160];

    snprintf(id, sizeof id, "webhook-id: %s", transfer->delivery.id);
    snprintf(timestamp, sizeof timestamp, "webhook-timestamp: %lld", (long long)now);
    sign(transfer, now, signature, sizeof signature);
    if (!add_header(transfer, "Content-Type: application/json") ||
        !add_header(transfer, "Expect:") || !add_header(transfer, id) ||
        !add_header(transfer, timestamp) || !add_header(transfer, signature))
        return false;
    curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers);
    curl_easy_setopt(transfer->easy, CURLOPT_USERAGENT, "IQM-Webhooks/1.0");
    curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDSIZE, (long)strlen(transfer->delivery.event));
    curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDS, transfer->delivery.event);
    curl_easy_setopt(transfer->easy, CURLOPT_HEADERFUNCTION, take_head);
    curl_easy_setopt(transfer->easy, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(transfer->easy, CURLOPT_WRITEFUNCTION, refuse_body);
    curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer);
    return true;
}

struct transfer *transfer_new(const struct iqm_config *config, const struct delivery *delivery)
{
    struct transfer *transfer = calloc(1, sizeof *transfer);

    if (transfer == NULL)
        return NULL;
    transfer->delivery = *delivery;
    transfer->config = config;
    transfer->begun_ms = iqm_clock_ms();
    transfer->easy = curl_easy_init();
    if (transfer->easy == NULL || !set_headers(transfer)) {
        transfer_free(transfer);
        return NULL;
    }
    set_target(transfer);
    return transfer;
}

void transfer_free(struct transfer *transfer)
{
    if (transfer == NULL)
        return;
    curl_easy_cleanup(transfer->easy);
    curl_slist_free_all(transfer->headers);
    free(transfer);
}

/* Before anything was sent, a protocol is that of the address; afterwards, that of the answer. */
static const char *name_error(const struct transfer *transfer, CURLcode code)
{
    long sent = 0;

    curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &sent);
    if (sent == 0 && (transfer->is_refused || code == CURLE_UNSUPPORTED_PROTOCOL))
        return "address_refused";
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
        return "timed_out";
    case CURLE_COULDNT_RESOLVE_HOST:
        return "name_unknown";
    case CURLE_COULDNT_CONNECT:
        return "no_connection";
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_PEER_FAILED_VERIFICATION:
        return "tls_failed";
    default:
        return "broken_off";
    }
}

/* By the status, once its head is there: what comes after it is of no interest. */
struct report transfer_judge(const struct transfer *transfer, CURLcode code)
{
    struct report report = {FAILED, NULL, 0, (int64_t)(iqm_clock_ms() - transfer->begun_ms), 0};
    curl_off_t retry_after = 0;
    long status = 0;

    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    if (!transfer->is_answered || status < 200) {
        report.failure = name_error(transfer, code);
        return report;
    }
    curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &retry_after);
    if (retry_after > 0) /* a day may be long over */
        report.retry_after_s = retry_after < RETRY_AFTER_MAX_S ? retry_after : RETRY_AFTER_MAX_S;
    report.status = status < 1000 ? status : 999;
    if (status < 300)
        report.outcome = DELIVERED;
    else if (status == 410)
        report.outcome = GONE;
    if (report.outcome != DELIVERED)
        report.failure = status == 410 ? "gone" : status < 400 ? "redirected" : "refused";
    return report;
}
