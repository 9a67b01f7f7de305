/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt pins (2.2.6; PCI-to-PCI Bridge Architecture Specification 1.2, 9.1): each function has INTA# at
 * most, slots and bridges turn the pins, and the root's four lines are interrupts of the machine.
 */
#include "device/board.h"
#include "pci/bus.h"

unsigned pci_intx_line(const struct pci_function *function)
{
    unsigned pin = PCI_SLOT(function->devfn);

    for (const struct pci_bridge *above = function->bus->bridge; above; above = above->function->bus->bridge)
        pin += PCI_SLOT(above->function->devfn);
    return pin % PCI_PINS;
}

/* One of the two has changed. */
static void change_pin(struct pci_function *function, bool *which, bool value)
{
    struct pci_host *host = function->bus->host;
    const unsigned line = pci_intx_line(function);
    bool before, after;

    pthread_mutex_lock(&host->interrupt);
    if (function->removed) {
        pthread_mutex_unlock(&host->interrupt);
        return;
    }
    before = function->intx && !function->intx_disabled;
    *which = value;
    after = function->intx && !function->intx_disabled;
    if (before && !after && --host->asserted[line] == 0)
        vm_irq_line(host->device.board->vm, host->layout.gsi + line, false);
    else if (!before && after && host->asserted[line]++ == 0)
        vm_irq_line(host->device.board->vm, host->layout.gsi + line, true);
    pthread_mutex_unlock(&host->interrupt);
}

void pci_intx(struct pci_function *function, bool level)
{
    change_pin(function, &function->intx, level);
}

void pci_intx_remove(struct pci_function *function)
{
    struct pci_host *host = function->bus->host;

    pci_intx(function, false);
    pthread_mutex_lock(&host->interrupt);
    function->removed = true;
    pthread_mutex_unlock(&host->interrupt);
}

bool pci_intx_level(const struct pci_function *function)
{
    struct pci_host *host = function->bus->host;
    bool level;

    pthread_mutex_lock(&host->interrupt);
    level = function->intx;
    pthread_mutex_unlock(&host->interrupt);
    return level;
}

void pci_intx_disable(struct pci_function *function, bool disabled)
{
    change_pin(function, &function->intx_disabled, disabled);
}
