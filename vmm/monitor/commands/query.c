/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands that show the machine, but for its memory. Shapes and texts are QEMU's.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/config.h"
#include "base/result.h"
#include "base/uuid.h"
#include "device/device.h"
#include "device/vmgenid.h"
#include "kvm/vm.h"
#include "machine/machine.h"
#include "monitor/command.h"
#include "monitor/commands/wait.h"
#include "monitor/session.h"

struct json_object *monitor_version(void)
{
    struct json_object *version = json_new_object();
    struct json_object *qemu = json_new_object();

    add_number(qemu, "micro", MONITOR_QEMU_MICRO);
    add_number(qemu, "minor", MONITOR_QEMU_MINOR);
    add_number(qemu, "major", MONITOR_QEMU_MAJOR);
    json_add(version, "qemu", qemu);
    add_string(version, "package", MONITOR_PACKAGE);
    return version;
}

static bool run_version(struct monitor_context *context, struct json_object *args,
                        struct json_object **result, struct error *error)
{
    (void)context, (void)args, (void)error;
    *result = monitor_version();
    return true;
}

static void print_version(struct text *out, struct json_object *result)
{
    struct json_object *qemu = json_object_object_get(result, "qemu");

    text_printf(out, "%s (monitor commands as in QEMU %" PRIu64 ".%" PRIu64 ".%" PRIu64 ")\n",
                get_string(result, "package"), get_number(qemu, "major"), get_number(qemu, "minor"),
                get_number(qemu, "micro"));
}

/* Whose requests the host still works on, when they are to end. Most often there is none, and no member. */
static void name_busy(const struct board *board, struct json_object *status)
{
    const struct device *device = devices_busy(board, NULL);
    struct json_object *names = device ? json_add_array(status, "waits-for") : NULL;

    for (; device; device = devices_busy(board, device))
        json_append(names, json_new_string(device_name(device)));
}

static bool run_status(struct monitor_context *context, struct json_object *args, struct json_object **result,
                       struct error *error)
{
    enum run_state state = machine_run_state(context->machine);

    (void)args, (void)error;
    *result = json_new_object();
    add_string(*result, "status", run_state_name(state));
    add_bool(*result, "singlestep", false);
    add_bool(*result, "running", state == RUN_RUNNING);
    name_busy(machine_board(context->machine), *result);
    return true;
}

static void print_status(struct text *out, struct json_object *result)
{
    const char *status = get_string(result, "status");
    bool running = json_object_get_boolean(json_object_object_get(result, "running"));

    text_printf(out, "VM status: %s", running ? "running" : "paused");
    if (!running && strcmp(status, "paused") != 0)
        text_printf(out, " (%s)", status);
    text_string(out, "\n");
    print_waits_for(out, "", result);
}

static bool run_name(struct monitor_context *context, struct json_object *args, struct json_object **result,
                     struct error *error)
{
    const char *name = machine_config(context->machine)->name;

    (void)args, (void)error;
    *result = json_new_object();
    if (name)
        add_string(*result, "name", name);
    return true;
}

static void print_name(struct text *out, struct json_object *result)
{
    if (json_object_object_get(result, "name"))
        text_printf(out, "%s\n", get_string(result, "name"));
}

static bool run_uuid(struct monitor_context *context, struct json_object *args, struct json_object **result,
                     struct error *error)
{
    char text[UUID_TEXT_SIZE];

    (void)args, (void)error;
    uuid_print(machine_config(context->machine)->uuid, text);
    *result = json_new_object();
    add_string(*result, "UUID", text);
    return true;
}

static void print_uuid(struct text *out, struct json_object *result)
{
    text_printf(out, "%s\n", get_string(result, "UUID"));
}

static bool run_generation(struct monitor_context *context, struct json_object *args,
                           struct json_object **result, struct error *error)
{
    char text[UUID_TEXT_SIZE];

    (void)args;
    if (!vmgenid_text(machine_board(context->machine), text))
        return error_set(error, "VM Generation ID device not found");
    *result = json_new_object();
    add_string(*result, "guid", text);
    return true;
}

static void print_generation(struct text *out, struct json_object *result)
{
    text_printf(out, "%s\n", get_string(result, "guid"));
}

