/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The place of a PCI device of -device and device_add: properties that all of them have, with QEMU's names.
 *
 * Threads: main thread only.
 */
#ifndef VMM_PCI_PLACE_H
#define VMM_PCI_PLACE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/props.h"
#include "pci/function.h"

/* In the values of a device type. */
struct pci_place {
    char *bus;  /* NULL: the root */
    char *addr; /* slot or slot.function, hexadecimal; NULL: the first free slot */
    bool multifunction;
    char *romfile; /* NULL or "": without a ROM, which no device has */
    uint32_t rombar;
};

/* Rows of its table of properties: `field` is a struct pci_place in struct `values`. */
#define PCI_PLACE_PROPERTIES(values, field) \
    PROPERTY_ROW(values, "bus", PROPERTY_STRING, field.bus, \
                 "PCI bus: pcie.0 (default), or the id of a pcie-root-port"), \
        PROPERTY_ROW( \
            values, "addr", PROPERTY_STRING, field.addr, \
            "slot or slot.function on the bus, hexadecimal, such as 0x3 or 3.1 (default: the first " \
            "free slot)"), \
        PROPERTY_ROW(values, "multifunction", PROPERTY_BOOL, field.multifunction, \
                     "other functions may be in its slot (default off)"), \
        PROPERTY_ROW(values, "romfile", PROPERTY_STRING, field.romfile, \
                     "'' (default): no device has an option ROM; Linux is booted directly"), \
        PROPERTY_ROW_RANGE(values, "rombar", PROPERTY_UINT32, field.rombar, \
                           "0 or 1, without effect: no device has an option ROM", NUMBER_RANGE(0, 1))

/* Check the values without a machine. False and an error: addr is malformed, or romfile names a file. */
bool pci_place_check(const struct pci_place *place, struct error *error);

/* Plug an initialized function, with `device.id` set, into its bus, where the guest finds it; `hot`: while
 * the guest runs: device_request_begin() follows when the device is complete. False and an error in QEMU's
 * words, with a way out: no such bus, no free slot, the place is occupied, or the bus does not permit it; the
 * function is unchanged. */
bool pci_function_plug(struct pci_function *function, struct board *board, const struct pci_place *place,
                       bool hot, struct error *error);
/* A place on a bus that nobody else can take. */
struct pci_reservation {
    struct pci_bus *bus; /* NULL: none */
    unsigned devfn;
};
/* Reserve the place of a function that will be plugged while the guest runs, with `name` and `device.id` set:
 * everything that pci_function_plug() would refuse now is refused. False and an error likewise. */
bool pci_place_reserve(const struct pci_function *function, struct board *board,
                       const struct pci_place *place, struct pci_reservation *reservation,
                       struct error *error);
/* The place is free again, such as for pci_function_plug(). Without effect if there is no reservation. */
void pci_place_release(struct pci_reservation *reservation);

/* Remove a function from its bus: when this returns, the guest does not find it, all accesses to it have
 * ended, and its pin has no effect. Does nothing for a function that is not plugged. Must not be called under
 * the PCI lock, or within an access. */
void pci_function_remove(struct pci_function *function);

/* The place of a function that is plugged; the strings are borrowed from it. */
void pci_place_describe(const struct pci_function *function, struct pci_place *place);
/* device_del: request the removal from the guest. Returns before the guest responds. False and an error: the
 * function is not behind a port with hot-plug, or the port refuses. */
bool pci_function_unplug(struct pci_function *function, struct error *error);
/* Whether pci_function_unplug() always refuses at the function's place. */
bool pci_function_stays(const struct pci_function *function);

#endif
