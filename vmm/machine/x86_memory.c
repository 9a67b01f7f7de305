/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Machine hotram-1 on x86-64: where RAM is.
 */
#include "layout/x86.h"
#include "machine/state.h"

const char *machine_arch_obstacle(const struct machine *machine, uint64_t start)
{
    if (start < machine->low_ram_end)
        return "overlaps the RAM at start, which begins at 0";
    if (start < X86_HIGH_RAM_START)
        return "lies in the hole below 4 GiB, which is reserved for devices";
    if (start < X86_HIGH_RAM_START + machine->high_ram_size)
        return "overlaps the RAM at start, which continues at 4 GiB";
    return NULL;
}

uint64_t machine_arch_memory_end(unsigned address_bits)
{
    return X86_MEMORY_END(address_bits);
}

struct pci_layout machine_arch_pci(const struct machine *machine)
{
    const uint64_t end = machine->region_base + machine->region_size;

    return (struct pci_layout){
        .ecam = X86_PCI_ECAM,
        .buses = X86_PCI_BUSES,
        .ports = true,
        .low = { X86_PCI_LOW, X86_IOAPIC - 1 },
        .movable = { X86_LOW_RAM_END, X86_IOAPIC - 1 },
        .high = { (end + GIB - 1) & ~(GIB - 1), (UINT64_C(1) << vm_arch_address_bits()) - 1 },
        .gsi = X86_GSI_PCI,
    };
}

void machine_arch_layout_ram(struct machine *machine)
{
    uint64_t size = machine->config->ram_size;

    machine->low_ram_end = size < X86_LOW_RAM_END ? size : X86_LOW_RAM_END;
    machine->high_ram_size = size - machine->low_ram_end;
    machine->piece[0] = (struct ram_piece){ 0, machine->low_ram_end };
    /* Even without RAM in it: the hotplug region begins behind. */
    machine->piece[1] = (struct ram_piece){ X86_HIGH_RAM_START, machine->high_ram_size };
    machine->piece_count = 2;
}

/* An older kernel's block is not known before it runs. */
enum hotram_block_guest machine_arch_block_guest(const struct machine *machine)
{
    (void)machine;
    return HOTRAM_BLOCK_X86_64;
}
