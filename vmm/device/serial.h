/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A 16550A serial port (National Semiconductor PC16550D data sheet).
 *
 * Baud rates are stored but have no effect.
 *
 * Threads: the line's lock protects all state; see device/line.h.
 */
#ifndef VMM_DEVICE_SERIAL_H
#define VMM_DEVICE_SERIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "device/device.h"
#include "device/line.h"

struct serial_state {
    struct line_state line;
    uint8_t ier, fcr, lcr, mcr, scr, dll, dlm;
    bool transmit_interrupt; /* the transmitter became empty; until the guest reads IIR or writes a byte */
};
extern const struct state_table serial_state_table;
extern const struct device_type serial_type;

struct serial {
    struct device device; /* first */
    struct line line;
    const struct vm *vm;
    uint16_t port;
    unsigned gsi;

    /* under the line's lock */
    struct serial_state state;
    bool level; /* of the interrupt line: follows from the state */
};

/* `port`: of its registers; `gsi`: its interrupt. */
void serial_init(struct serial *serial, const struct board *board, uint16_t port, unsigned gsi);
/* They take the lock. */
void serial_reset(struct serial *serial);
void serial_restored(struct serial *serial); /* after the state was restored */

#endif
