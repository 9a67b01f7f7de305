/* SPDX-License-Identifier: BSD-2-Clause */
#include "pci/bus.h"

#include <string.h>

/* ---- who is where ---- */

unsigned pci_bus_number(const struct pci_bus *bus)
{
    return bus->bridge ? pci_config_get(bus->bridge->function, PCI_BRIDGE_SECONDARY, 1) : 0;
}

/* Functions of the root alone have buses behind them. */
struct pci_bus *pci_bus_numbered(struct pci_host *host, unsigned number)
{
    if (number == 0)
        return &host->root;
    for (unsigned i = 0; i < PCI_SLOTS * PCI_FUNCTIONS; i++) {
        const struct pci_function *function = host->root.function[i];

        if (function && function->bridge && pci_bus_number(&function->bridge->bus) == number)
            return &function->bridge->bus;
    }
    return NULL;
}

struct pci_bus *pci_bus_named(struct pci_host *host, const char *name)
{
    if (strcmp(name, host->root.name) == 0)
        return &host->root;
    for (unsigned i = 0; i < PCI_SLOTS * PCI_FUNCTIONS; i++) {
        const struct pci_function *function = host->root.function[i];
        struct pci_bus *bus = function && function->bridge ? &function->bridge->bus : NULL;

        if (bus && bus->name && strcmp(name, bus->name) == 0)
            return bus;
    }
    return NULL;
}

static struct pci_function *first_from(const struct pci_bus *bus, unsigned devfn)
{
    while (devfn < PCI_SLOTS * PCI_FUNCTIONS && !bus->function[devfn])
        devfn++;
    return devfn < PCI_SLOTS * PCI_FUNCTIONS ? bus->function[devfn] : NULL;
}

/* A bridge comes before what is behind it. */
struct pci_function *pci_next(struct pci_host *host, const struct pci_function *function)
{
    struct pci_function *next;

    if (!function)
        return first_from(&host->root, 0);
    if (function->bridge && (next = first_from(&function->bridge->bus, 0)) != NULL)
        return next;
    while (!(next = first_from(function->bus, function->devfn + 1u)) && function->bus->bridge)
        function = function->bus->bridge->function;
    return next;
}

/* ---- a guest's accesses to configuration space ---- */

uint32_t pci_host_access(struct pci_host *host, unsigned number, unsigned devfn, unsigned offset, bool write,
                         unsigned width, uint32_t value)
{
    struct pci_bus *bus = pci_bus_numbered(host, number);
    struct pci_function *function = bus ? bus->function[devfn] : NULL;

    if (!function)
        return UINT32_MAX;
    if (offset >= PCI_CONFIG_SIZE)
        return 0;
    if (!write)
        return pci_config_read(function, offset, width);
    pci_config_write(function, offset, width, value);
    return 0;
}

/* ---- which addresses are passed on ---- */

static bool window_contains(struct pci_window window, uint64_t first, uint64_t last)
{
    return window.first <= first && last <= window.last;
}

/* Bits 31 to 20, of memory that may have side effects; and those of memory that may not, up to bit 63. */
struct pci_window pci_bridge_memory(const struct pci_function *bridge)
{
    const uint64_t base = pci_config_get(bridge, PCI_BRIDGE_MEMORY_BASE, 2) & 0xfff0;
    const uint64_t limit = pci_config_get(bridge, PCI_BRIDGE_MEMORY_LIMIT, 2) & 0xfff0;

    return (struct pci_window){ base << 16, limit << 16 | 0xfffff };
}

struct pci_window pci_bridge_prefetchable(const struct pci_function *bridge)
{
    const uint64_t base = (pci_config_get(bridge, PCI_BRIDGE_PREFETCH_BASE, 2) & 0xfff0) << 16 |
                          (uint64_t)pci_config_get(bridge, PCI_BRIDGE_PREFETCH_BASE_HIGH, 4) << 32;
    const uint64_t limit = (pci_config_get(bridge, PCI_BRIDGE_PREFETCH_LIMIT, 2) & 0xfff0) << 16 |
                           (uint64_t)pci_config_get(bridge, PCI_BRIDGE_PREFETCH_LIMIT_HIGH, 4) << 32;

    return (struct pci_window){ base, limit | 0xfffff };
}

bool pci_bus_passes(const struct pci_bus *bus, uint64_t first, uint64_t size)
{
    const uint64_t last = first + (size - 1);

    if (last < first)
        return false;
    for (; bus->bridge; bus = bus->bridge->function->bus) {
        const struct pci_function *bridge = bus->bridge->function;

        if (!(pci_config_get(bridge, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY) ||
            (!window_contains(pci_bridge_memory(bridge), first, last) &&
             !window_contains(pci_bridge_prefetchable(bridge), first, last)))
            return false;
    }
    return window_contains(bus->host->layout.low, first, last) ||
           window_contains(bus->host->layout.high, first, last);
}
