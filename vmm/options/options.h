/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command line, parsed into the structs of base/config.h.
 *
 * Threads: main thread, before there are others.
 */
#ifndef VMM_OPTIONS_OPTIONS_H
#define VMM_OPTIONS_OPTIONS_H

#include "base/config.h"
#include "base/error.h"

/* Result of config_parse(). */
enum config_result {
    CONFIG_RUN,   /* start a machine */
    CONFIG_DONE,  /* -help, -version, -machine help and the like: printed to stdout; exit with status 0 */
    CONFIG_ERROR, /* the error is set; exit with status 1 */
};

/* Parse the command line. The config is initialized with defaults first, and must be freed with config_free()
 * for every result. argv is not changed. Ends the program if memory is exhausted. */
enum config_result config_parse(struct config *config, int argc, char *const argv[], struct error *error);

void config_free(struct config *config);

#endif
