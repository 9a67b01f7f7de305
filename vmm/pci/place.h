/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a PCI device of -device and device_add is: properties that all of them have, in QEMU's words.
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

/* What can be said before there is a machine: whether addr is one, and that there are no ROMs. */
bool pci_place_check(const struct pci_place *place, struct error *error);

/* Put an initialized function on its bus, where the guest finds it from now on: at the start, or hot. The
 * errors are QEMU's, with ways out; the function is as it was then. With `device.id` set. */
bool pci_function_plug(struct pci_function *function, struct board *board, const struct pci_place *place,
                       bool hot, struct error *error);
/* Take it away: the guest does not find it any more, and no thread is in an access to it. What it still says
 * by its pin is not heard. For one that is not plugged, or no more, it does nothing. */
void pci_function_remove(struct pci_function *function);

/* The values of one that is plugged; the strings are the function's. */
void pci_place_describe(const struct pci_function *function, struct pci_place *place);
/* device_del: ask the guest for it, if it is behind a port that can be asked. */
bool pci_function_unplug(struct pci_function *function, struct error *error);
/* Whether that always refuses, for where the function is. */
bool pci_function_stays(const struct pci_function *function);

#endif
