/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vmgenid: a number that tells the guest which copy of itself it is ("Virtual Machine Generation ID",
 * Microsoft, 2012). A guest that continues from a snapshot gets another one and an ACPI notification, so that
 * its kernel does not give out the random numbers that other copies give out, too.
 *
 * The id is 16 bytes of memory at a place of the machine's own, a KVM slot that the guest can only read. The
 * notification is the interrupt of a Generic Event Device that serves nothing else, so it is the same with
 * and without fixed ACPI hardware.
 *
 * Threads: the main thread writes the id and raises the interrupt, while no vCPU runs.
 */
#ifndef VMM_DEVICE_VMGENID_H
#define VMM_DEVICE_VMGENID_H

#include "base/uuid.h"
#include "device/device.h"

struct vmgenid_state {
    uint8_t id[UUID_SIZE]; /* in the order of its text; saved, so that a restore sees whether it is another */
};
extern const struct state_table vmgenid_state_table;
extern const struct device_type vmgenid_type;

/* The machine's id as text. False: it has no such device. */
bool vmgenid_text(const struct board *board, char text[UUID_TEXT_SIZE]);

#endif
