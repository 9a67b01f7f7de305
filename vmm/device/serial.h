/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A 16550A serial port (National Semiconductor PC16550D data sheet).
 *
 * Baud rates are stored and mean nothing.
 *
 * Threads: all state is under the machine lock; see device/line.h.
 */
#ifndef VMM_DEVICE_SERIAL_H
#define VMM_DEVICE_SERIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "device/line.h"

struct serial {
    struct line line;
    void (*irq)(void *opaque, bool high);
    void *opaque;

    /* registers, under the machine lock */
    uint8_t ier, fcr, lcr, mcr, scr, dll, dlm;
    bool transmit_interrupt; /* the transmitter ran empty and the guest has not been told yet */
    bool level;              /* of the interrupt line */
};

void serial_init(struct serial *serial, struct ports *ports, uint16_t port, struct loop *loop,
                 void (*irq)(void *opaque, bool high), void *opaque);
void serial_reset(struct serial *serial); /* under the machine lock */

#endif
