/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What QMP and HMP share of monitors and their sessions. Main thread only.
 */
#ifndef VMM_MONITOR_SESSION_H
#define VMM_MONITOR_SESSION_H

#include <stdbool.h>

#include "chardev/chardev.h"
#include "monitor/monitor.h"

struct json_object;

struct monitor;
struct qmp_session;

struct monitors {
    struct machine *machine;
    struct chardevs *chardevs;
    struct monitor *first;
    struct qmp_session *qmp_sessions;
};

/* One -mon: a user of a chardev. */
struct monitor {
    struct monitors *monitors;
    struct monitor *next;
    bool pretty;
    struct editor *idle_editors;
};

extern const struct chardev_user_ops qmp_ops, hmp_ops;

/* {"qemu": {...}, "package": ...}, for the greeting and query-version. */
struct json_object *monitor_version(void);

/* Send an event, which is borrowed, to all QMP sessions past their negotiation. */
void qmp_sessions_event(struct monitors *monitors, struct json_object *event);

#endif
