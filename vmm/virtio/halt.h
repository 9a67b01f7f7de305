/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Halting is one state machine for all purposes, and no thread waits for the host:
 *
 *     handling -> halting, and busy while the host works on requests -> drained -> stopped, or paused
 *
 * A pause (the guest is paused: stop, the machine's reset, the program's end) and a stop (the driver resets
 * the device, or the device leaves) each begin with a call on the I/O thread, which returns at once: no queue
 * is handled afterwards. Both may be in progress at the same time. A stop ends with stopped queues, also
 * while the guest is paused; a guest that continues ends a pause, even one that is not drained, but not a
 * stop. If the host has no requests, everything is complete when the call returns. Otherwise the device is
 * `busy`: its requests end as usual, each is pushed, and after the last one the I/O thread posts `drained` to
 * the main loop, where a driver's reset is completed, and board_drained() lets the machine continue.
 *
 * The thread of a device of its own (`own_thread`) may be waiting for another program. Nobody waits for it
 * then: a pause, the end of one, and a stop of a device that its driver has started are posted to it, and the
 * device is `busy` until it has carried out what was `asked`. Only a start, a reset of a device that no
 * driver has started, and what follows a drained device (the machine's reset, removal) wait for it.
 *
 * A driver's reset waits for a moment, RESET_MS: that of EDK2 does not read the status until it is 0,
 * as 4.1.4.3.2 requires, but begins anew at once (SNP's Shutdown and Initialize). A back end that is well
 * answers within that.
 *
 * During a driver's reset the status reads as before until it is complete (2.4.1, 4.1.4.3.2), and writes to
 * registers are ignored (`resetting`).
 */
#ifndef VMM_VIRTIO_HALT_H
#define VMM_VIRTIO_HALT_H

#include "virtio/device.h"

/* Main thread, while the device is being created. */
void virtio_halt_init(struct virtio_device *device);
void virtio_halt_end(struct virtio_device *device);
/* The driver has written 0 to the status, which resets the device. Under the lock, on a vCPU or the main
 * thread. */
void virtio_device_begin_reset(struct virtio_device *device);
/* It ends as soon as nothing is at the host: from then on, although it may not have ended. Likewise; no
 * effect before. */
void virtio_device_end_reset(struct virtio_device *device);
/* Halt, and stop the queues, at once or, if the device is then busy, as soon as it is drained. Any thread
 * except the I/O thread. */
void virtio_device_stop(struct virtio_device *device);
/* The same without waiting for a thread that may wait for another program: the device is busy until then. */
void virtio_device_begin_stop(struct virtio_device *device);
/* Whether the device is halting while the host works on requests, or is to halt. Any thread. */
bool virtio_device_busy(const struct virtio_device *device);

#endif
