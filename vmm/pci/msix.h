/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MSI-X (PCI Local Bus Specification 3.0, 6.8.2): a table of messages, and the pending bit array, in a BAR of
 * their own.
 *
 * A device that has an eventfd for a vector writes it on any thread, whether or not the vector is masked:
 * while it is unmasked, the kernel sends its message; otherwise the count of the eventfd is the vector's
 * pending bit.
 *
 * Threads: a lock of its own, which is that of the BAR, protects tables and state; it is below the PCI lock.
 */
#ifndef VMM_PCI_MSIX_H
#define VMM_PCI_MSIX_H

#include <stdbool.h>

#include "base/error.h"

struct pci_function;

#define MSIX_VECTORS_MAX 2048u

/* Add MSI-X with that number of vectors, 1 to MSIX_VECTORS_MAX, and with its tables in BAR `bar`. After
 * pci_function_init(), with device.board set, before the function is plugged. False and an error: out of
 * memory or GSIs; nothing has changed. */
bool msix_init(struct pci_function *function, unsigned bar, unsigned vectors, struct error *error);
/* Free it, for a function that is not plugged, or has been removed. Has no effect without MSI-X. */
void msix_end(struct pci_function *function);

/* Set the eventfd of a vector, which the device owns and keeps open until msix_end(). Before the function is
 * plugged; it must have MSI-X. False: there is no such vector. */
bool msix_fd(struct pci_function *function, unsigned vector, int fd);
/* Send the message of a vector, or set its pending bit while it is masked. Has no effect while MSI-X is
 * disabled, without MSI-X, and for a vector that does not exist. Any thread. */
void msix_notify(struct pci_function *function, unsigned vector);
/* Whether the guest has enabled MSI-X, and therefore does not use the pin. Any thread. */
bool msix_enabled(const struct pci_function *function);

/* For pci_function_reset(): disable MSI-X, mask all vectors, and clear pending bits. */
void msix_reset(struct pci_function *function);

#endif
