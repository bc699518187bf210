/* `iqmd serve`: puts the rooms together and serves until told to stop. */
#include "cli.h"
#include "contract_tables.h"
#include "iqm/audit.h"
#include "iqm/auth.h"
#include "iqm/downloads.h"
#include "iqm/erasure.h"
#include "iqm/http.h"
#include "iqm/importer.h"
#include "iqm/keyring.h"
#include "iqm/log.h"
#include "iqm/mailer.h"
#include "iqm/oauth.h"
#include "iqm/password.h"
#include "iqm/recipients.h"
#include "iqm/resource.h"
#include "iqm/retention.h"
#include "iqm/services.h"
#include "iqm/sniffer.h"
#include "iqm/sync.h"
#include "iqm/webhooks.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static const struct cli_verb verbs[] = {{"", "", "Serves the API until SIGTERM or SIGINT.\n", 0}};
static const struct cli_command command = {"serve", "", verbs, IQM_LENGTH(verbs)};

static bool is_complete(const struct iqm_config *config)
{
    if (*config->database_url == '\0')
        fprintf(stderr, "Set IQM_DATABASE_URL: which database?\n");
    if (*config->token_key == '\0')
        fprintf(stderr, "Set IQM_TOKEN_KEY or IQM_TOKEN_KEY_FILE: tokens are hashed under it.\n");
    if (*config->signing_key == '\0')
        fprintf(stderr, "Set IQM_SIGNING_KEY or IQM_SIGNING_KEY_FILE: it signs the audit log.\n");
    if (*config->key_database_url == '\0')
        fprintf(stderr, "Set IQM_KEY_DATABASE_URL: which database holds the keys?\n");
    if (*config->master_key == '\0')
        fprintf(stderr, "Set IQM_MASTER_KEY or IQM_MASTER_KEY_FILE: it opens the keys.\n");
    return *config->database_url != '\0' && *config->token_key != '\0' &&
           *config->signing_key != '\0' && *config->key_database_url != '\0' &&
           *config->master_key != '\0';
}

static enum iqm_log_level log_level(const char *name)
{
    if (strcmp(name, "off") == 0)
        return IQM_LOG_OFF;
    return strcmp(name, "error") == 0 ? IQM_LOG_ERROR : IQM_LOG_INFO;
}

static uint64_t count_waiting_mail(const void *services)
{
    return iqm_mailer_waiting(((const struct iqm_services *)services)->mailer);
}

static uint64_t count_rows(const void *services)
{
    return iqm_sweeper_rows(((const struct iqm_services *)services)->sweeper);
}

static uint64_t count_people(const void *services)
{
    return iqm_sweeper_people(((const struct iqm_services *)services)->sweeper);
}

static uint64_t count_waiting_webhooks(const void *services)
{
    return iqm_webhooks_waiting(((const struct iqm_services *)services)->webhooks);
}

static uint64_t count_dead_webhooks(const void *services)
{
    return iqm_webhooks_dead(((const struct iqm_services *)services)->webhooks);
}

static void keep_up(struct iqm_pg *pg, void *services)
{
    iqm_oauth_upkeep(pg, services);
    iqm_sync_upkeep(pg, services);
}

static bool leave(struct iqm_pg *pg, void *services, bool is_last)
{
    (void)services;
    return iqm_recipients_leave(pg, is_last);
}

/* The server itself, beside what works in the background. */
static int serve_calls(struct iqm_services *services)
{
    struct iqm_server_options options = {.config = services->config,
        .contract = &iqm_contract,
        .services = services,
        .secrets = services->secrets,
        .refuse = iqm_auth_refuse,
        .recall = iqm_resource_recall,
        .upkeep = keep_up,
        .leave = leave,
        .origins = iqm_oauth_origins,
        .give_up = iqm_passwords_give_up,
        .mail_waiting = count_waiting_mail,
        .retention_rows = count_rows,
        .retention_people = count_people,
        .sync_lag = iqm_sync_lag,
        .webhooks_waiting = count_waiting_webhooks,
        .webhooks_dead = count_dead_webhooks,
        .pulse = iqm_sync_pulse,
        .listeners = iqm_sync_listeners,
        .events_sent = iqm_sync_events};

    services->sniffer = iqm_sniffer_open();
    if (services->sniffer == NULL) {
        iqm_log_event(IQM_LOG_ERROR, "media_types_not_loaded", NULL, NULL);
        return IQM_EIO;
    }
    services->passwords = iqm_passwords_start(services->config);
    int error = services->passwords == NULL ? IQM_EIO : iqm_server_run(&options);
    iqm_passwords_stop(services->passwords);
    iqm_sniffer_close(services->sniffer);
    return error;
}

