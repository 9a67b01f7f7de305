/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * QEMU's qtest protocol (docs/testing.md): under -accel qtest no vCPU runs, and a test program on a chardev
 * plays the guest. It reads and writes ports and memory and is told of interrupts.
 *
 * Threads: main thread only. Accesses take the machine lock as a vCPU's do.
 */
#ifndef VMM_QTEST_QTEST_H
#define VMM_QTEST_QTEST_H

#include <stdbool.h>

#include "base/error.h"

struct chardev;
struct loop;
struct machine;
struct qtest;

/* Serve the protocol to each client of a chardev. */
struct qtest *qtest_create(struct machine *machine, struct loop *loop, struct chardev *chardev,
                           const char *log, struct error *error);
/* After chardevs_destroy(). */
void qtest_destroy(struct qtest *qtest);

#endif
