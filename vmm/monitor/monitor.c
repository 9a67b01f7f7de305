/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All monitors, and what they hang on.
 *
 * Threads: main thread only.
 */
#include "monitor/monitor.h"

#include <stdlib.h>

#include "base/config.h"
#include "machine/machine.h"
#include "monitor/hmp/hmp.h"
#include "monitor/session.h"

struct monitors *monitors_create(struct machine *machine, struct chardevs *chardevs)
{
    struct monitors *monitors = calloc(1, sizeof *monitors);

    if (!monitors)
        return NULL;
    *monitors = (struct monitors){ .machine = machine, .chardevs = chardevs };
    machine_set_event_sink(machine, monitors_event, monitors);
    return monitors;
}

void monitors_destroy(struct monitors *monitors)
{
    if (!monitors)
        return;
    machine_set_event_sink(monitors->machine, NULL, NULL);
    while (monitors->first) {
        struct monitor *monitor = monitors->first;

        monitors->first = monitor->next;
        editors_destroy(monitor->idle_editors);
        free(monitor);
    }
    free(monitors);
}

bool monitor_attach(struct monitors *monitors, const struct monitor_config *config, struct error *error)
{
    struct chardev *chardev = chardev_find(monitors->chardevs, config->chardev);
    struct monitor *monitor;

    if (!chardev)
        return error_set(error, "monitor: chardev '%s' not found", config->chardev);
    monitor = calloc(1, sizeof *monitor);
    if (!monitor)
        return error_set(error, "out of memory");
    *monitor = (struct monitor){ .monitors = monitors, .pretty = config->pretty };
    if (!chardev_attach(chardev, config->control ? &qmp_ops : &hmp_ops, monitor, error)) {
        free(monitor);
        return false;
    }
    monitor->next = monitors->first;
    monitors->first = monitor;
    return true;
}
