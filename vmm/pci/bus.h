/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PCI buses of a machine, behind one host bridge: how a guest reaches configuration space, which
 * addresses are passed on, where interrupt pins lead.
 *
 * Threads and locks: the PCI lock guards buses, the configuration space of every function, and where BARs
 * are. Every configuration access takes it, so vCPUs do so, one at a time; and the main thread, to plug and
 * remove. Order: the machine lock, the PCI lock, then a BAR's own lock (MSI-X's among them), then the leaves:
 * the bus's, the interrupt lock, the event loop's queue. Nothing waits while it has the PCI lock.
 * The interrupt lock guards what each function asks for by its pin, so that a device can do so under locks of
 * its own.
 */
#ifndef VMM_PCI_BUS_H
#define VMM_PCI_BUS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "pci/function.h"
#include "pci/layout.h"

#define PCI_ROOT_NAME "pcie.0"

struct pci_bus {
    const char *name; /* "pcie.0", or the id of the port that leads here */
    struct pci_host *host;
    struct pci_bridge *bridge; /* that leads here; NULL: the root */
    struct pci_function *function[PCI_SLOTS * PCI_FUNCTIONS];
};

/* A function that leads to another bus. */
struct pci_bridge {
    struct pci_function *function; /* of its own */
    struct pci_bus bus;            /* behind it */
    /* Whether a function may come here while the guest runs, which is told of it later by plugged(); or the
     * error. NULL: what is behind stays as it was at the start. Main thread. */
    bool (*plug)(struct pci_bridge *bridge, const struct pci_function *function, struct error *error);
    /* It is there; `hot`: the guest runs. With the PCI lock. */
    void (*plugged)(struct pci_bridge *bridge, bool hot);
    /* device_del: ask the guest for one behind it. Main thread. */
    bool (*unplug)(struct pci_bridge *bridge, struct pci_function *function, struct error *error);
    bool permanent; /* unplug() always refuses */
};

/* What the guest can change of the host bridge. With the PCI lock. */
struct pci_host_state {
    uint32_t address; /* what was written to 0xcf8 */
};
extern const struct state_table pci_host_state_table;

struct pci_host {
    struct device device; /* first */
    struct pci_layout layout;
    pthread_mutex_t lock;      /* the PCI lock */
    pthread_mutex_t interrupt; /* the interrupt lock */
    struct pci_bus root;
    struct pci_host_state state;
    unsigned asserted[PCI_PINS]; /* functions that hold each of the four lines */
};

/* A host bridge on the board's bus (pci/host.c), in no list: of the machine's own pci/machine.h has the
 * types. NULL and an error: memory is short, or the addresses are taken. */
struct pci_host *pci_host_create(struct board *board, const struct pci_layout *layout, struct error *error);
/* All functions have been removed, and no thread accesses any more. */
void pci_host_destroy(struct pci_host *host);

static inline void pci_lock(struct pci_host *host)
{
    pthread_mutex_lock(&host->lock);
}

static inline void pci_unlock(struct pci_host *host)
{
    pthread_mutex_unlock(&host->lock);
}

/* ---- with the PCI lock ---- */

/* The bus that a guest reaches by a number now; NULL: there is none. */
struct pci_bus *pci_bus_numbered(struct pci_host *host, unsigned number);
/* The number of a bus, as the guest has given it. */
unsigned pci_bus_number(const struct pci_bus *bus);
/* By name, on the main thread; NULL: there is none. */
struct pci_bus *pci_bus_named(struct pci_host *host, const char *name);
/* The function behind a bus, or behind all of them: NULL gives the first. In order of bus and devfn. */
struct pci_function *pci_next(struct pci_host *host, const struct pci_function *function);

/* What a bridge passes on, as the guest has written it: memory, and memory whose reads have no effects;
 * nothing if the last address is below the first. */
struct pci_window pci_bridge_memory(const struct pci_function *bridge);
struct pci_window pci_bridge_prefetchable(const struct pci_function *bridge);
/* Whether a range of addresses reaches a bus: host bridge and bridges pass it on. */
bool pci_bus_passes(const struct pci_bus *bus, uint64_t first, uint64_t size);
/* Put every BAR where command registers, BARs and bridges say, and work out who may master. */
void pci_host_update(struct pci_host *host);
/* Take all of a function's BARs off the machine's bus. */
void pci_bars_remove(struct pci_function *function);

/* ---- interrupts (pci/intx.c) ---- */

/* What the guest wants to hear of by pins; with the PCI lock. */
void pci_intx_disable(struct pci_function *function, bool disabled);
/* It has no pin any more; it may go on asking. */
void pci_intx_remove(struct pci_function *function);
/* Whether the device asks for its interrupt by its pin, heard or not. */
bool pci_intx_level(const struct pci_function *function);
/* The host's line, 0 to 3, of a function's INTA#. */
unsigned pci_intx_line(const struct pci_function *function);

#endif
