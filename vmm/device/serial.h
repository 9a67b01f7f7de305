/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A 16550A serial port (National Semiconductor PC16550D data sheet).
 *
 * Baud rates are stored and mean nothing.
 *
 * Threads: all state is under the line's lock; see device/line.h.
 */
#ifndef VMM_DEVICE_SERIAL_H
#define VMM_DEVICE_SERIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "device/line.h"

struct serial {
    struct line line;
    const struct vm *vm;
    unsigned gsi;

    /* registers, under the line's lock */
    uint8_t ier, fcr, lcr, mcr, scr, dll, dlm;
    bool transmit_interrupt; /* the transmitter ran empty and the guest has not been told yet */
    bool level;              /* of the interrupt line */
};

/* `port`: of its registers; `gsi`: its interrupt. */
void serial_init(struct serial *serial, const struct board *board, uint16_t port, unsigned gsi);
void serial_reset(struct serial *serial); /* takes the lock */

#endif
