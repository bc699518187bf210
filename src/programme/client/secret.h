/* What a client's secret begins with. */
#ifndef IQM_PROGRAMME_CLIENT_SECRET_H
#define IQM_PROGRAMME_CLIENT_SECRET_H

#define CLIENT_SECRET_PREFIX "iqs_"

#endif
