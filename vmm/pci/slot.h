/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The registers of a port's slot: presence, indicators and power, and its events (PCI Express Base
 * Specification 5.0, 6.7 and 7.5.3). It is independent of the devices in it.
 *
 * Threads: all functions run under the PCI lock, or while vCPUs are paused.
 */
#ifndef VMM_PCI_SLOT_H
#define VMM_PCI_SLOT_H

#include <stdbool.h>
#include <stdint.h>

struct pci_function;

/* The meaning of a write by the guest. */
enum slot_answer {
    SLOT_NOTHING,
    SLOT_POWERED_OFF, /* the devices in the slot are to be removed */
    SLOT_REFUSED,     /* the guest keeps the devices whose removal was requested */
    SLOT_TAKEN,       /* the guest uses the devices: slot_is_on() */
};

struct pci_slot {
    struct pci_function *port;
    unsigned express; /* offset of the port's PCI Express capability */
    uint32_t control; /* Slot Control before the last write */
    bool occupied;
    bool asked;    /* slot_press() was called; until the slot is empty, or the guest has refused */
    bool blinking; /* the guest has begun to remove the devices */
    bool raised;   /* the interrupt is asserted */
};

/* Add the PCI Express capability to a port. `number` is the port's, `slot_number` that of the slot; `hot`: it
 * is hot-plug capable. `written` is the capability's callback. */
void slot_init(struct pci_slot *slot, struct pci_function *port, uint8_t number, uint32_t slot_number,
               bool hot, void (*written)(struct pci_function *port, unsigned offset, unsigned width));
/* Set the slot to its state after power-on; after the reset of the port's registers. */
void slot_reset(struct pci_slot *slot);
/* The slot has been occupied, or emptied. `tell`: raise its events; otherwise it is reset. */
void slot_fill(struct pci_slot *slot, bool occupied, bool tell);
/* Press the attention button: request the removal from the guest. */
void slot_press(struct pci_slot *slot);
/* Withdraw a request by slot_press(). A guest that has begun to remove the devices finds the button pressed
 * again, by which it cancels the removal, within some seconds (6.7.1.5). */
void slot_withdraw(struct pci_slot *slot);
/* Whether the power indicator blinks: the guest is adding or removing devices. */
bool slot_is_busy(const struct pci_slot *slot);
bool slot_has_power(const struct pci_slot *slot);
/* Whether the slot has power and its power indicator is on: drivers turn it on when they use the devices. */
bool slot_is_on(const struct pci_slot *slot);
/* Whether the guest has not acknowledged what the slot's last events told it. */
bool slot_is_unheard(const struct pci_slot *slot);
/* Whether a press by slot_press() has not been acknowledged by the guest. */
bool slot_is_pressed(const struct pci_slot *slot);
/* Called by `written`: returns what the guest's write means. */
enum slot_answer slot_written(struct pci_slot *slot, unsigned offset, unsigned width);

#endif
