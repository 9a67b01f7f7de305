/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All events, for query-qmp-schema. An event that is not here is not sent: see monitors_event().
 */
#include "monitor/schema.h"

#define MEMBER(name, type) \
    { \
        name, json_type_##type, false \
    }
#define MAYBE(name, type) \
    { \
        name, json_type_##type, true \
    }
#define END \
    { \
        NULL, json_type_null, false \
    }

static const struct command_argument cause[] = { MEMBER("guest", boolean), MEMBER("reason", string), END };
static const struct command_argument ost[] = { MEMBER("info", object), END };
static const struct command_argument device[] = { MAYBE("device", string), MEMBER("path", string), END };
static const struct command_argument failure[] = {
    MEMBER("recipient", string),
    MEMBER("action", string),
    MEMBER("flags", object),
    MAYBE("id", string),
    MAYBE("mem-path", string),
    MEMBER("reason", string),
    END,
};
static const struct command_argument prealloc[] = { MEMBER("id", string), MEMBER("done", int),
                                                    MEMBER("size", int), END };
static const struct command_argument operation[] = {
    MEMBER("id", int),
    MAYBE("device", string),
    MEMBER("slot", int),
    MEMBER("size", int),
    MEMBER("operation", string),
    MEMBER("result", string),
    MAYBE("reason", string),
    MAYBE("warning", string),
    MAYBE("ost", object),
    MEMBER("milliseconds", int),
    MEMBER("deadline", int),
    MAYBE("late", boolean),
    END,
};
static const struct command_argument set[] = {
    MEMBER("asked", int),  MAYBE("node", int),          MEMBER("present", int),  MEMBER("reached", int),
    MEMBER("plan", array), MEMBER("operations", array), MAYBE("reason", string), END,
};

static const struct event_type types[] = {
    { "ACPI_DEVICE_OST", ost },
    { "DEVICE_DELETED", device },
    { "DEVICE_UNPLUG_GUEST_ERROR", device },
    { "MEMORY_FAILURE", failure },
    { "MEMORY_OPERATION_DONE", operation },
    { "MEMORY_OPERATION_LATE", operation },
    { "MEMORY_OPERATION_STARTED", operation },
    { "MEMORY_PREALLOC", prealloc },
    { "MEMORY_SET_DONE", set },
    { "POWERDOWN", NULL },
    { "RESET", cause },
    { "RESUME", NULL },
    { "SHUTDOWN", cause },
    { "STOP", NULL },
};

const struct event_type *event_type_at(size_t index)
{
    return index < sizeof types / sizeof types[0] ? &types[index] : NULL;
}
