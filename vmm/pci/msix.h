/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MSI-X (PCI Local Bus Specification 3.0, 6.8.2): a table of messages and one of pending bits, in a BAR of
 * their own.
 *
 * A device that has an eventfd for a vector writes that, on any thread, whether the guest hears of it or not:
 * while the vector is unmasked, the kernel sends its message; otherwise the eventfd keeps it, which is the
 * vector's pending bit.
 *
 * Threads: a lock of its own guards tables and state; it is that of its BAR, so it comes below the PCI lock.
 */
#ifndef VMM_PCI_MSIX_H
#define VMM_PCI_MSIX_H

#include <stdbool.h>

#include "base/error.h"

struct pci_function;

#define MSIX_VECTORS_MAX 2048u

/* Give a function so many vectors, 1 to MSIX_VECTORS_MAX, with their tables in BAR `bar`. After
 * pci_function_init(), with device.board set, before it is plugged. False: memory or interrupts of the
 * machine are short; nothing has changed. */
bool msix_init(struct pci_function *function, unsigned bar, unsigned vectors, struct error *error);
/* The end. The function is not plugged, or has been removed. For one without MSI-X it does nothing. */
void msix_end(struct pci_function *function);

/* An eventfd for a vector, which stays the device's and open until msix_end(). Before the function is
 * plugged. False: there is no such vector. */
bool msix_fd(struct pci_function *function, unsigned vector, int fd);
/* Any thread: send the message of a vector, with an eventfd or without, or note that it is pending. Without
 * effect while MSI-X is off, and for a vector that there is not. */
void msix_notify(struct pci_function *function, unsigned vector);
/* Any thread: the guest has MSI-X on, and does not look at the pin. */
bool msix_enabled(const struct pci_function *function);

/* For pci_function_reset(): off, all vectors masked, nothing pending. */
void msix_reset(struct pci_function *function);

#endif