/* libvirt asks again and again when this differs from what it finds itself. */
static bool run_kvm(struct monitor_context *context, struct json_object *args, struct json_object **result,
                    struct error *error)
{
    bool usable = kvm_available();

    (void)args, (void)error;
    *result = json_new_object();
    add_bool(*result, "enabled", usable && machine_config(context->machine)->accel == ACCEL_KVM);
    add_bool(*result, "present", usable);
    return true;
}

static void print_kvm(struct text *out, struct json_object *result)
{
    bool enabled = json_object_get_boolean(json_object_object_get(result, "enabled"));

    text_printf(out, "kvm support: %s\n", enabled ? "enabled" : "disabled");
}

static bool run_target(struct monitor_context *context, struct json_object *args, struct json_object **result,
                       struct error *error)
{
    (void)context, (void)args, (void)error;
    *result = json_new_object();
    add_string(*result, "arch", MONITOR_TARGET);
    return true;
}

static bool run_chardev(struct monitor_context *context, struct json_object *args,
                        struct json_object **result, struct error *error)
{
    struct chardevs *chardevs = context->monitors->chardevs;
    struct chardev *chardev = NULL;

    (void)args, (void)error;
    *result = json_new_array();
    while ((chardev = chardev_next(chardevs, chardev)) != NULL) {
        struct json_object *object = json_new_object();

        add_bool(object, "frontend-open", chardev_frontend_is_open(chardev));
        add_string(object, "filename", chardev_filename(chardev));
        add_string(object, "label", chardev_id(chardev));
        json_append(*result, object);
    }
    return true;
}

static void print_chardev(struct text *out, struct json_object *result)
{
    for (size_t i = 0; i < json_object_array_length(result); i++) {
        struct json_object *chardev = json_object_array_get_idx(result, i);

        text_printf(out, "%s: filename=%s\n", get_string(chardev, "label"), get_string(chardev, "filename"));
    }
}

static bool run_exits(struct monitor_context *context, struct json_object *args, struct json_object **result,
                      struct error *error)
{
    (void)args, (void)error;
    *result = json_new_object();
    add_number(*result, "exits", machine_exit_count(context->machine));
    return true;
}

static void print_exits(struct text *out, struct json_object *result)
{
    text_printf(out, "exits: %" PRIu64 "\n", get_number(result, "exits"));
}

static const struct command commands[] = {
    { .qmp = "query-status",
      .early = true,
      .hmp = "info status",
      .run = run_status,
      .returns = "StatusInfo",
      .print = print_status,
      .help = "show the current VM status (running|paused)" },
    { .qmp = "query-version",
      .early = true,
      .hmp = "info version",
      .run = run_version,
      .returns = "VersionInfo",
      .print = print_version,
      .help = "show the version of hotram" },
    { .qmp = "query-name",
      .early = true,
      .hmp = "info name",
      .run = run_name,
      .returns = "NameInfo",
      .print = print_name,
      .help = "show the current VM name" },
    { .qmp = "query-uuid",
      .early = true,
      .hmp = "info uuid",
      .run = run_uuid,
      .returns = "UuidInfo",
      .print = print_uuid,
      .help = "show the current VM UUID" },
    { .qmp = "query-vm-generation-id",
      .hmp = "info vm-generation-id",
      .run = run_generation,
      .returns = "GuidInfo",
      .print = print_generation,
      .help = "show the id of this copy of the guest (vmgenid)" },
    { .qmp = "query-kvm",
      .early = true,
      .hmp = "info kvm",
      .run = run_kvm,
      .returns = "KvmInfo",
      .print = print_kvm,
      .help = "show whether KVM can be used" },
    { .qmp = "query-target", .early = true, .run = run_target, .returns = "TargetInfo" },
    { .qmp = "query-chardev",
      .early = true,
      .hmp = "info chardev",
      .run = run_chardev,
      .returns = "[ChardevInfo]",
      .print = print_chardev,
      .help = "show the character devices" },
    { .qmp = "query-exits",
      .hmp = "info exits",
      .run = run_exits,
      .returns = "ExitInfo",
      .print = print_exits,
      .help = "show the number of exits from KVM to this program since the start" },
};

const struct command_area commands_query = { commands, sizeof commands / sizeof commands[0] };
