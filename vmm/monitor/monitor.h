/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Monitors: how people (HMP) and programs (QMP) speak with the machine, over character devices.
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

/* QMP speaks of the QEMU version whose interface this is; clients decide by it what they may ask for. */
#define MONITOR_QEMU_MAJOR 7
#define MONITOR_QEMU_MINOR 2
#define MONITOR_QEMU_MICRO 0
#define MONITOR_PACKAGE "hotram " HOTRAM_VERSION /* the version is meson.build's, as everywhere */

/* All monitors. Becomes the machine's event sink. NULL: out of memory. */
struct monitors *monitors_create(struct machine *machine, struct chardevs *chardevs);
/* After chardevs_destroy(), which ends the sessions, and before machine_destroy(). */
void monitors_destroy(struct monitors *monitors);

/* Put a monitor on its chardev: QMP when config->control, else HMP. Sessions begin with chardev_start(). */
bool monitor_attach(struct monitors *monitors, const struct monitor_config *config, struct error *error);

/* Send an event to all QMP sessions past their negotiation: an event_sink. */
void monitors_event(void *monitors, const struct event *event);

#endif
