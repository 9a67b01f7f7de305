/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events: what happens to the machine, told to all QMP sessions at once. Here is what QMP calls each of them,
 * and what it says.
 *
 * Threads: main thread only.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/count_of.h"
#include "base/event.h"
#include "base/result.h"
#include "machine/migration.h"
#include "monitor/memory_json.h"
#include "monitor/qmp/schema.h"
#include "monitor/session.h"

/* ---- what each says ---- */

static struct json_object *ost_data(const struct event *event)
{
    struct json_object *data = json_new_object();
    struct json_object *info = json_new_object();
    char slot[16];

    snprintf(slot, sizeof slot, "%u", event->ost.slot);
    if (event->ost.device)
        add_string(info, "device", event->ost.device);
    add_string(info, "slot", slot);
    add_string(info, "slot-type", event->ost.cpu ? "CPU" : "DIMM");
    add_number(info, "source", event->ost.source);
    add_number(info, "status", event->ost.status);
    json_add(data, "info", info);
    return data;
}

static struct json_object *block_data(const struct event *event)
{
    static const char *const actions[] = {
        [BLOCK_REPORTS] = "report",
        [BLOCK_IGNORES] = "ignore",
        [BLOCK_STOPS] = "stop",
    };
    struct json_object *data = json_new_object();

    add_string(data, "device", "");
    add_string(data, "qdev", event->block.qdev);
    add_string(data, "node-name", event->block.node);
    add_string(data, "operation", event->block.write ? "write" : "read");
    add_string(data, "action", actions[event->block.action]);
    add_bool(data, "nospace", event->block.nospace);
    add_string(data, "reason", strerror(event->block.error));
    return data;
}

static struct json_object *threshold_data(const struct event *event)
{
    struct json_object *data = json_new_object();

    add_string(data, "node-name", event->threshold.node);
    add_number(data, "amount-exceeded", event->threshold.amount);
    add_number(data, "write-threshold", event->threshold.threshold);
    return data;
}

static struct json_object *device_data(const struct event *event)
{
    struct json_object *data = json_new_object();

    if (event->device.id)
        add_string(data, "device", event->device.id);
    add_string(data, "path", event->device.path);
    return data;
}

static struct json_object *balloon_data(const struct event *event)
{
    struct json_object *data = json_new_object();

    add_number(data, "actual", event->balloon.actual);
    return data;
}

static struct json_object *size_change_data(const struct event *event)
{
    struct json_object *data = json_new_object();

    if (event->size_change.id)
        add_string(data, "id", event->size_change.id);
    add_number(data, "size", event->size_change.size);
    add_string(data, "qom-path", event->size_change.path);
    return data;
}

static struct json_object *panic_data(const struct event *event)
{
    static const char *const actions[] = {
        [GUEST_RUNS_ON] = "run",
        [GUEST_PAUSES] = "pause",
        [GUEST_POWERS_OFF] = "poweroff",
    };
    struct json_object *data = json_new_object();

    add_string(data, "action", actions[event->panic.outcome]);
    return data;
}

/* QEMU's, with three members of ours: which backend, its file, and what is wrong. */
static struct json_object *memory_failure_data(const struct event *event)
{
    struct json_object *data = json_new_object();
    struct json_object *flags = json_new_object();

    add_string(data, "recipient", "hypervisor");
    add_string(data, "action", "fatal");
    add_bool(flags, "action-required", true);
    add_bool(flags, "recursive", false);
    json_add(data, "flags", flags);
    if (event->memory_failure.backend)
        add_string(data, "id", event->memory_failure.backend);
    if (event->memory_failure.file)
        add_string(data, "mem-path", event->memory_failure.file);
    add_string(data, "reason", event->memory_failure.reason);
    return data;
}

static struct json_object *prealloc_data(const struct event *event)
{
    struct json_object *data = json_new_object();

    add_string(data, "id", event->prealloc.backend);
    add_number(data, "done", event->prealloc.done);
    add_number(data, "size", event->prealloc.size);
    return data;
}

static struct json_object *migration_data(const struct event *event)
{
    struct json_object *data = json_new_object();

    add_string(data, "status", migration_status_name(event->migration));
    return data;
}

static struct json_object *pass_data(const struct event *event)
{
    struct json_object *data = json_new_object();

    add_number(data, "pass", event->pass);
    return data;
}

/* QEMU's SocketAddress. */
static struct json_object *socket_address(const struct event *event)
{
    struct json_object *address = json_new_object();

