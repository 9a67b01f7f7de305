/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A PCI function: its configuration space as tables, its BARs, its capabilities. PCI Local Bus Specification
 * 3.0, chapter 6; references are to it.
 *
 * Creation: pci_function_init(); then capabilities and BARs; then pci_function_plug() (pci/place.h), after
 * which the guest finds the function. The owner removes it with pci_function_remove() before freeing it.
 *
 * Threads: until it is plugged, only its creator uses it. Afterwards the PCI lock (pci/bus.h) protects
 * everything except `may_master` and `requester`, which any thread reads, and the interrupt pin, which the
 * interrupt lock protects. Callbacks of BARs and capabilities state the locks under which they run.
 */
#ifndef VMM_PCI_FUNCTION_H
#define VMM_PCI_FUNCTION_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "device/device.h"
#include "pci/layout.h"
#include "pci/registers.h"

struct msix;
struct pci_bridge;
struct pci_bus;
struct pci_function;
struct pci_host;

#define PCI_DEVFN(slot, function) ((uint8_t)((slot) << 3 | (function)))
#define PCI_SLOT(devfn) ((unsigned)(devfn) >> 3)
#define PCI_FUNCTION(devfn) ((unsigned)(devfn)&7u)
#define PCI_SLOTS 32u
#define PCI_FUNCTIONS 8u

/* Identification (6.2.1, 6.2.4). */
struct pci_ids {
    uint16_t vendor, device;
    uint8_t revision;
    uint8_t class, subclass, interface;
    uint16_t subsystem_vendor, subsystem; /* of a function of header type 0; 0: none */
    bool interrupt;                       /* it has the pin INTA# */
};

/* A memory BAR (6.2.5), whose address the guest assigns and may change at any time. There are no I/O BARs. */
struct pci_bar {
    uint64_t size; /* bytes: a power of two, at least 16 */
    bool bits64;   /* it also occupies the next BAR */
    bool prefetchable;
    unsigned width_max; /* this and the next four as in struct bus_range (bus/bus.h) */
    uint64_t (*read)(void *device, uint64_t offset, unsigned width);
    void (*write)(void *device, uint64_t offset, unsigned width, uint64_t value);
    void *device;
    pthread_mutex_t *lock;
    /* Called after the guest has mapped, moved or unmapped the BAR: `address` is guest-physical, or
     * PCI_UNMAPPED. On the thread of that access, under the PCI lock: it must not wait. May be NULL. */
    void (*moved)(struct pci_function *function, unsigned index, uint64_t address);
};

/* A capability (6.7). */
struct pci_capability {
    uint8_t id;
    uint8_t length;          /* bytes, including id and next pointer: at least 2 */
    const uint8_t *bytes;    /* all `length` bytes at power-on; the first two are ignored. NULL: zeros */
    const uint8_t *writable; /* bits that the guest can change, likewise. NULL: none */
    /* Called before the guest reads `width` bytes at `offset` from the capability's start, so that
     * pci_config_set() can update them; and after it has written them. Under the PCI lock. May be NULL. */
    void (*read)(struct pci_function *function, unsigned offset, unsigned width);
    void (*written)(struct pci_function *function, unsigned offset, unsigned width);
};

#define PCI_CAPABILITIES_MAX 12

/* The first member of each PCI device's own struct. */
struct pci_function {
    struct device device; /* first */
    struct pci_bus *bus;  /* NULL: it was never plugged */
    uint8_t devfn;
    const char *name; /* of its type, for messages */
    char addr[16];    /* slot and function: "03.1" */

    uint8_t config[PCI_CONFIG_SIZE];
    uint8_t power_on[PCI_CONFIG_SIZE]; /* `config` after a reset */
    uint8_t writable[PCI_CONFIG_SIZE]; /* bits that the guest can change */
    uint8_t clearing[PCI_CONFIG_SIZE]; /* bits that the guest clears by writing 1 */

    struct pci_place_of_bar {
        struct pci_bar bar; /* size 0: there is none */
        uint64_t address;   /* guest-physical, or PCI_UNMAPPED */
    } bars[PCI_BARS_MAX];

