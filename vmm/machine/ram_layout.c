/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the bytes of RAM are, for every architecture: one object or node behind the other, over the pieces of
 * addresses that the architecture has for RAM; the hotplug region above, and memslots in it that were given
 * their addresses.
 */
#include <stdio.h>

#include "layout/units.h"
#include "machine/state.h"
#include "memory/backend_memory.h"

/* The piece in which the byte of RAM lies that is `offset` bytes behind the start of all RAM; *offset becomes
 * the place in the piece. */
static const struct ram_piece *find_piece(const struct machine *machine, uint64_t *offset)
{
    for (unsigned i = 0; i < machine->piece_count; i++) {
        if (*offset < machine->piece[i].size)
            return &machine->piece[i];
        *offset -= machine->piece[i].size;
    }
    return NULL;
}

/* The object's RAM, which begins at `offset`; the pieces may cut it. */
static bool map_object(struct machine *machine, uint64_t offset, const struct backend *backend,
                       struct error *error)
{
    struct guest_part part;
    uint64_t size;

    for (uint64_t done = 0; done < backend->size; done += size) {
        uint64_t place = offset + done;
        const struct ram_piece *piece = find_piece(machine, &place);

        if (!piece)
            return error_set(error,
                             "the RAM has no addresses"); /* cannot be: the pieces are as large as the RAM */
        size = piece->size - place;
        if (size > backend->size - done)
            size = backend->size - done;
        part = backend_part(backend, done, size, piece->address + place);
        if (!guest_memory_add_part(machine->memory, &part, error))
            return false;
    }
    backend_let_merge(backend);
    return true;
}

bool machine_map_ram(struct machine *machine, struct error *error)
{
    uint64_t offset = 0;

    for (unsigned i = 0; i < machine->ram_count; offset += machine->ram[i++]->size)
        if (!map_object(machine, offset, machine->ram[i], error))
            return false;
    return true;
}

/* How much of the object, and of the node, that the byte at `offset` is in lies from there on. */
static uint64_t left_in_object(const struct machine *machine, uint64_t offset, struct ram_range *range)
{
    uint64_t end = 0;

    for (unsigned i = 0; i < machine->ram_count; i++) {
        end += machine->ram[i]->size;
        range->memdev = machine->ram[i]->id;
        if (offset < end)
            return end - offset;
    }
    return 0;
}

static uint64_t left_in_node(const struct machine *machine, uint64_t offset, struct ram_range *range)
{
    const struct numa_config *numa = &machine->config->numa;
    uint64_t end = 0;

    for (range->node = 0; range->node < numa->nodes; range->node++) {
        end += numa->ram[range->node];
        if (offset < end)
            return end - offset;
    }
    range->node = 0;
    return UINT64_MAX;
}

bool machine_next_ram(const struct machine *machine, uint64_t *offset, struct ram_range *range)
{
    uint64_t size = left_in_object(machine, *offset, range);
    uint64_t in_node = left_in_node(machine, *offset, range);
    uint64_t place = *offset;
    const struct ram_piece *piece = find_piece(machine, &place);

    if (size == 0 || !piece)
        return false;
    if (size > in_node)
        size = in_node;
    if (size > piece->size - place)
        size = piece->size - place;
    range->start = piece->address + place;
    range->size = size;
    *offset += size;
    return true;
}

/* What is in the way of [start, last], of a memslot that was given its address; NULL: nothing. */
static const char *in_the_way(const struct machine *machine, uint64_t region_base, uint64_t limit,
                              uint64_t start, uint64_t last)
{
    const char *obstacle;

    if (last < start || last >= limit)
        return "exceeds the range that the physical address bits of this host's CPU leave for memory";
    obstacle = machine_arch_obstacle(machine, start);
    if (obstacle)
        return obstacle;
    return start < region_base ? "is outside the region for memory devices" : NULL;
}

