/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * QEMU's qtest protocol (docs/testing.md): under -accel qtest no vCPU runs, and a test program on a chardev
 * acts as the guest: it accesses ports and memory, and is notified of interrupts.
 *
 * Threads: main thread only. Accesses take the locks of devices like those of a vCPU.
 */
#ifndef VMM_QTEST_QTEST_H
#define VMM_QTEST_QTEST_H

#include <stdbool.h>

#include "base/error.h"

struct chardev;
struct loop;
struct machine;
struct qtest;

/* Serve the protocol to each client of a chardev, and watch the machine's interrupts. `log`: file for a copy
 * of all lines, which is truncated; NULL or "none": none. NULL and an error: the log cannot be opened, the
 * chardev is in use, or out of memory. */
struct qtest *qtest_create(struct machine *machine, struct loop *loop, struct chardev *chardev,
                           const char *log, struct error *error);
/* Free it, after chardevs_destroy(), which has closed its connections. NULL is permitted. */
void qtest_destroy(struct qtest *qtest);

#endif
