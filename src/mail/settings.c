/* Settings about mail: which make sense, and what they mean together. */
#include "settings.h"

#include "iqm/contract.h"
#include "iqm/text.h"

#include <string.h>

#define URL_MAX 260

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static const char *host_of(const char *url)
{
    return strstr(url, "://") + 3;
}

/* A scheme, a host and perhaps a port: a password in an address would end in logs. */
static bool is_mail_url(const char *text)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789-.:[]";

    if (!begins(text, "smtp://") && !begins(text, "smtps://"))
        return false;
    const char *host = host_of(text);
    return *host != '\0' && *host != ':' && strlen(text) <= URL_MAX &&
           host[strspn(host, allowed)] == '\0';
}

/* Mail to a relay on the same machine crosses no network, and no certificate is made for it. */
static bool is_loopback(const char *url)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
    const char *host = host_of(url);

    for (size_t i = 0; i < IQM_LENGTH(names); i++) {
        const char *end = host + strlen(names[i]);
        if (begins(host, names[i]) && (*end == '\0' || *end == ':'))
            return true;
    }
    return false;
}

static int read_tls(const struct iqm_config *config, enum mail_tls *ret_tls)
{
    static const char *const names[] = {"required", "opportunistic", "off"};
    bool always = begins(config->smtp_url, "smtps://");

    if (*config->smtp_tls == '\0') {
        *ret_tls = !always && is_loopback(config->smtp_url) ? MAIL_TLS_OFF : MAIL_TLS_REQUIRED;
        return 0;
    }
    for (size_t i = 0; i < IQM_LENGTH(names); i++) {
        if (strcmp(config->smtp_tls, names[i]) == 0 && (i == MAIL_TLS_REQUIRED || !always)) {
            *ret_tls = (enum mail_tls)i;
            return 0;
        }
    }
    return IQM_EINVAL;
}

static int copy(struct iqm_slice from, char *to, size_t room)
{
    if (from.len >= room)
        return IQM_EINVAL;
    memcpy(to, from.ptr, from.len);
    to[from.len] = '\0';
    return 0;
}

static bool is_plain_text(struct iqm_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7f)
            return false;
    }
    return iqm_text_is_utf8(text.ptr, text.len);
}

static struct iqm_slice trim(struct iqm_slice text)
{
    while (text.len > 0 && text.ptr[text.len - 1] == ' ')
        text.len--;
    if (text.len >= 2 && text.ptr[0] == '"' && text.ptr[text.len - 1] == '"')
        text = (struct iqm_slice){text.ptr + 1, text.len - 2};
    return text;
}

/* `address`, or `Name <address>` with or without quotes around the name. */
static int read_from(const char *text, struct mail_settings *settings)
{
    const char *open = strrchr(text, '<');
    struct iqm_slice name = {text, open != NULL ? (size_t)(open - text) : 0};
    struct iqm_slice address = {text, strlen(text)};

    if (open != NULL) {
        address = (struct iqm_slice){open + 1, strlen(open + 1)};
        if (address.len == 0 || address.ptr[--address.len] != '>')
            return IQM_EINVAL;
    }
    name = trim(name);
    if (!is_plain_text(name) || !iqm_format_matches(IQM_FORMAT_EMAIL, address.ptr, address.len))
        return IQM_EINVAL;
    if (copy(name, settings->from_name, sizeof settings->from_name) != 0)
        return IQM_EINVAL;
    return copy(address, settings->from, sizeof settings->from);
}

/* The host we are known by; where no address of ours is configured, that of the sender's mail. */
static void find_domain(struct mail_settings *settings)
{
    const char *url = settings->config->public_url;
    const char *host = *url != '\0' ? host_of(url) : strchr(settings->from, '@') + 1;
    size_t length = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/");

    if (copy((struct iqm_slice){host, length}, settings->domain, sizeof settings->domain) != 0)
        strcpy(settings->domain, "localhost");
}

static bool tells_password_in_clear(const struct mail_settings *settings)
{
    return *settings->config->smtp_user != '\0' && settings->tls != MAIL_TLS_REQUIRED &&
           !is_loopback(settings->config->smtp_url);
}

static int read_all(struct mail_settings *settings, FILE *errors)
{
    const struct iqm_config *config = settings->config;
    int error = 0;

    if (read_tls(config, &settings->tls) != 0) {
        fprintf(errors, "IQM_SMTP_TLS must be required, opportunistic or off, and with smtps:// can"
                        " only be required.\n");
        error = IQM_EINVAL;
    } else if (tells_password_in_clear(settings)) {
        fprintf(errors,
            "IQM_SMTP_USER needs IQM_SMTP_TLS=required, or the password would be sent in"
            " the clear.\n");
        error = IQM_EINVAL;
    }
    if (read_from(config->mail_from, settings) != 0) {
        fprintf(errors, "IQM_MAIL_FROM must be an address, or a name and an address such as"
                        " Inclusion Quality Mark <mail@example.org>.\n");
        error = IQM_EINVAL;
    }
    return error;
}

int mail_settings_read(
    const struct iqm_config *config, struct mail_settings *ret_settings, FILE *errors)
{
    struct mail_settings settings = {.config = config, .sends = *config->smtp_url != '\0'};

    if (settings.sends && !is_mail_url(config->smtp_url)) {
        fprintf(errors, "IQM_SMTP_URL must be smtp:// or smtps:// with a host and perhaps a port;"
                        " user and password have settings of their own.\n");
        return IQM_EINVAL;
    }
    if (settings.sends && read_all(&settings, errors) != 0)
        return IQM_EINVAL;
    if (settings.sends)
        find_domain(&settings);
    *ret_settings = settings;
    return 0;
}
