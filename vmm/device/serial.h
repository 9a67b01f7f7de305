/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A 16550A serial port (National Semiconductor PC16550D data sheet).
 *
 * What the guest sends goes into a ring and from there, on the main thread, to the character device; what
 * comes from the character device goes into the receive FIFO as fast as the guest takes it. The line is
 * infinitely fast: baud rates are stored and mean nothing.
 *
 * Threads: all state is under the machine lock. serial_attach() and what the character device calls run on
 * the main thread and take the lock themselves.
 */
#ifndef VMM_DEVICE_SERIAL_H
#define VMM_DEVICE_SERIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "chardev/chardev.h"
#include "device/ports.h"
#include "host/error.h"
#include "host/loop.h"

#define SERIAL_FIFO 16u
#define SERIAL_RING 4096u /* a power of two */

struct serial {
    struct ports *ports;
    struct loop *loop;
    void (*irq)(void *opaque, bool high);
    void *opaque;
    struct timer *timer;     /* main thread only: looks for more to send */
    struct channel *channel; /* main thread only; NULL: what the guest sends is dropped */

    /* registers, under the machine lock */
    uint8_t ier, fcr, lcr, mcr, scr, dll, dlm;
    bool transmit_interrupt; /* the transmitter ran empty and the guest has not been told yet */
    bool overrun;
    bool line; /* level of the interrupt line */

    uint8_t fifo[SERIAL_FIFO]; /* received, not yet read */
    uint32_t fifo_first, fifo_count;
    uint8_t ring[SERIAL_RING]; /* sent, not yet with the character device */
    uint32_t ring_first, ring_count;
    bool draining; /* the main thread is going to look into the ring */

    /* received from the character device, waiting for room in the FIFO */
    uint8_t waiting[CHANNEL_INPUT_MAX];
    uint32_t waiting_first, waiting_count;
    bool paused;        /* the channel is not read */
    struct work drain;  /* ring -> channel */
    struct work refill; /* the guest made room: let the channel read on */
};

void serial_init(struct serial *serial, struct ports *ports, uint16_t port, struct loop *loop,
                 void (*irq)(void *opaque, bool high), void *opaque);
void serial_reset(struct serial *serial); /* under the machine lock */
/* Main thread: no timer is left. */
void serial_stop(struct serial *serial);
bool serial_attach(struct serial *serial, struct chardev *chardev, struct error *error);

#endif
