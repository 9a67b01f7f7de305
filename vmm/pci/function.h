/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A PCI function: its configuration space as tables, its BARs, its capabilities. PCI Local Bus Specification
 * 3.0, chapter 6; references are to it.
 *
 * How one comes to be: pci_function_init(); then its capabilities and BARs; then pci_function_plug(), from
 * where on the guest finds it. The owner takes it away again with pci_function_remove(), on the main thread,
 * before it is freed.
 *
 * Threads: until it is plugged it is its maker's. From then on the PCI lock (pci/bus.h) guards all of it but
 * `may_master` and `requester`, which any thread reads, and the interrupt pin, which has a lock of its own.
 * The callbacks of BARs and capabilities say what they run under.
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

#define PCI_UNMAPPED UINT64_MAX

/* What it is (6.2.1, 6.2.4). */
struct pci_ids {
    uint16_t vendor, device;
    uint8_t revision;
    uint8_t class, subclass, interface;
    uint16_t subsystem_vendor, subsystem; /* of a function of header type 0; 0: none */
    bool interrupt;                       /* it has the pin INTA# */
};

/* Memory that the guest gives an address, and may move while it runs. I/O BARs are not offered. */
struct pci_bar {
    uint64_t size; /* bytes: a power of two, at least 16 */
    bool bits64;   /* it takes the BAR behind it, too */
    bool prefetchable;
    unsigned width_max; /* as struct bus_range has these */
    uint64_t (*read)(void *device, uint64_t offset, unsigned width);
    void (*write)(void *device, uint64_t offset, unsigned width, uint64_t value);
    void *device;
    pthread_mutex_t *lock;
    /* NULL, or called after the guest has mapped, moved or unmapped it: `address` is guest-physical, or
     * PCI_UNMAPPED. On the thread of the access that did so, with the PCI lock: no plug, no wait. */
    void (*moved)(struct pci_function *function, unsigned index, uint64_t address);
};

/* A part of configuration space that is the device's own. */
struct pci_capability {
    uint8_t id;
    uint8_t length;          /* bytes, the id and the pointer to the next included: at least 2 */
    const uint8_t *bytes;    /* of all `length` at power-on; the first two do not count. NULL: zeros */
    const uint8_t *writable; /* bits that the guest changes, likewise. NULL: none */
    /* Either may be NULL: before the guest reads `width` bytes at an offset from the capability's first byte,
     * so that pci_config_set() can bring them up to date; and after it has written them. With the PCI lock.
     */
    void (*read)(struct pci_function *function, unsigned offset, unsigned width);
    void (*written)(struct pci_function *function, unsigned offset, unsigned width);
};

#define PCI_CAPABILITIES_MAX 12

/* The first member of each PCI device's own struct. */
struct pci_function {
    struct device device; /* first */
    struct pci_bus *bus;  /* NULL: it is not plugged */
    uint8_t devfn;
    const char *name; /* of its type, for messages */
    char addr[16];    /* "03.1" */

    uint8_t config[PCI_CONFIG_SIZE];
    uint8_t power_on[PCI_CONFIG_SIZE]; /* what `config` is after a reset */
    uint8_t writable[PCI_CONFIG_SIZE]; /* bits that the guest changes */
    uint8_t clearing[PCI_CONFIG_SIZE]; /* bits that it clears by writing 1 */

    struct pci_place_of_bar {
        struct pci_bar bar; /* size 0: there is none */
        uint64_t address;   /* on the bus now, or PCI_UNMAPPED */
    } bars[PCI_BARS_MAX];

    struct pci_capability_at {
        uint8_t offset, length;
        void (*read)(struct pci_function *function, unsigned offset, unsigned width);
        void (*written)(struct pci_function *function, unsigned offset, unsigned width);
    } capabilities[PCI_CAPABILITIES_MAX];
    unsigned capability_count;
    unsigned capability_end; /* the first free byte */
    unsigned last_pointer;   /* where the offset of the next capability goes */

    atomic_bool may_master;
    atomic_uint requester; /* bus << 8 | devfn, by the guest's numbers of buses */
    bool intx;             /* the host's interrupt lock: the device asks for its interrupt */
    bool intx_disabled;    /* likewise: the guest does not want to hear of it by its pin */

    bool removed; /* likewise: it has no pin any more */

    struct msix *msix;         /* NULL: it has no MSI-X */
    struct pci_bridge *bridge; /* NULL: nothing is behind it */
    bool multifunction;        /* others may be in its slot */
};

/* Into an owner's zeroed struct. `name` is borrowed. `ids` NULL: pci_function_fields() says what it is. */
void pci_function_init(struct pci_function *function, const char *name, const struct pci_ids *ids);

/* All of configuration space by a table that is that of its state, too: the bytes at power-on, and the bits
 * that a guest changes, which are those that can be set and need not be. For a function without BARs and
 * capabilities. */
void pci_function_fields(struct pci_function *function, const struct state_table *table);

/* Before it is plugged. `bar` is copied. */
void pci_bar_add(struct pci_function *function, unsigned index, const struct pci_bar *bar);
/* Where the guest has put it, or PCI_UNMAPPED. With the PCI lock, or on the main thread while vCPUs are
 * paused. */
uint64_t pci_bar_address(const struct pci_function *function, unsigned index);

/* Add a capability, behind the others; before it is plugged. Returns its offset. The bytes are copied. There
 * is room for what is in 192 bytes. */
unsigned pci_capability_add(struct pci_function *function, const struct pci_capability *capability);

/* Little-endian numbers in configuration space, of 1, 2 or 4 bytes, whoever may write them. Before it is
 * plugged, or with the PCI lock. */
uint32_t pci_config_get(const struct pci_function *function, unsigned offset, unsigned width);
void pci_config_set(struct pci_function *function, unsigned offset, unsigned width, uint32_t value);
/* The same, also for what it is after a reset; and which bits a guest changes. */
void pci_config_at_power_on(struct pci_function *function, unsigned offset, unsigned width, uint32_t value);
void pci_config_writable(struct pci_function *function, unsigned offset, unsigned width, uint32_t bits);
void pci_config_clearing(struct pci_function *function, unsigned offset, unsigned width, uint32_t bits);

/* The guest's accesses, in its slot, of 1, 2 or 4 bytes aligned to their width. With the PCI lock. */
uint32_t pci_config_read(struct pci_function *function, unsigned offset, unsigned width);
void pci_config_write(struct pci_function *function, unsigned offset, unsigned width, uint32_t value);

/* Any thread: whether it may reach the guest's memory, as the guest says in the command registers of the
 * function and of what is above it. */
bool pci_may_master(const struct pci_function *function);

/* Any thread, and under no lock that a BAR's callbacks need under the PCI lock: its pin INTA#. The level
 * stays until it is set anew, or the function is reset. */
void pci_intx(struct pci_function *function, bool level);

/* As after power-on: no BAR is mapped, no interrupt is asked for, MSI-X is off. Main thread, vCPUs paused;
 * the type's reset calls it. */
void pci_function_reset(struct pci_function *function);
/* Configuration space is another's that was saved: what follows from it. The same. */
void pci_function_restored(struct pci_function *function);

#endif
