/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Only the command line of hotram: prints help where it is asked for, and otherwise what is wrong.
 */
#include <stdio.h>

#include "options/options.h"

int main(int argc, char *argv[])
{
    struct error error;
    struct config config;
    enum config_result result = config_parse(&config, argc, argv, &error);

    if (result == CONFIG_ERROR)
        fprintf(stderr, "hotram: %s\n", error.text);
    config_free(&config);
    return result == CONFIG_ERROR;
}
