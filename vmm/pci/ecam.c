/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Configuration space in memory (PCI Express Base Specification 5.0, 7.2.2), which firmware of q35 moves:
 * EDK2 of 2022 leaves it at 0xb0000000 and assigns BARs above it; that of 2025 moves it to 0xe0000000, and
 * assigns them below.
 */
#include "device/board.h"
#include "pci/bus.h"

#define ECAM_OF_A_FUNCTION (1u << 12)

static uint64_t read_ecam(void *opaque, uint64_t offset, unsigned width)
{
    return pci_host_access(opaque, (unsigned)(offset / PCI_ECAM_OF_A_BUS), offset / ECAM_OF_A_FUNCTION % 256,
                           offset % ECAM_OF_A_FUNCTION, false, width, 0);
}

static void write_ecam(void *opaque, uint64_t offset, unsigned width, uint64_t value)
{
    pci_host_access(opaque, (unsigned)(offset / PCI_ECAM_OF_A_BUS), offset / ECAM_OF_A_FUNCTION % 256,
                    offset % ECAM_OF_A_FUNCTION, true, width, (uint32_t)value);
}

static uint64_t size_of(const struct pci_host *host)
{
    return host->layout.buses * PCI_ECAM_OF_A_BUS;
}

bool pci_ecam_add(struct pci_host *host, uint64_t address, struct error *error)
{
    const struct bus_range range = {
        .space = BUS_MEMORY,
        .first = address,
        .count = size_of(host),
        .width_max = 4,
        .read = read_ecam,
        .write = write_ecam,
        .device = host,
        .lock = &host->lock,
        .name = PCI_CONFIGURATION_SPACE,
    };

    return bus_add(host->device.board->bus, &range, error);
}

/* BARs are below or above it, wherever there is more room; where they are now while it is nowhere. */
static void place_window(struct pci_layout *layout, uint64_t size)
{
    const struct pci_window *room = &layout->movable;
    const uint64_t below = layout->ecam - room->first, above = room->last - (layout->ecam + size - 1);

    if (layout->ecam == PCI_UNMAPPED)
        return;
    layout->low = below > above ? (struct pci_window){ room->first, layout->ecam - 1 }
                                : (struct pci_window){ layout->ecam + size, room->last };
}

bool pci_ecam_update(struct pci_host *host)
{
    struct bus *bus = host->device.board->bus;
    const uint64_t from = host->layout.ecam, to = host->wanted_ecam;
    struct error error;

    if (from == to)
        return false;
    if (from == PCI_UNMAPPED) {
        if (pci_ecam_add(host, to, &error))
            host->layout.ecam = to;
    } else if (to != PCI_UNMAPPED && bus_move(bus, BUS_MEMORY, from, to, &error)) {
        host->layout.ecam = to;
    } else {
        bus_remove(bus, BUS_MEMORY, from);
        host->layout.ecam = PCI_UNMAPPED;
    }
    place_window(&host->layout, size_of(host));
    return from != PCI_UNMAPPED;
}

void pci_host_move_ecam(struct pci_host *host, uint64_t address)
{
    const struct pci_window *room = &host->layout.movable;
    const uint64_t size = size_of(host);
    const bool fits = address >= room->first && address <= room->last && room->last - address >= size - 1;

    host->wanted_ecam = fits && address % size == 0 ? address : PCI_UNMAPPED;
}
