/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by msix.c, which is MSI-X at work, and msix_saved.c, its saved form. */
#ifndef VMM_PCI_MSIX_STATE_H
#define VMM_PCI_MSIX_STATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "kvm/interrupts.h"
#include "pci/function.h"
#include "pci/msix.h"

/* The capability (6.8.2.3) */
#define CAPABILITY_LENGTH 12u
#define CONTROL 2u
#define CONTROL_MASK_ALL 0x4000u
#define CONTROL_ENABLE 0x8000u
#define TABLE_AT 4u
#define PENDING_AT 8u

/* An entry of the table (6.8.2.6 to 6.8.2.9) */
#define ENTRY_SIZE 16u
#define ENTRY_ADDRESS 0u
#define ENTRY_DATA 8u
#define ENTRY_CONTROL 12u
#define ENTRY_MASKED 0x1u

/* As QEMU divides a BAR that is MSI-X's alone. */
#define BAR_SIZE_MIN 0x1000u

struct msix_vector {
    uint8_t entry[ENTRY_SIZE]; /* as the guest reads it */
    unsigned gsi;              /* the machine's, for the route of its message */
    int fd;                    /* -1: none */
    bool wired;                /* what is written to fd is sent */
    bool pending;              /* of msix_notify() */
};

struct msix {
    struct pci_function *function;
    const struct vm *vm;
    pthread_mutex_t lock;
    unsigned capability; /* its offset in configuration space */
    unsigned count;
    unsigned pending_at; /* in the BAR */
    bool mask_all;
    atomic_bool enabled; /* changed under the lock */
    bool warned;         /* that an interrupt could not be wired */
    /* For all routes in one call. */
    struct vm_msi *messages;
    struct vm_msi_route *routes;
    struct msix_vector vectors[];
};

/* Whether a vector's pending bit is set. Under the lock. */
bool msix_is_pending(const struct msix_vector *vector);
/* Do as the capability's control says; what is pending and heard now is sent. Under the PCI lock. */
void msix_follow(struct pci_function *function);

#endif
