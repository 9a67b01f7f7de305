/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of SMBIOS tables share: how a structure is written.
 */
#ifndef VMM_FIRMWARE_SMBIOS_PARTS_H
#define VMM_FIRMWARE_SMBIOS_PARTS_H

#include "firmware/smbios.h"

#define SMBIOS_STRINGS_MAX 255u /* of a structure: their numbers are bytes */

/* A structure's strings, which follow behind its formatted part. */
struct smbios_strings {
    const char *text[SMBIOS_STRINGS_MAX];
    unsigned count;
};

/* Begin a structure with its type, the length of its formatted part and its handle. */
void smbios_begin(struct hotram_buffer *out, uint8_t type, uint8_t length, unsigned handle);
/* Write the number of a string; of one that is not there (NULL) or empty, 0. */
void smbios_string(struct hotram_buffer *out, struct smbios_strings *strings, const char *text);
/* End the structure with its strings. */
void smbios_end(struct hotram_buffer *out, const struct smbios_strings *strings);

/* smbios_board.c: the structures of types 8, 9 and 41, all that are given. */
void smbios_write_ports(struct hotram_buffer *out, const struct smbios_config *given);
void smbios_write_slots(struct hotram_buffer *out, const struct smbios_machine *machine,
                        const struct smbios_config *given);
void smbios_write_onboard(struct hotram_buffer *out, const struct smbios_machine *machine,
                          const struct smbios_config *given);

#endif
