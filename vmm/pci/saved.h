/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The saved form of PCI functions: configuration space, the pin, MSI-X. BARs follow from configuration space.
 *
 * Threads: main thread, vCPUs paused.
 */
#ifndef VMM_PCI_SAVED_H
#define VMM_PCI_SAVED_H

#include "device/device.h"
#include "pci/function.h"

struct pci_function_state {
    uint8_t config[PCI_CONFIG_SIZE];
    uint8_t pin; /* the device asserts it */
};

/* Vectors of a part; the part after the last of them is zeros. */
#define MSIX_STATE_VECTORS 32u
struct msix_state {
    uint32_t entries[MSIX_STATE_VECTORS * 4];
    uint8_t pending[MSIX_STATE_VECTORS];
};

extern const struct state_table pci_function_state_table, msix_state_table;

/* For the functions of the same names in struct device_type. What a guest cannot change has to be as it is
 * here, which is checked. After the states of all devices have been restored, their restored() calls
 * pci_function_continue(): BARs are mapped, interrupts that are pending and can be heard are sent. */
void pci_function_save(struct pci_function *function, struct hotram_buffer *out);
bool pci_function_restore(struct pci_function *function, bool check, struct hotram_saved *saved,
                          struct error *error);
void pci_function_continue(struct pci_function *function);
/* The tables of these parts: 0 and 1. */
const struct state_table *pci_function_part(unsigned index);
#define PCI_FUNCTION_PARTS 2u
/* " at BUS ADDR, N vectors" */
void pci_function_summary(const struct pci_function *function, struct text *text);

/* ---- msix_saved.c, for these ---- */

void msix_save(struct pci_function *function, struct hotram_buffer *out);
bool msix_restore(struct pci_function *function, bool check, struct hotram_saved *saved, struct error *error);

#endif
