/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parser of the file of -readconfig: each section becomes an option.
 *
 *   # a comment
 *   [device "d1"]
 *     driver = "pc-dimm"
 *     memdev = "m1"
 *
 * Every file that is accepted here has the same meaning for QEMU, with one exception: QEMU refuses lines that
 * consist of blanks, and comments after blanks. QEMU also accepts files that are refused here as mistakes:
 * words without a value, and quotes without an end.
 *
 * Threads: the functions have no state besides their arguments.
 */
#ifndef VMM_OPTIONS_CONFIG_FILE_H
#define VMM_OPTIONS_CONFIG_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* Limits of QEMU, bytes; that of the file is hotram's own. */
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

/* Parse a text into `sections`, which must be empty, and must be freed with config_sections_free() in both
 * cases. False and an error that begins with the number of the line. */
bool config_file_parse(const char *bytes, size_t length, struct config_sections *sections,
                       struct error *error);
void config_sections_free(struct config_sections *sections);

#endif
