/* What the program hands to every call beside the database: configuration and background work. */
#ifndef IQM_SERVICES_H
#define IQM_SERVICES_H

#include "iqm/config.h"
#include "iqm/seal.h"

struct iqm_downloader;
struct iqm_importer;
struct iqm_mailer;
struct iqm_passwords;
struct iqm_sniffer;
struct iqm_sweeper;
struct iqm_webhooks;

struct iqm_services {
    const struct iqm_config *config;
    const struct iqm_seal_secrets *secrets; /* for keys of people and blind indexes */
    struct iqm_downloader *downloader;
    struct iqm_importer *importer; /* NULL where none runs */
    struct iqm_mailer *mailer;
    struct iqm_passwords *passwords;
    struct iqm_sniffer *sniffer;
    struct iqm_sweeper *sweeper;
    struct iqm_webhooks *webhooks;
};

#endif
