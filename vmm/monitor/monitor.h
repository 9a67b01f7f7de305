/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Monitors: the interfaces of the machine for people (HMP) and programs (QMP), over character devices.
 *
 * Threads: main thread only. Nothing here blocks.
 */
#ifndef VMM_MONITOR_MONITOR_H
#define VMM_MONITOR_MONITOR_H

#include <stdbool.h>

#include "base/error.h"

struct chardevs;
struct event;
struct machine;
struct monitor_config;
struct monitors;

/* The QEMU version that QMP reports: the one whose interface is implemented. Clients choose their commands by
 * it. */
#define MONITOR_QEMU_MAJOR 7
#define MONITOR_QEMU_MINOR 2
#define MONITOR_QEMU_MICRO 0
#define MONITOR_PACKAGE "hotram " HOTRAM_VERSION /* the version is meson.build's, as everywhere */

/* Create the set of all monitors, which becomes the machine's event sink. NULL: out of memory. */
struct monitors *monitors_create(struct machine *machine, struct chardevs *chardevs);
/* Called after chardevs_destroy(), which ends the sessions, and before machine_destroy(). */
void monitors_destroy(struct monitors *monitors);

/* Attach a monitor to its chardev: QMP if config->control, otherwise HMP. Sessions begin with
 * chardev_start(). False and an error: there is no such chardev, it has another user, or out of memory. */
bool monitor_attach(struct monitors *monitors, const struct monitor_config *config, struct error *error);

/* Send an event to all QMP sessions past their negotiation: an event_sink. */
void monitors_event(void *monitors, const struct event *event);

#endif
