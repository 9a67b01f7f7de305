/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The slot of a port, as its registers have it: what is in it, indicators and power, and what the guest is to
 * be told. It knows nothing of devices.
 *
 * Threads: under the PCI lock.
 */
#ifndef VMM_PCI_SLOT_H
#define VMM_PCI_SLOT_H

#include <stdbool.h>
#include <stdint.h>

struct pci_function;

/* What follows from what the guest has written. */
enum slot_answer {
    SLOT_NOTHING,
    SLOT_POWERED_OFF, /* what is in it is to go */
    SLOT_REFUSED,     /* it was asked to go, and is kept */
};

struct pci_slot {
    struct pci_function *port;
    unsigned express; /* offset of the port's PCI Express capability */
    uint32_t control; /* of Slot Control, as it was before a write */
    bool occupied;
    bool asked;    /* by slot_press(); until it is empty or refused */
    bool blinking; /* the guest has begun to let go */
    bool raised;   /* the guest is being told */
};

/* Add the capability to a port, which has no other yet. */
void slot_init(struct pci_slot *slot, struct pci_function *port, uint8_t number, uint32_t slot_number,
               bool hot, void (*written)(struct pci_function *port, unsigned offset, unsigned width));
/* As after power-on; after the port's registers. */
void slot_reset(struct pci_slot *slot);
/* Something has come, or all has gone; `tell` the guest. */
void slot_fill(struct pci_slot *slot, bool occupied, bool tell);
/* Press the attention button. */
void slot_press(struct pci_slot *slot);
/* The guest is busy with it: its power indicator blinks. */
bool slot_is_busy(const struct pci_slot *slot);
bool slot_has_power(const struct pci_slot *slot);
/* The guest has pressed nothing away yet: the button is still down. */
bool slot_is_pressed(const struct pci_slot *slot);
/* A part of the capability has been written. */
enum slot_answer slot_written(struct pci_slot *slot, unsigned offset, unsigned width);

#endif