    add_string(address, "type", event->netdev.path ? "unix" : "inet");
    if (event->netdev.path) {
        add_string(address, "path", event->netdev.path);
    } else {
        add_string(address, "host", event->netdev.host);
        add_string(address, "port", event->netdev.port);
        add_bool(address, event->netdev.ipv6 ? "ipv6" : "ipv4", true);
    }
    return address;
}

static struct json_object *netdev_data(const struct event *event)
{
    struct json_object *data = json_new_object();

    add_string(data, "netdev-id", event->netdev.id);
    if (event->kind == EVENT_NETDEV_STREAM_CONNECTED)
        json_add(data, "addr", socket_address(event));
    if (event->kind == EVENT_NETDEV_VHOST_USER_CONNECTED)
        add_string(data, "chardev-id", event->netdev.chardev);
    return data;
}

static struct json_object *filter_data(const struct event *event)
{
    struct json_object *data = json_new_object();

    if (event->device.id)
        add_string(data, "name", event->device.id);
    add_string(data, "path", event->device.path);
    return data;
}

static struct json_object *port_data(const struct event *event)
{
    struct json_object *data = json_new_object();

    add_string(data, "id", event->port.id);
    add_bool(data, "open", event->port.open);
    return data;
}

static struct json_object *watchdog_data(const struct event *event)
{
    static const char *const actions[] = {
        [WATCHDOG_RESETS] = "reset",           [WATCHDOG_SHUTS_DOWN] = "shutdown",
        [WATCHDOG_POWERS_OFF] = "poweroff",    [WATCHDOG_PAUSES] = "pause",
        [WATCHDOG_DEBUGS] = "debug",           [WATCHDOG_NOTHING] = "none",
        [WATCHDOG_INJECTS_NMI] = "inject-nmi",
    };
    struct json_object *data = json_new_object();

    add_string(data, "action", actions[event->watchdog.action]);
    return data;
}

static struct json_object *cause_data(const struct event *event)
{
    static const struct {
        const char *name;
        bool guest;
    } causes[] = {
        [CAUSE_HOST_QMP_QUIT] = { "host-qmp-quit", false },
        [CAUSE_HOST_QMP_SYSTEM_RESET] = { "host-qmp-system-reset", false },
        [CAUSE_HOST_SIGNAL] = { "host-signal", false },
        [CAUSE_HOST_UI] = { "host-ui", false },
        [CAUSE_GUEST_SHUTDOWN] = { "guest-shutdown", true },
        [CAUSE_GUEST_RESET] = { "guest-reset", true },
        [CAUSE_GUEST_PANIC] = { "guest-panic", true },
        [CAUSE_HOST_ERROR] = { "host-error", false },
    };
    struct json_object *data = json_new_object();

    add_bool(data, "guest", causes[event->cause].guest);
    add_string(data, "reason", causes[event->cause].name);
    return data;
}

static struct json_object *operation_data(const struct event *event)
{
    return operation_json(event->operation);
}

static struct json_object *set_data(const struct event *event)
{
    return resize_json(event->set);
}

/* ---- all of them ---- */