/* What works in the background; stopping accepts what has not started. */
struct background {
    struct iqm_mailer *mailer;
    struct iqm_auditor *auditor;
    struct iqm_importer *importer;
    struct iqm_erasure_keeper *keeper;
    struct iqm_sweeper *sweeper;
    struct iqm_webhooks *webhooks;
    struct iqm_downloader *downloader;
};

static int not_started(const char *event)
{
    iqm_log_event(IQM_LOG_ERROR, event, NULL, NULL);
    return IQM_EIO;
}

static int start(struct background *background, const struct iqm_config *config,
    const struct iqm_seal_secrets *secrets)
{
    background->mailer = iqm_mailer_start(config, secrets);
    if (background->mailer == NULL)
        return not_started("mailer_not_started");
    background->webhooks = iqm_webhooks_start(config, secrets);
    if (background->webhooks == NULL)
        return not_started("webhooks_not_started");
    background->auditor = iqm_auditor_start(config);
    if (background->auditor == NULL)
        return not_started("auditor_not_started");
    background->keeper = iqm_erasure_keeper_start(config);
    if (background->keeper == NULL)
        return not_started("erasure_keeper_not_started");
    background->importer = iqm_importer_start(config);
    if (background->importer == NULL)
        return not_started("importer_not_started");
    iqm_server_settle_url(config, (int)config->port); /* which certificates name */
    background->sweeper = iqm_sweeper_start(config);
    if (background->sweeper == NULL)
        return not_started("sweeper_not_started");
    background->downloader = iqm_downloader_start(config, secrets);
    return background->downloader != NULL ? 0 : not_started("downloader_not_started");
}

static void stop(struct background *background)
{
    iqm_downloader_stop(background->downloader);
    iqm_sweeper_stop(background->sweeper);
    iqm_importer_stop(background->importer);
    iqm_erasure_keeper_stop(background->keeper);
    iqm_webhooks_stop(background->webhooks);
    iqm_mailer_stop(background->mailer);
    iqm_auditor_stop(background->auditor);
}

static int serve(const struct iqm_config *config, const struct iqm_seal_secrets *secrets)
{
    struct background background = {0};
    int error = start(&background, config, secrets);

    if (error == 0) {
        struct iqm_services services = {.config = config,
            .secrets = secrets,
            .downloader = background.downloader,
            .importer = background.importer,
            .mailer = background.mailer,
            .sweeper = background.sweeper,
            .webhooks = background.webhooks};
        error = serve_calls(&services);
    }
    stop(&background);
    if (error == 0)
        iqm_log_event(IQM_LOG_INFO, "stopped", NULL, NULL);
    return error == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int cli_serve(int argc, char **argv)
{
    IQM_CLEANUP(iqm_config_free) struct iqm_config config = {0};
    int status;

    if (cli_read_verb(&command, argc, argv, &status) == NULL) {
        if (status == EXIT_SUCCESS)
            iqm_config_help(stdout);
        return status;
    }
    if (iqm_config_load(&config, stderr) != 0 || !is_complete(&config) ||
        iqm_mailer_check(&config, stderr) != 0)
        return EXIT_USAGE;
    iqm_log_open(log_level(config.log));
    json_object_seed(randombytes_random() | 1);
    if (iqm_contract_open(&iqm_contract) != 0) {
        iqm_log_event(IQM_LOG_ERROR, "contract_not_opened", NULL, NULL);
        return EXIT_FAILURE;
    }
    IQM_CLEANUP(iqm_keyring_closep)
    struct iqm_keyring *keyring = iqm_keyring_await(&config, stderr);
    /* Whoever was erased is erased before the first request, whatever backup this is. */
    status = keyring != NULL && iqm_erasures_await(&config, stderr) == 0
                 ? serve(&config, iqm_keyring_secrets(keyring))
                 : EXIT_FAILURE;
    iqm_contract_close(&iqm_contract);
    return status;
}
