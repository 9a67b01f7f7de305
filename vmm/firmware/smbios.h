/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SMBIOS tables (DMTF DSP0134, 3.0), which programs such as dmidecode show. They depend only on a description
 * of the machine and on -smbios. Structures, handles and most values are those of QEMU.
 *
 * Threads: the functions have no state besides their arguments.
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
    const char *name; /* device locator (7.18); NULL: "DIMM 0" and so on, by -smbios's loc_pfx */
};

struct smbios_machine {
    const char *name;                 /* of the machine type */
    const uint8_t *uuid;              /* 16 bytes, in the order of its text form; NULL: none */
    uint32_t sockets, cores, threads; /* number of sockets; cores of each socket; threads of each core */
    uint64_t maxmem;                  /* maximum memory, bytes */
    uint32_t slots;                   /* number of DIMM slots, occupied or not */
    const struct smbios_memory *memory;
    size_t memory_count;
    /* Where a PCI device of bus 0 is, by its id: -smbios's have been checked. False: not there. */
    bool (*place)(const void *opaque, const char *id, uint8_t *devfn);
    const void *opaque;
    const char *direct; /* for a guest without firmware, version of the BIOS structure (7.1); NULL: firmware
                         * adds its own, and the table has one only if -smbios gives it */
};

/* What -smbios type=41,kind= can be, in the order of DSP0134, 7.42.2, from 1 on; NULL after the last. */
extern const char *const smbios_onboard_kinds[];

/* Parse -smbios uuid=. False: malformed. */
bool smbios_uuid_parse(const char *text, uint8_t uuid[16]);
/* Parse -smbios release=. False: it is not MAJOR.MINOR, each 0 .. 255. */
bool smbios_release_parse(const char *text, uint8_t *major, uint8_t *minor);

/* Append the structure table. hotram_buffer_status() returns afterwards whether it is complete. uuid and
 * release of `given` have been checked. */
void smbios_build(const struct smbios_machine *machine, const struct smbios_config *given,
                  struct hotram_buffer *out);
/* Write the 64-bit entry point (5.2.2) of a table of `size` bytes at a guest-physical address. */
void smbios_entry_point(uint8_t entry[SMBIOS_ENTRY_SIZE], uint64_t address, uint32_t size);

#endif