/* By kind: QMP's name, the type of the data (qmp/schema_types.c), and a new object of it. */
static const struct event_row {
    struct event_type type;
    struct json_object *(*data)(const struct event *event);
} rows[] = {
    [EVENT_ACPI_DEVICE_OST] = { { "ACPI_DEVICE_OST", "OstEvent" }, ost_data },
    [EVENT_BLOCK_IO_ERROR] = { { "BLOCK_IO_ERROR", "BlockIoError" }, block_data },
    [EVENT_BLOCK_WRITE_THRESHOLD] = { { "BLOCK_WRITE_THRESHOLD", "BlockWriteThreshold" }, threshold_data },
    [EVENT_DEVICE_DELETED] = { { "DEVICE_DELETED", "DeviceEvent" }, device_data },
    [EVENT_DEVICE_OPERATION_DONE] = { { "DEVICE_OPERATION_DONE", "DeviceOperation" }, operation_data },
    [EVENT_DEVICE_OPERATION_LATE] = { { "DEVICE_OPERATION_LATE", "DeviceOperation" }, operation_data },
    [EVENT_DEVICE_OPERATION_STARTED] = { { "DEVICE_OPERATION_STARTED", "DeviceOperation" }, operation_data },
    [EVENT_DEVICE_UNPLUG_GUEST_ERROR] = { { "DEVICE_UNPLUG_GUEST_ERROR", "DeviceEvent" }, device_data },
    [EVENT_BALLOON_CHANGE] = { { "BALLOON_CHANGE", "BalloonInfo" }, balloon_data },
    [EVENT_CPU_OPERATION_DONE] = { { "CPU_OPERATION_DONE", "CpuOperation" }, operation_data },
    [EVENT_CPU_OPERATION_LATE] = { { "CPU_OPERATION_LATE", "CpuOperation" }, operation_data },
    [EVENT_CPU_OPERATION_STARTED] = { { "CPU_OPERATION_STARTED", "CpuOperation" }, operation_data },
    [EVENT_GUEST_CRASHLOADED] = { { "GUEST_CRASHLOADED", "GuestPanic" }, panic_data },
    [EVENT_GUEST_PANICKED] = { { "GUEST_PANICKED", "GuestPanic" }, panic_data },
    [EVENT_MEMORY_DEVICE_SIZE_CHANGE] = { { "MEMORY_DEVICE_SIZE_CHANGE", "MemoryDeviceSizeChange" },
                                          size_change_data },
    [EVENT_MEMORY_FAILURE] = { { "MEMORY_FAILURE", "MemoryFailure" }, memory_failure_data },
    [EVENT_MEMORY_OPERATION_DONE] = { { "MEMORY_OPERATION_DONE", "MemoryOperation" }, operation_data },
    [EVENT_MEMORY_OPERATION_LATE] = { { "MEMORY_OPERATION_LATE", "MemoryOperation" }, operation_data },
    [EVENT_MEMORY_OPERATION_STARTED] = { { "MEMORY_OPERATION_STARTED", "MemoryOperation" }, operation_data },
    [EVENT_MEMORY_PREALLOC] = { { "MEMORY_PREALLOC", "MemoryPrealloc" }, prealloc_data },
    [EVENT_MEMORY_SET_DONE] = { { "MEMORY_SET_DONE", "MemorySet" }, set_data },
    [EVENT_MIGRATION] = { { "MIGRATION", "MigrationEvent" }, migration_data },
    [EVENT_MIGRATION_PASS] = { { "MIGRATION_PASS", "MigrationPass" }, pass_data },
    [EVENT_NETDEV_STREAM_CONNECTED] = { { "NETDEV_STREAM_CONNECTED", "NetdevConnected" }, netdev_data },
    [EVENT_NETDEV_STREAM_DISCONNECTED] = { { "NETDEV_STREAM_DISCONNECTED", "NetdevDisconnected" },
                                           netdev_data },
    [EVENT_NETDEV_VHOST_USER_CONNECTED] = { { "NETDEV_VHOST_USER_CONNECTED", "NetdevVhostUserConnected" },
                                            netdev_data },
    [EVENT_NETDEV_VHOST_USER_DISCONNECTED] = { { "NETDEV_VHOST_USER_DISCONNECTED", "NetdevDisconnected" },
                                               netdev_data },
    [EVENT_NIC_RX_FILTER_CHANGED] = { { "NIC_RX_FILTER_CHANGED", "RxFilterChanged" }, filter_data },
    [EVENT_POWERDOWN] = { { "POWERDOWN", NULL }, NULL },
    [EVENT_RESET] = { { "RESET", "Cause" }, cause_data },
    [EVENT_RESUME] = { { "RESUME", NULL }, NULL },
    [EVENT_SHUTDOWN] = { { "SHUTDOWN", "Cause" }, cause_data },
    [EVENT_STOP] = { { "STOP", NULL }, NULL },
    [EVENT_VSERPORT_CHANGE] = { { "VSERPORT_CHANGE", "VserportChange" }, port_data },
    [EVENT_WATCHDOG] = { { "WATCHDOG", "Watchdog" }, watchdog_data },
};
_Static_assert(COUNT_OF(rows) == EVENT_KINDS, "each kind of event has a row");

const struct event_type *event_type_at(size_t index)
{
    return index < COUNT_OF(rows) ? &rows[index].type : NULL;
}

static struct json_object *timestamp(void)
{
    struct json_object *object = json_new_object();
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    add_number(object, "seconds", (uint64_t)now.tv_sec);
    add_number(object, "microseconds", (uint64_t)now.tv_nsec / 1000);
    return object;
}

void monitors_event(void *opaque, const struct event *event)
{
    const struct event_row *row = &rows[event->kind];
    struct monitors *monitors = opaque;
    struct json_object *object = json_new_object();

    json_add(object, "timestamp", timestamp());
    add_string(object, "event", row->type.name);
    if (row->data)
        json_add(object, "data", row->data(event));
    qmp_sessions_event(monitors, object);
    json_object_put(object);
}
