/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command line, read into the plain structs of base/config.h.
 */
#ifndef VMM_OPTIONS_OPTIONS_H
#define VMM_OPTIONS_OPTIONS_H

#include "base/config.h"
#include "base/error.h"

/* What the command line asks for besides a machine. */
enum config_result {
    CONFIG_RUN,   /* start a machine */
    CONFIG_DONE,  /* -help, -version, -machine help ...: already printed to stdout; exit with 0 */
    CONFIG_ERROR, /* error is set; exit with 1 */
};

/* Parse. The config is initialized with defaults first and must be freed with config_free() whatever the
 * result is. argv is not changed. */
enum config_result config_parse(struct config *config, int argc, char *const argv[], struct error *error);

void config_free(struct config *config);

#endif
