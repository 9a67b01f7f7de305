/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The text of -readconfig's file, taken apart into options.
 *
 *   # a comment
 *   [device "d1"]
 *     driver = "pc-dimm"
 *     memdev = "m1"
 *
 * What is read here, QEMU reads in the same way; QEMU also reads what is a slip: words without a value,
 * quotes that do not end. Of what QEMU refuses, only lines of blanks and comments behind blanks are read.
 */
#ifndef VMM_OPTIONS_CONFIG_FILE_H
#define VMM_OPTIONS_CONFIG_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* QEMU's limits; that of the file is hotram's. */
#define CONFIG_LINE_MAX 1022
#define CONFIG_WORD_MAX 63
#define CONFIG_FILE_MAX ((size_t)1 << 20)

struct config_section {
    char group[CONFIG_WORD_MAX + 1];
    unsigned line; /* of its [GROUP], from 1 */
    char *text;    /* as an option's argument: "id=d1,driver=pc-dimm,memdev=m1" */
};

struct config_sections {
    struct config_section *list;
    size_t count;
};

/* Take a text apart. False: the error begins with the number of the line. What was read is in `sections`,
 * which must be empty before and be freed with config_sections_free() in either case. */
bool config_file_parse(const char *bytes, size_t length, struct config_sections *sections,
                       struct error *error);
void config_sections_free(struct config_sections *sections);

#endif
