/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Boards with the chips of each machine, for what is written from their types: ACPI tables and device tree.
 */
#ifndef TESTS_UNIT_CHIPS_H
#define TESTS_UNIT_CHIPS_H

#include <stdio.h>
#include <stdlib.h>

#include "base/config.h"
#include "device/device.h"
#include "layout/arm64.h"
#include "layout/x86.h"
#include "machine/chips.h"
#include "pci/bus.h"

/* Of all boards here; whoever writes tables of several nodes says so in it. */
static struct config chips_config;

static const struct pci_layout chips_x86_pci = { .ecam = X86_PCI_ECAM,
                                                 .buses = X86_PCI_BUSES,
                                                 .ports = true,
                                                 .low = { X86_PCI_LOW, X86_IOAPIC - 1 },
                                                 .movable = { X86_LOW_RAM_END, X86_IOAPIC - 1 },
                                                 .high = { UINT64_C(9) << 30, (UINT64_C(256) << 30) - 1 },
                                                 .gsi = X86_GSI_PCI };
static const struct pci_layout chips_arm64_pci = { .ecam = UINT64_C(8) << 30,
                                                   .buses = ARM64_PCI_BUSES,
                                                   .io = ARM64_PCI_IO,
                                                   .low = { ARM64_PCI_LOW, ARM64_PCI_IO - 1 },
                                                   .high = { UINT64_C(9) << 30, (UINT64_C(256) << 30) - 1 },
                                                   .gsi = ARM64_GSI_PCI };

static void make_board(struct board *board, struct bus *bus, const struct pci_layout *pci)
{
    static const struct vm vm;
    static struct machine_lock lock;

    bus_init(bus);
    machine_lock_init(&lock);
    *board =
        (struct board){ .vm = &vm, .bus = bus, .lock = &lock, .config = &chips_config, .pci_layout = pci };
}

static const struct board *board_or_exit(struct board *board, bool built, const struct error *error)
{
    if (built)
        return board;
    fprintf(stderr, "%s\n", error->text);
    exit(1);
}

static inline const struct board *x86_board(bool ged)
{
    static struct board boards[2];
    static struct bus buses[2];
    struct error error;

    if (boards[ged].devices)
        return &boards[ged];
    make_board(&boards[ged], &buses[ged], &chips_x86_pci);
    return board_or_exit(&boards[ged], x86_chips_build(&boards[ged], ged, &error), &error);
}

static inline const struct board *arm64_board(void)
{
    static struct board board;
    static struct bus bus;
    struct error error;

    if (board.devices)
        return &board;
    make_board(&board, &bus, &chips_arm64_pci);
    return board_or_exit(&board, arm64_chips_build(&board, &error), &error);
}

#endif
