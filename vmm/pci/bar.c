/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where BARs are (6.2.5.1): behind the registers that a guest writes, and on the machine's bus.
 */
#include <assert.h>

#include "device/board.h"
#include "pci/bus.h"

static unsigned bar_register(unsigned index)
{
    return PCI_BAR + 4 * index;
}

void pci_bar_add(struct pci_function *function, unsigned index, const struct pci_bar *bar)
{
    const uint64_t address_bits = ~(bar->size - 1);
    const uint32_t flags = (bar->bits64 ? PCI_BAR_64 : 0) | (bar->prefetchable ? PCI_BAR_PREFETCHABLE : 0);

    assert(index + bar->bits64 < PCI_BARS_MAX && bar->size > PCI_BAR_FLAGS &&
           (bar->size & (bar->size - 1)) == 0 && (bar->bits64 || bar->size <= UINT32_MAX));
    function->bars[index].bar = *bar;
    pci_config_at_power_on(function, bar_register(index), 4, flags);
    pci_config_writable(function, bar_register(index), 4, (uint32_t)address_bits);
    if (bar->bits64)
        pci_config_writable(function, bar_register(index + 1), 4, (uint32_t)(address_bits >> 32));
}

uint64_t pci_bar_address(const struct pci_function *function, unsigned index)
{
    return function->bars[index].address;
}

/* What the guest has written. */
static uint64_t written_address(const struct pci_function *function, unsigned index)
{
    uint64_t address = pci_config_get(function, bar_register(index), 4) & ~PCI_BAR_FLAGS;

    if (function->bars[index].bar.bits64)
        address |= (uint64_t)pci_config_get(function, bar_register(index + 1), 4) << 32;
    return address;
}

/* Where it should be: where the guest has written it, if the function answers there and the bridges above
 * pass it on. */
static uint64_t wanted_address(const struct pci_function *function, unsigned index)
{
    const uint64_t address = written_address(function, index);

    if (!(pci_config_get(function, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY) ||
        !pci_bus_passes(function->bus, address, function->bars[index].bar.size))
        return PCI_UNMAPPED;
    return address;
}

static bool add_bar_to_bus(const struct pci_function *function, unsigned index, uint64_t address)
{
    const struct pci_bar *bar = &function->bars[index].bar;
    const struct bus_range range = {
        .space = BUS_MEMORY,
        .first = address,
        .count = bar->size,
        .width_max = bar->width_max,
        .read = bar->read,
        .write = bar->write,
        .device = bar->device,
        .lock = bar->lock,
        .name = function->name,
    };
    struct error error;

    return bus_add(function->bus->host->device.board->bus, &range, &error);
}

/* A BAR that collides with another device, or for which memory is short, answers nowhere, until the guest
 * moves something. */
static uint64_t move_bar(const struct pci_function *function, unsigned index, uint64_t to)
{
    struct bus *bus = function->bus->host->device.board->bus;
    const uint64_t from = function->bars[index].address;
    struct error error;

    if (from == PCI_UNMAPPED)
        return add_bar_to_bus(function, index, to) ? to : PCI_UNMAPPED;
    if (to != PCI_UNMAPPED && bus_move(bus, BUS_MEMORY, from, to, &error))
        return to;
    bus_remove(bus, BUS_MEMORY, from);
    return PCI_UNMAPPED;
}

/* Whether one went from where it was, so that there is room for others. */
static bool update_bars(struct pci_function *function)
{
    bool left = false;

    for (unsigned i = 0; i < PCI_BARS_MAX; i++) {
        struct pci_place_of_bar *place = &function->bars[i];
        const uint64_t before = place->address;
        const uint64_t wanted = place->bar.size ? wanted_address(function, i) : PCI_UNMAPPED;

        if (wanted == before)
            continue;
        place->address = move_bar(function, i, wanted);
        if (place->address == before)
            continue;
        left |= before != PCI_UNMAPPED;
        if (place->bar.moved)
            place->bar.moved(function, i, place->address);
    }
    return left;
}

/* Bridges pass requests on whatever their own command register says, as QEMU's do: SeaBIOS sets Bus Master of
 * the disk that it boots, and not of the port above it. */
static void update_requester(struct pci_function *function)
{
    atomic_store(&function->may_master, pci_config_get(function, PCI_COMMAND, 2) & PCI_COMMAND_MASTER);
    atomic_store(&function->requester, pci_bus_number(function->bus) << 8 | function->devfn);
}

/* ---- all of them, and configuration space ---- */

static bool update_all_bars(struct pci_host *host)
{
    bool left = false;

    for (struct pci_function *function = NULL; (function = pci_next(host, function)) != NULL;) {
        update_requester(function);
        left |= update_bars(function);
    }
    return left;
}

void pci_host_update(struct pci_host *host)
{
    const struct board *board = host->device.board;
    const uint64_t before = host->layout.ecam;
    bool left;

    do {
        left = pci_ecam_update(host);
        left |= update_all_bars(host);
    } while (left);
    if (host->layout.ecam != before && board->pci_moved)
        board->pci_moved(board->machine);
}

void pci_bars_remove(struct pci_function *function)
{
    for (unsigned i = 0; i < PCI_BARS_MAX; i++) {
        struct pci_place_of_bar *place = &function->bars[i];

        if (place->address == PCI_UNMAPPED)
            continue;
        bus_remove(function->bus->host->device.board->bus, BUS_MEMORY, place->address);
        place->address = PCI_UNMAPPED;
        if (place->bar.moved)
            place->bar.moved(function, i, PCI_UNMAPPED);
    }
}
