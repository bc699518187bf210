/* What a link to choose a password looks like: <server><path><secret>. */
#ifndef IQM_PROGRAMME_ACCOUNT_LINK_H
#define IQM_PROGRAMME_ACCOUNT_LINK_H

#define ACCOUNT_LINK_PATH "/account/password?link="
#define ACCOUNT_LINK_PREFIX "iql_"

#endif
