/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A PL011 serial port (Arm DDI 0183, r1p5), the usual one of arm64 machines. Baud rates are stored but have
 * no effect; there is no DMA, and there are no modem signals.
 *
 * Threads: the line's lock protects all state; see device/line.h.
 */
#ifndef VMM_DEVICE_PL011_H
#define VMM_DEVICE_PL011_H

#include <stdbool.h>
#include <stdint.h>

#include "device/device.h"
#include "device/line.h"

/* Its name in ACPI tables. */
#define PL011_ACPI_PATH "\\_SB.COM0"

struct pl011_state {
    struct line_state line;
    uint16_t lcr_h, ibrd, fbrd, ifls, control;
    uint16_t mask;    /* interrupts that are let through */
    uint16_t latched; /* interrupts that happened and were not cleared */
    uint16_t dma;     /* stored only */
};
extern const struct state_table pl011_state_table;
extern const struct device_type pl011_type;

struct pl011 {
    struct device device; /* first */
    struct line line;
    const struct vm *vm;
    uint64_t address;
    unsigned gsi;

    /* under the line's lock */
    struct pl011_state state;
    bool level; /* of the interrupt line: follows from the state */
};

/* `address`: of its registers; `gsi`: its interrupt. */
void pl011_init(struct pl011 *pl011, const struct board *board, uint64_t address, unsigned gsi);
/* They take the lock. */
void pl011_reset(struct pl011 *pl011);
void pl011_restored(struct pl011 *pl011); /* after the state was restored */

#endif