    struct pci_capability_at {
        uint8_t offset, length;
        void (*read)(struct pci_function *function, unsigned offset, unsigned width);
        void (*written)(struct pci_function *function, unsigned offset, unsigned width);
    } capabilities[PCI_CAPABILITIES_MAX];
    unsigned capability_count;
    unsigned capability_end; /* the first free byte */
    unsigned last_pointer;   /* offset of the pointer to the next capability */

    atomic_bool may_master;
    atomic_uint requester; /* requester id: bus << 8 | devfn, with the bus number that the guest assigned */
    /* Under the host's interrupt lock: */
    bool intx;          /* the device asserts its pin */
    bool intx_disabled; /* Interrupt Disable of the command register */
    bool removed;       /* the pin has no effect any more */

    /* Registers may have changed, by the guest, a reset or a restore: pci_host_update() follows. Under the
     * PCI lock. NULL: BARs, command register and bridge are all that decides about addresses. */
    void (*follow)(struct pci_function *function);
    struct msix *msix;         /* NULL: no MSI-X */
    struct pci_bridge *bridge; /* NULL: it is not a bridge */
    bool multifunction;        /* its slot may have other functions */
};

/* Initialize a function, in the owner's zeroed struct. `name` is borrowed. `ids` may be NULL if
 * pci_function_fields() follows. */
void pci_function_init(struct pci_function *function, const char *name, const struct pci_ids *ids);

/* Define all of configuration space by the table of its state (device/fields.h): the bytes at power-on, and
 * the bits that the guest can change: those that may be set but are not always set. For a function without
 * BARs and capabilities. */
void pci_function_fields(struct pci_function *function, const struct state_table *table);

/* Add BAR `index`, before the function is plugged. `bar` is copied. */
void pci_bar_add(struct pci_function *function, unsigned index, const struct pci_bar *bar);
/* A BAR's guest-physical address, or PCI_UNMAPPED. Under the PCI lock, or on the main thread while vCPUs are
 * paused. */
uint64_t pci_bar_address(const struct pci_function *function, unsigned index);

/* Add a capability after the others, before the function is plugged. Returns its offset in configuration
 * space. The bytes are copied. At most PCI_CAPABILITIES_MAX, which have 192 bytes together. */
unsigned pci_capability_add(struct pci_function *function, const struct pci_capability *capability);

/* Read or set 1, 2 or 4 bytes of configuration space, as a little-endian number, regardless of writable bits.
 * Before the function is plugged, or under the PCI lock. */
uint32_t pci_config_get(const struct pci_function *function, unsigned offset, unsigned width);
void pci_config_set(struct pci_function *function, unsigned offset, unsigned width, uint32_t value);
/* Set bytes now and for each reset; and set which bits the guest can change, or clears by writing 1. */
void pci_config_at_power_on(struct pci_function *function, unsigned offset, unsigned width, uint32_t value);
void pci_config_writable(struct pci_function *function, unsigned offset, unsigned width, uint32_t bits);
void pci_config_clearing(struct pci_function *function, unsigned offset, unsigned width, uint32_t bits);

/* Accesses by the guest of 1, 2 or 4 bytes, aligned to their width. Under the PCI lock. */
uint32_t pci_config_read(struct pci_function *function, unsigned offset, unsigned width);
void pci_config_write(struct pci_function *function, unsigned offset, unsigned width, uint32_t value);

/* Whether the function may access guest memory: Bus Master is set in its command register. Any thread. */
bool pci_may_master(const struct pci_function *function);

/* Assert or deassert the pin INTA#. The level remains until the next call, or a reset of the function. Has no
 * effect once the function has been removed. Any thread. */
void pci_intx(struct pci_function *function, bool level);

/* Set the function to its state after power-on: BARs unmapped, pin deasserted, MSI-X off. Called by its
 * type's reset: main thread, vCPUs paused. */
void pci_function_reset(struct pci_function *function);
/* Update BARs and pin after configuration space has been restored. Main thread, vCPUs paused. */
void pci_function_restored(struct pci_function *function);

#endif
