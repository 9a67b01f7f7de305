/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Machine hotram-1 on x86-64: where RAM and hot-pluggable memory are.
 */
#include <cpuid.h>

#include "machine/state.h"
#include "machine/x86_layout.h"

/* Address bits of the guest's CPU: KVM passes the host's through. */
static unsigned physical_address_bits(void)
{
    unsigned a;
    unsigned b;
    unsigned c;
    unsigned d;

    return __get_cpuid(0x80000008, &a, &b, &c, &d) ? a & 0xff : 36;
}

/* What is in the way of [start, last], of a memslot that was given its address; NULL: nothing. */
static const char *in_the_way(const struct machine *machine, uint64_t region_base, uint64_t limit,
                              uint64_t start, uint64_t last)
{
    if (last < start || last >= limit)
        return "reaches beyond the address bits of this host's CPU";
    if (start < machine->low_ram_end)
        return "overlaps the RAM at start, which begins at 0";
    if (start < X86_HIGH_RAM_START)
        return "lies in the hole below 4 GiB, which is for devices";
    if (start < X86_HIGH_RAM_START + machine->high_ram_size)
        return "overlaps the RAM at start, which goes on at 4 GiB";
    return start < region_base ? "is outside the region for memory devices" : NULL;
}

/* Memslots with an address of their own: above RAM and holes; the region grows to hold them, if it may. */
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
                "-memslot id=%s: address range [0x%llx-0x%llx] %s; start at 0x%llx or above, or leave "
                "start out to get the lowest address that fits",
                memslot->id, (unsigned long long)memslot->start, (unsigned long long)last, obstacle,
                (unsigned long long)region_base);
        if (config->region_grows && last - region_base >= *region_size)
            *region_size = last - region_base + 1;
    }
    return true;
}

bool machine_arch_layout(struct machine *machine, uint64_t *region_base, uint64_t *region_size,
                         struct error *error)
{
    const struct config *config = machine->config;
    unsigned bits = physical_address_bits();
    uint64_t limit = UINT64_C(1) << bits;
    uint64_t end;
    char size[SIZE_TEXT];

    if (config->ram_size < 2 * MIB)
        return error_set(error, "-m: %s of RAM are too few for a machine; the least is 2 MiB",
                         size_text(config->ram_size, size));
    machine->low_ram_end = config->ram_size < X86_LOW_RAM_END ? config->ram_size : X86_LOW_RAM_END;
    machine->high_ram_size = config->ram_size - machine->low_ram_end;
    /* As QEMU: from the next GiB above RAM, with a GiB of room for the alignment of each DIMM. */
    *region_base = X86_HIGH_RAM_START + ((machine->high_ram_size + GIB - 1) & ~(GIB - 1));
    *region_size = config->slots > 0 ? config->maxmem - config->ram_size + config->slots * GIB : 0;
    if (!place_memslots(machine, *region_base, limit, region_size, error))
        return false;
    if (__builtin_add_overflow(*region_base, *region_size, &end) || *region_base < X86_HIGH_RAM_START ||
        machine->high_ram_size > limit || end > limit)
        return error_set(error,
                         "-m maxmem=%s,slots=%u needs guest addresses up to %s; this host's CPU has %u "
                         "physical address bits, which end at 0x%llx: use a smaller maxmem or fewer slots",
                         size_text(config->maxmem, size), config->slots,
                         size_text(*region_base + *region_size, (char[SIZE_TEXT]){ 0 }), bits,
                         (unsigned long long)limit);
    return true;
}

/* Where the byte of RAM is that lies `offset` bytes behind the start of all RAM; the hole may cut it in two.
 */
static uint64_t ram_address(const struct machine *machine, uint64_t offset)
{
    return offset < machine->low_ram_end ? offset : X86_HIGH_RAM_START + (offset - machine->low_ram_end);
}

/* The object's RAM, which begins at `offset`. */
static bool map_object(struct machine *machine, uint64_t offset, const struct backend *backend,
                       struct error *error)
{
    uint8_t *memory = backend->memory;
    uint64_t low = offset < machine->low_ram_end ? machine->low_ram_end - offset : 0;

    if (low > backend->size)
        low = backend->size;
    if (low > 0 && !guest_memory_add(machine->memory, ram_address(machine, offset), low, memory, error))
        return false;
    return low == backend->size || guest_memory_add(machine->memory, ram_address(machine, offset + low),
                                                    backend->size - low, memory + low, error) != NULL;
}

bool machine_arch_map_ram(struct machine *machine, struct error *error)
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

    if (size == 0)
        return false;
    if (size > in_node)
        size = in_node;
    if (*offset < machine->low_ram_end && size > machine->low_ram_end - *offset)
        size = machine->low_ram_end - *offset;
    range->start = ram_address(machine, *offset);
    range->size = size;
    *offset += size;
    return true;
}
