/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands that show slots: the guest's last words about each, also of CPUs, and the hotplug registers.
 */
#include <hotram/memhp.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/config.h"
#include "base/result.h"
#include "hotplug/cpus.h"
#include "hotplug/hotplug.h"
#include "machine/machine.h"
#include "monitor/command.h"

/* What a guest said last by _OST of a slot. `device` may be NULL. */
static struct json_object *ospm_status(const char *device, uint32_t slot, const char *type, uint32_t source,
                                       uint32_t code)
{
    struct json_object *status = json_new_object();
    char number[16];

    snprintf(number, sizeof number, "%u", slot);
    if (device)
        add_string(status, "device", device);
    add_number(status, "source", source);
    add_number(status, "status", code);
    add_string(status, "slot", number);
    add_string(status, "slot-type", type);
    return status;
}

static bool run_ospm_status(struct monitor_context *context, struct json_object *args,
                            struct json_object **result, struct error *error)
{
    struct hotplug *hotplug = machine_hotplug(context->machine);
    uint32_t slots = hotplug ? hotplug_slots(hotplug) : 0;
    struct cpus *cpus = machine_cpus(context->machine);

    (void)args;
    if (strcmp(machine_config(context->machine)->machine, "none") == 0)
        return error_set(error, "command is not supported, missing ACPI device: -machine none has no ACPI");
    *result = json_new_array();
    for (uint32_t slot = 0; slot < slots; slot++) {
        struct ospm_info info = { 0 };

        hotplug_ospm(hotplug, slot, &info);
        json_append(*result, ospm_status(info.device, slot, "DIMM", info.source, info.status));
    }
    for (uint32_t i = 0; cpus_enabled(cpus) && i < cpus_possible(cpus); i++) {
        struct cpu_info info;

        cpus_inspect(cpus, i, &info);
        json_append(*result, ospm_status(info.id, i, "CPU", info.ost_event, info.ost_status));
    }
    return true;
}

static void print_slot(struct text *out, const struct slot_info *info)
{
    static const char *const states[] = {
        [HOTRAM_DIMM_EMPTY] = "empty",       [HOTRAM_DIMM_RESERVED] = "reserved",
        [HOTRAM_DIMM_PLUGGED] = "plugged",   [HOTRAM_DIMM_REMOVAL_REQUESTED] = "removal requested",
        [HOTRAM_DIMM_EJECTING] = "ejecting",
    };
    char size[SIZE_TEXT_MAX];

    text_printf(out, "slot %u: %s, flags 0x%02x", info->slot, states[info->state], info->flags);
    if (info->flags & HOTRAM_MEMHP_ENABLED)
        text_string(out, " enabled");
    if (info->flags & HOTRAM_MEMHP_INSERT)
        text_string(out, " insert-pending");
    if (info->flags & HOTRAM_MEMHP_REMOVE)
        text_string(out, " remove-pending");
    if (info->flags & HOTRAM_MEMHP_ENABLED) /* else the guest reads zeroes */
        text_printf(out, ", addr 0x%" PRIx64 ", size %" PRIu64 " (%s), node %u", info->addr, info->size,
                    size_text(info->size, size), info->node);
    text_string(out, "\n");
}

static bool run_registers(struct monitor_context *context, struct json_object *args,
                          struct json_object **result, struct error *error)
{
    struct hotplug *hotplug = machine_hotplug(context->machine);
    uint32_t slots = hotplug ? hotplug_slots(hotplug) : 0;
    struct text text = { 0 };
    struct slot_info info;
    uint64_t base;
    uint64_t size;

    (void)args, (void)error;
    if (slots == 0) {
        *result = json_new_string("no memory slots; start with -m SIZE,slots=N,maxmem=SIZE\n");
        return true;
    }
    hotplug_region(hotplug, &base, &size);
    text_printf(&text, "region: 0x%" PRIx64 "-0x%" PRIx64 "\n", base, base + size - 1);
    text_printf(&text, "selector: %u\n", hotplug_selector(hotplug));
    for (uint32_t slot = 0; slot < slots; slot++) {
        hotplug_slot(hotplug, slot, &info);
        print_slot(&text, &info);
    }
    *result = text_result(&text);
    return true;
}

static const struct command commands[] = {
    { .qmp = "query-acpi-ospm-status", .run = run_ospm_status, .returns = "[ACPIOSTInfo]" },
    { .hmp = "info memory-hotplug",
      .run = run_registers,
      .print = print_string,
      .help = "show the slots as the guest sees them in the hotplug registers" },
};

const struct command_area commands_memory_slots = { commands, sizeof commands / sizeof commands[0] };
