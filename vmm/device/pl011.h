/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A PL011 serial port (Arm DDI 0183, r1p5), the usual one of arm64 machines. Baud rates are stored and mean
 * nothing; there is no DMA and no modem.
 *
 * Threads: all state is under the line's lock; see device/line.h.
 */
#ifndef VMM_DEVICE_PL011_H
#define VMM_DEVICE_PL011_H

#include <stdbool.h>
#include <stdint.h>

#include "device/line.h"

struct pl011 {
    struct line line;
    const struct vm *vm;
    unsigned gsi;

    /* registers, under the line's lock */
    uint16_t lcr_h, ibrd, fbrd, ifls, control;
    uint16_t mask;    /* interrupts that are let through */
    uint16_t latched; /* interrupts that happened and were not cleared */
    uint16_t dma;     /* stored only */
    bool level;       /* of the interrupt line */
};

/* `address`: of its registers; `gsi`: its interrupt. */
void pl011_init(struct pl011 *pl011, const struct board *board, uint64_t address, unsigned gsi);
void pl011_reset(struct pl011 *pl011); /* takes the lock */

#endif
