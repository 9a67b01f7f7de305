/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SMBIOS tables (DMTF DSP0134, 3.0): what programs such as dmidecode show of a machine. A pure builder: bytes
 * out of what the machine is and what -smbios says. Structures, handles and most values are those of QEMU.
 *
 * Threads: none of its own.
 */
#ifndef VMM_FIRMWARE_SMBIOS_H
#define VMM_FIRMWARE_SMBIOS_H

#include <hotram/buffer.h>

#include "base/error.h"
#include "base/smbios_config.h"

#define SMBIOS_ENTRY_SIZE 24u /* of the 64-bit entry point */
#define SMBIOS_ALIGN 16u      /* of its address */

/* A piece of memory: RAM at start, or a DIMM. */
struct smbios_memory {
    uint64_t address; /* guest-physical */
    uint64_t size;    /* bytes, more than 0 */
    const char
        *name; /* of a DIMM, where people look for it; NULL: "DIMM 0" and so on, by -smbios's loc_pfx */
};

struct smbios_machine {
    const char *name;                 /* of the machine type */
    const uint8_t *uuid;              /* in the order in which it is written; NULL: none */
    uint32_t sockets, cores, threads; /* all of them, in one socket, in one core */
    uint64_t maxmem;                  /* bytes of memory that it can have */
    uint32_t slots;                   /* for DIMMs, occupied or not */
    const struct smbios_memory *memory;
    size_t memory_count;
    const char *direct; /* version of a BIOS that is none, for a guest without firmware; NULL: firmware says
                         * what it is, unless -smbios does */
};

/* A -smbios uuid=; false: it is none. */
bool smbios_uuid_parse(const char *text, uint8_t uuid[16]);
/* A -smbios release=; false: it is not MAJOR.MINOR of bytes. */
bool smbios_release_parse(const char *text, uint8_t *major, uint8_t *minor);

/* The structure table. It is whole if hotram_buffer_status() says so afterwards. `given`'s uuid and release
 * can be parsed. */
void smbios_build(const struct smbios_machine *machine, const struct smbios_config *given,
                  struct hotram_buffer *out);
/* The entry point of a table of this size at this address. */
void smbios_entry_point(uint8_t entry[SMBIOS_ENTRY_SIZE], uint64_t address, uint32_t size);

#endif
