/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scripts of -netdev tap: one that brings the interface up before the guest starts, and one that takes it
 * down at the end of the back end. Each gets the interface's name as its only argument. Names and defaults
 * are QEMU's.
 *
 * Threads: main thread only.
 */
#ifndef VMM_NET_TAP_SCRIPTS_H
#define VMM_NET_TAP_SCRIPTS_H

#include <stdbool.h>

#include "base/error.h"

struct net_backend;
struct net_backends;

#define TAP_SCRIPT_UP "/etc/qemu-ifup"
#define TAP_SCRIPT_DOWN "/etc/qemu-ifdown"

/* script= and downscript=; NULL if they are not given: then the default, if there is such a file and the
 * back end exists from the start. Borrowed. */
struct tap_scripts {
    const char *up, *down;
};

/* False and an error: they cannot be given with `opened`, the property of an interface that is open already
 * (NULL: it is not). */
bool tap_scripts_check(struct tap_scripts scripts, const char *opened, struct error *error);
/* False and an error: netdev_add created the back end, and a script was given; the sandbox is closed, and
 * there are other threads. */
bool tap_scripts_may(const struct net_backend *backend, struct tap_scripts scripts, struct error *error);
/* Run the first for the interface `name`, and prepare the second; `fd` is a descriptor of the interface. Adds
 * to the back end's description. False and an error: it cannot be run, or failed. */
bool tap_scripts_run(struct net_backend *backend, struct tap_scripts scripts, const char *name, int fd,
                     struct error *error);
/* The back end ends: run the second, if there is one. Does not wait; a failure is reported as a message. */
void tap_scripts_close(struct net_backend *backend);
/* Before `backends` is freed: wait for the ends of all that run, each at most half a minute. */
void tap_scripts_end(struct net_backends *backends);

#endif
