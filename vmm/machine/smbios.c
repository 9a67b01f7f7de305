/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the SMBIOS tables say of a machine: its RAM at start, range by range, and the DIMMs that are there
 * when the guest starts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/fw_cfg.h"
#include "firmware/smbios.h"
#include "machine/state.h"
#include "pci/bus.h"
#include "pci/function.h"

/* RAM has a range for each object and node, and for each side of the hole. */
#define RAM_MAX (2 * NUMA_NODES_MAX + 2)
#define SMBIOS_NAME_SIZE 100 /* of a DIMM: longer ones are cut */
#define TABLE_USUAL 8192u    /* bytes, of most machines' tables */

static size_t list_ram(const struct machine *machine, struct smbios_memory *memory)
{
    struct ram_range range;
    uint64_t offset = 0;
    size_t count = 0;

    while (count < RAM_MAX && machine_next_ram(machine, &offset, &range))
        memory[count++] = (struct smbios_memory){ .address = range.start, .size = range.size };
    return count;
}

/* The name of a DIMM is valid until the next call of hotplug, so it is copied. */
static size_t list_dimms(const struct machine *machine, struct smbios_memory *memory,
                         char (*names)[SMBIOS_NAME_SIZE])
{
    uint32_t slot = HOTRAM_SLOT_ANY;
    struct dimm_info dimm;
    size_t count = 0;

    while (count < HOTRAM_SLOTS_MAX && hotplug_next(machine->hotplug, &slot, &dimm)) {
        if (dimm.state == HOTRAM_DIMM_EJECTING)
            continue;
        snprintf(names[count], SMBIOS_NAME_SIZE, "%s", dimm.id ? dimm.id : "");
        memory[count] = (struct smbios_memory){ .address = dimm.addr,
                                                .size = dimm.size,
                                                .name = dimm.id ? names[count] : NULL };
        count++;
    }
    return count;
}

/* ---- devices that -smbios names ---- */

static const struct pci_function *function_of(const struct board *board, const char *id)
{
    struct pci_function *function = NULL;

    while (board->pci && (function = pci_next(board->pci, function)) != NULL)
        if (function->device.id && strcmp(function->device.id, id) == 0)
            return function;
    return NULL;
}

/* Devices of the root bus are never removed, and its number is always 0. */
static bool place_of(const void *board, const char *id, uint8_t *devfn)
{
    const struct pci_function *function = function_of(board, id);

    if (function)
        *devfn = function->devfn;
    return function != NULL;
}

static bool check_device(const struct board *board, unsigned type, const char *property, const char *id,
                         struct error *error)
{
    const struct pci_function *function = id ? function_of(board, id) : NULL;

    if (!id || (function && !function->bus->bridge))
        return true;
    return error_set(error, "-smbios type=%u: %s='%.80s' is %s; name one by its id, with bus=pcie.0", type,
                     property, id,
                     function ? "behind a root port, whose bus the guest numbers" : "no PCI device");
}

bool machine_check_smbios(const struct machine *machine, struct error *error)
{
    const struct smbios_config *given = &machine->config->smbios;
    bool good = true;

    for (size_t i = 0; good && i < given->slot_count; i++)
        good = check_device(&machine->board, 9, "pci_device", given->slots[i].pci_device, error);
    for (size_t i = 0; good && i < given->onboard_count; i++)
        good = check_device(&machine->board, 41, "pcidev", given->onboards[i].pci_device, error);
    return good;
}

/* ---- the tables ---- */

bool machine_smbios(const struct machine *machine, const char *direct, bool dimms, struct hotram_buffer *out)
{
    struct smbios_memory *memory = calloc(RAM_MAX + HOTRAM_SLOTS_MAX, sizeof *memory);
    char(*names)[SMBIOS_NAME_SIZE] = calloc(HOTRAM_SLOTS_MAX, sizeof *names);
    const struct config *config = machine->config;
    struct smbios_machine described = {
        .name = config->machine,
        .uuid = config->uuid_given ? config->uuid : NULL,
        .sockets = config->sockets,
        .cores = config->cores,
        .threads = config->threads,
        .maxmem = config->maxmem,
        .slots = config->slots,
        .memory = memory,
        .place = place_of,
        .opaque = &machine->board,
        .direct = direct,
    };
    const bool good = memory && names;

    if (good) {
        described.memory_count = list_ram(machine, memory);
        if (dimms)
            described.memory_count += list_dimms(machine, memory + described.memory_count, names);
        smbios_build(&described, &config->smbios, out);
    }
    free(names);
    free(memory);
    return good;
}

/* ---- for firmware, which copies them to where the guest looks, with the table's address in the entry point
 * ---- */

static bool publish(struct fw_cfg *fw_cfg, const struct hotram_buffer *table, struct error *error)
{
    uint8_t entry[SMBIOS_ENTRY_SIZE];

    smbios_entry_point(entry, 0, (uint32_t)table->length);
    return fw_cfg_set_file(fw_cfg, "etc/smbios/smbios-tables", table->data, table->length, error) &&
           fw_cfg_set_file(fw_cfg, "etc/smbios/smbios-anchor", entry, sizeof entry, error);
}

bool machine_publish_smbios(struct machine *machine, struct error *error)
{
    size_t capacity = TABLE_USUAL;
    bool published = false;
    struct hotram_buffer out;

    /* Twice at most: the first time counts what the second needs. */
    for (;;) {
        uint8_t *table = malloc(capacity);

        RESULT_DOES_NOT_MATTER(hotram_buffer_init(&out, table, table ? capacity : 0), "the buffer is sound");
        if (!table || !machine_smbios(machine, NULL, true, &out)) {
            free(table);
            return error_set(error, "out of memory for SMBIOS tables");
        }
        if (hotram_buffer_status(&out) == HOTRAM_OK)
            published = publish(machine->board.fw_cfg, &out, error);
        free(table);
        if (out.length <= capacity)
            return published;
        capacity = out.length;
    }
}
