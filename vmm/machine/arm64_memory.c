/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Machine hotram-1 on arm64: where RAM and hot-pluggable memory are.
 */
#include "machine/arm64_layout.h"
#include "machine/state.h"

const char *machine_arch_obstacle(const struct machine *machine, uint64_t start)
{
    if (start < ARM64_RAM)
        return "lies below the RAM, where devices are";
    if (start < ARM64_RAM + machine->piece[0].size)
        return "overlaps the RAM at start, which begins at 1 GiB";
    return NULL;
}

bool machine_arch_layout(struct machine *machine, uint64_t *region_base, uint64_t *region_size,
                         struct error *error)
{
    const struct config *config = machine->config;
    unsigned bits = vm_arch_address_bits();
    uint64_t limit = UINT64_C(1) << bits;
    uint64_t end;
    char size[SIZE_TEXT];

    if (config->ram_size < 2 * MIB)
        return error_set(error, "-m: %s of RAM are too few for a machine; the least is 2 MiB",
                         size_text(config->ram_size, size));
    machine->piece[0] = (struct ram_piece){ ARM64_RAM, config->ram_size };
    machine->piece_count = 1;
    /* As QEMU: from the next GiB above RAM, with a GiB of room for the alignment of each DIMM. */
    *region_base = (ARM64_RAM + config->ram_size + GIB - 1) & ~(GIB - 1);
    *region_size = config->slots > 0 ? config->maxmem - config->ram_size + config->slots * GIB : 0;
    if (!machine_place_memslots(machine, *region_base, limit, region_size, error))
        return false;
    if (__builtin_add_overflow(*region_base, *region_size, &end) || *region_base < ARM64_RAM ||
        config->ram_size > limit || end > limit)
        return error_set(error,
                         "-m maxmem=%s,slots=%u needs guest addresses up to %s; this host's KVM has %u "
                         "physical address bits, which end at 0x%llx: use a smaller maxmem or fewer slots",
                         size_text(config->maxmem, size), config->slots,
                         size_text(*region_base + *region_size, (char[SIZE_TEXT]){ 0 }), bits,
                         (unsigned long long)limit);
    return true;
}
