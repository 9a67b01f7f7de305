/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PCI buses of a machine, behind one host bridge: access to configuration space, forwarding of addresses,
 * and routing of interrupt pins (PCI Local Bus Specification 3.0; PCI-to-PCI Bridge Architecture
 * Specification 1.2).
 *
 * Threads and locks: the PCI lock protects buses, the configuration space of every function, and the
 * addresses of BARs. vCPUs take it for each configuration access, the main thread to plug and remove
 * functions. Order: the machine lock, the PCI lock, then a BAR's own lock (such as that of MSI-X), then the
 * leaves: the bus's lock, the interrupt lock, the event loop's queue. The holder of the PCI lock does not
 * wait. The interrupt lock protects the level of each function's pin, so that a device can set it under its
 * own locks.
 */
#ifndef VMM_PCI_BUS_H
#define VMM_PCI_BUS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "pci/function.h"
#include "pci/layout.h"

#define PCI_ROOT_NAME "pcie.0"
#define PCI_CONFIGURATION_SPACE "PCI configuration space" /* in errors */

struct pci_bus {
    const char *name; /* "pcie.0", or the id of the port that leads here */
    struct pci_host *host;
    struct pci_bridge *bridge;                                /* the bridge to this bus; NULL: the root */
    struct pci_function *function[PCI_SLOTS * PCI_FUNCTIONS]; /* by devfn */
    /* The same of those that will come, which the guest does not see (pci_place_reserve()). Main thread. */
    const struct pci_function *coming[PCI_SLOTS * PCI_FUNCTIONS];
};

/* A bridge to another bus. */
struct pci_bridge {
    struct pci_function *function; /* the bridge itself */
    struct pci_bus bus;            /* the bus behind it */
    /* Whether a function may be plugged into the bus while the guest runs. False and an error: not now, or
     * never. Has no effect. Main thread. */
    bool (*plug)(struct pci_bridge *bridge, const struct pci_function *function, struct error *error);
    /* A function has been plugged; `hot`: while the guest runs, which is to be notified. Under the PCI lock.
     */
    void (*plugged)(struct pci_bridge *bridge, bool hot);
    /* device_del: request the removal of a function behind the bridge from the guest. False and an error:
     * refused. Main thread. NULL: functions cannot be removed. */
    bool (*unplug)(struct pci_bridge *bridge, struct pci_function *function, struct error *error);
    bool permanent; /* unplug() always refuses */
};

/* The host bridge's state that the guest can change. Under the PCI lock. */
struct pci_host_state {
    uint32_t address; /* register 0xcf8 */
};
extern const struct state_table pci_host_state_table;

struct pci_host {
    struct device device; /* first */
    /* The guest may change `ecam` and with it `low`: under the PCI lock, or on the main thread while vCPUs
     * are paused. */
    struct pci_layout layout;
    uint64_t wanted_ecam;      /* where the guest wants configuration space; under the PCI lock */
    pthread_mutex_t lock;      /* the PCI lock */
    pthread_mutex_t interrupt; /* the interrupt lock */
    struct pci_bus root;
    struct pci_host_state state;
    unsigned asserted[PCI_PINS]; /* number of functions that assert each line; under the interrupt lock */
};

/* Create a host bridge, and add its registers to the board's bus (pci/host.c); it is not enlisted. NULL and
 * an error: out of memory, or the addresses are occupied. Main thread. */
struct pci_host *pci_host_create(struct board *board, const struct pci_layout *layout, struct error *error);
/* Called after all functions have been removed, and all accesses have ended. */
void pci_host_destroy(struct pci_host *host);

static inline void pci_lock(struct pci_host *host)
{
    pthread_mutex_lock(&host->lock);
}

static inline void pci_unlock(struct pci_host *host)
{
    pthread_mutex_unlock(&host->lock);
}

/* ---- under the PCI lock; the main thread may call pci_bus_named() and pci_next() without it ---- */

/* The bus to which the guest has assigned a number; NULL: none. */
struct pci_bus *pci_bus_numbered(struct pci_host *host, unsigned number);
/* The number of a bus, as the guest has assigned it. */
unsigned pci_bus_number(const struct pci_bus *bus);
/* The bus with a name; NULL: there is none. */
struct pci_bus *pci_bus_named(struct pci_host *host, const char *name);
/* Iterate over all functions, by bus and devfn: NULL gives the first. NULL after the last. */
struct pci_function *pci_next(struct pci_host *host, const struct pci_function *function);

/* The windows of a bridge as the guest has written them: memory, and prefetchable memory (3.2.5.8, 3.2.5.9 of
 * the bridge specification). A window is empty if its last address is below the first. */
struct pci_window pci_bridge_memory(const struct pci_function *bridge);
struct pci_window pci_bridge_prefetchable(const struct pci_function *bridge);
/* Whether the host bridge and all bridges above a bus forward a range of addresses to it. */
bool pci_bus_passes(const struct pci_bus *bus, uint64_t first, uint64_t size);
/* The guest's access to a register of a function: write `value`, or return what is read. What PCI Express has
 * beyond 256 bytes reads as zeros; where no function is, reads give all ones. */
uint32_t pci_host_access(struct pci_host *host, unsigned number, unsigned devfn, unsigned offset, bool write,
                         unsigned width, uint32_t value);
/* Map configuration space where it is wanted, and every BAR according to command registers, BARs and bridges;
 * update may_master and requester of every function. What collides with another device responds nowhere,
 * until a later call finds room for it. If configuration space has moved, the machine describes it anew
 * before the guest continues (board->pci_moved()). */
void pci_host_update(struct pci_host *host);
/* Where configuration space is to be from the next pci_host_update() on, and the window beside it: a multiple
 * of its size in layout.movable; nowhere if the address is another one, such as PCI_UNMAPPED. */
void pci_host_move_ecam(struct pci_host *host, uint64_t address);
/* pci/ecam.c: add configuration space to the board's bus. False and an error: as for bus_add(). */
bool pci_ecam_add(struct pci_host *host, uint64_t address, struct error *error);
/* The same: the part of pci_host_update() that moves configuration space. Whether it left a place. */
bool pci_ecam_update(struct pci_host *host);
/* Unmap all BARs of a function. */
void pci_bars_remove(struct pci_function *function);

/* ---- interrupts (pci/intx.c) ---- */

/* Set Interrupt Disable of a function's command register (6.2.2). Under the PCI lock. */
void pci_intx_disable(struct pci_function *function, bool disabled);
/* Deassert a function's pin; later calls of pci_intx() have no effect. Main thread. */
void pci_intx_remove(struct pci_function *function);
/* Whether the device asserts its pin, regardless of Interrupt Disable. Any thread. */
bool pci_intx_level(const struct pci_function *function);
/* The host bridge's line, 0 to 3, to which a function's INTA# is routed: fixed while it is plugged. */
unsigned pci_intx_line(const struct pci_function *function);

#endif