/* Memslots with an address of their own lie above RAM and holes; the region grows to hold them, if it may. */
static bool place_memslots(const struct machine *machine, uint64_t region_base, uint64_t limit,
                           uint64_t *region_size, struct error *error)
{
    const struct config *config = machine->config;

    for (size_t i = 0; i < config->memslot_count; i++) {
        const struct memslot_config *memslot = &config->memslots[i];
        uint64_t last = memslot->start + memslot->size - (memslot->size > 0);
        const char *obstacle;

        if (!memslot->start_given)
            continue;
        obstacle = in_the_way(machine, region_base, limit, memslot->start, last);
        if (obstacle)
            return error_set(
                error,
                "-memslot id=%s: address range [0x%llx-0x%llx] %s; start at 0x%llx or above, or omit start to use the lowest address that fits",
                memslot->id, (unsigned long long)memslot->start, (unsigned long long)last, obstacle,
                (unsigned long long)region_base);
        if (config->region_grows && last - region_base >= *region_size)
            *region_size = last - region_base + 1;
    }
    return true;
}

uint64_t machine_ram_end(const struct machine *machine)
{
    uint64_t end = 0;

    for (unsigned i = 0; i < machine->piece_count; i++)
        if (machine->piece[i].size > 0)
            end = machine->piece[i].address + machine->piece[i].size;
    return end;
}

/* The option that says how much memory there is. */
static const char *ram_option(const struct config *config, char text[256])
{
    if (config->memory)
        words_format(text, 256, "-m %.200s", config->memory);
    else if (config->ram_backend)
        words_format(text, 256, "-machine memory-backend=%.200s", config->ram_backend);
    else
        words_format(text, 256, "%s", config->memslot_count ? "-memslot" : "-numa");
    return text;
}

/* " (at most 200T)", where it alone decides where the region ends; otherwise "". */
static const char *largest_maxmem(const struct config *config, uint64_t excess, char text[64])
{
    char word[SIZE_TEXT_MAX];

    text[0] = '\0';
    if (config->memslot_count == 0 && excess < config->maxmem - config->ram_size)
        snprintf(text, 64, " (at most maxmem=%s)", size_word(config->maxmem - excess, word));
    return text;
}

bool machine_layout(struct machine *machine, struct error *error)
{
    const struct config *config = machine->config;
    unsigned bits = vm_arch_address_bits();
    uint64_t limit = machine_arch_memory_end(bits);
    const struct ram_piece *last;
    uint64_t end;
    char size[SIZE_TEXT_MAX], end_text[SIZE_TEXT_MAX], limit_text[SIZE_TEXT_MAX], largest[64], option[256];

    if (config->ram_size < 2 * MIB)
        return error_set(
            error, "%.250s: RAM of %s (a multiple of 8 KiB) is too small; at least 2 MiB of RAM is required",
            ram_option(config, option), size_text(config->ram_size, size));
    machine_arch_layout_ram(machine);
    last = &machine->piece[machine->piece_count - 1];
    /* As QEMU: from the next GiB above RAM, with a GiB of room for the alignment of each DIMM. None of these
     * sums overflows: -m takes at most 2^52 bytes (opt_memory.c), a region that grows ends below the limit.
     */
    machine->region_base = (last->address + last->size + GIB - 1) & ~(GIB - 1);
    machine->region_size = 0;
    if (config->maxmem > config->ram_size)
        machine->region_size = config->maxmem - config->ram_size + config->slots * GIB;
    if (!place_memslots(machine, machine->region_base, limit, &machine->region_size, error))
        return false;
    end = machine->region_base + machine->region_size;
    if (end > limit && machine->region_size == 0)
        return error_set(
            error,
            "%.250s: Address space limit 0x%llx < 0x%llx phys-bits too low (%u): %s of RAM need "
            "guest addresses up to %s, and memory of guests of this host, which have %u physical "
            "address bits, ends at %s; use less (without a suffix -m counts MiB)",
            ram_option(config, option), (unsigned long long)limit - 1, (unsigned long long)end - 1, bits,
            size_text(config->ram_size, size), size_text(end, end_text), bits, size_text(limit, limit_text));
    if (end > limit)
        return error_set(
            error,
            "%.250s: Address space limit 0x%llx < 0x%llx phys-bits too low (%u): maxmem, %s, and "
            "1 GiB for each of %u slots need guest addresses up to %s, and memory of guests of this host, "
            "which have %u physical address bits, ends at %s; use a smaller maxmem%s, or fewer slots",
            ram_option(config, option), (unsigned long long)limit - 1, (unsigned long long)end - 1, bits,
            size_text(config->maxmem, size), config->slots, size_text(end, end_text), bits,
            size_text(limit, limit_text), largest_maxmem(config, end - limit, largest));
    return true;
}
