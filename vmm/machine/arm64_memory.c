/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Machine hotram-1 on arm64: where RAM is.
 */
#include "layout/arm64.h"
#include "machine/state.h"

const char *machine_arch_obstacle(const struct machine *machine, uint64_t start)
{
    if (start < ARM64_RAM)
        return "lies below the RAM, in the range of devices";
    if (start < ARM64_RAM + machine->piece[0].size)
        return "overlaps the RAM at start, which begins at 1 GiB";
    return NULL;
}

uint64_t machine_arch_memory_end(unsigned address_bits)
{
    return ARM64_MEMORY_END(address_bits);
}

/* EDK2 takes no host bridge whose window for BARs of 64 bits begins below 4 GiB. */
struct pci_layout machine_arch_pci(const struct machine *machine)
{
    const uint64_t size = ARM64_PCI_BUSES * PCI_ECAM_OF_A_BUS;
    const uint64_t ecam = (machine->region_base + machine->region_size + size - 1) & ~(size - 1);
    const uint64_t high = (ecam + size + GIB - 1) & ~(GIB - 1);

    return (struct pci_layout){
        .ecam = ecam,
        .buses = ARM64_PCI_BUSES,
        .io = ARM64_PCI_IO,
        .low = { ARM64_PCI_LOW, ARM64_PCI_IO - 1 },
        .high = { high > 4 * GIB ? high : 4 * GIB, (UINT64_C(1) << vm_arch_address_bits()) - 1 },
        .gsi = ARM64_GSI_PCI,
    };
}

void machine_arch_layout_ram(struct machine *machine)
{
    machine->piece[0] = (struct ram_piece){ ARM64_RAM, machine->config->ram_size };
    machine->piece_count = 1;
}

/* The kernel says what pages it has; an older kernel's block is not known before it runs. */
enum hotram_block_guest machine_arch_block_guest(const struct machine *machine)
{
    return machine->boot.format != KERNEL_NONE && machine->boot.image.pages_64k ? HOTRAM_BLOCK_ARM64_64K
                                                                                : HOTRAM_BLOCK_ARM64_4K;
}
