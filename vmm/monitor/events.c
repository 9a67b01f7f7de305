/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events: what happens to the machine, told to all QMP sessions at once.
 *
 * Threads: main thread only.
 */
#include <time.h>

#include "base/result.h"
#include "monitor/session.h"

static struct json_object *timestamp(void)
{
    struct json_object *object = json_new_object();
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    add_number(object, "seconds", (uint64_t)now.tv_sec);
    add_number(object, "microseconds", (uint64_t)now.tv_nsec / 1000);
    return object;
}

void monitors_event(void *opaque, const char *name, struct json_object *data)
{
    struct monitors *monitors = opaque;
    struct json_object *event = json_new_object();

    json_add(event, "timestamp", timestamp());
    add_string(event, "event", name);
    if (data)
        json_add(event, "data", data);
    qmp_sessions_event(monitors, event);
    json_object_put(event);
}
