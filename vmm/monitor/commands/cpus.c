/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CPUs: which there are and which can come, how many there should be, and what became of plugs and unplugs.
 */
#include <inttypes.h>
#include <string.h>

#include "base/config.h"
#include "base/count_of.h"
#include "base/result.h"
#include "hotplug/cpus.h"
#include "hotplug/operation.h"
#include "machine/machine.h"
#include "monitor/command.h"
#include "monitor/commands/wait.h"
#include "monitor/memory_json.h"

/* ---- those that there are ---- */

static struct json_object *describe_place(const struct cpu_info *info)
{
    struct json_object *props = json_new_object();

    add_number(props, "core-id", info->core);
    add_number(props, "thread-id", info->thread);
    if (info->has_node)
        add_number(props, "node-id", info->node);
    add_number(props, "socket-id", info->socket);
    return props;
}

static bool run_fast(struct monitor_context *context, struct json_object *args, struct json_object **result,
                     struct error *error)
{
    struct cpus *cpus = machine_cpus(context->machine);
    struct cpu_info info;
    uint32_t cursor = 0;

    (void)args, (void)error;
    *result = json_new_array();
    while (cpus && cpus_next(cpus, &cursor, &info)) {
        struct json_object *cpu = json_new_object();

        add_number(cpu, "thread-id", (uint64_t)info.tid);
        json_add(cpu, "props", describe_place(&info));
        add_string(cpu, "qom-path", info.path);
        add_number(cpu, "cpu-index", info.index);
        add_string(cpu, "target", MONITOR_TARGET);
        json_append(*result, cpu);
    }
    return true;
}

static void print_fast(struct text *out, struct json_object *result)
{
    for (size_t i = 0; i < json_object_array_length(result); i++) {
        struct json_object *cpu = json_object_array_get_idx(result, i);

        text_printf(out, "%c CPU #%" PRIu64 ": thread_id=%" PRIu64 "\n", i == 0 ? '*' : ' ',
                    get_number(cpu, "cpu-index"), get_number(cpu, "thread-id"));
    }
}

/* ---- those that are possible: the highest first, as in QEMU ---- */

static bool run_possible(struct monitor_context *context, struct json_object *args,
                         struct json_object **result, struct error *error)
{
    struct cpus *cpus = machine_cpus(context->machine);

    (void)args;
    if (!cpus)
        return error_set(error, "machine does not support hot-plugging CPUs");
    *result = json_new_array();
    for (uint32_t i = cpus_possible(cpus); i-- > 0;) {
        struct json_object *cpu = json_new_object();
        struct cpu_info info;

        cpus_inspect(cpus, i, &info);
        add_string(cpu, "type", MONITOR_CPU_TYPE);
        add_number(cpu, "vcpus-count", 1);
        json_add(cpu, "props", describe_place(&info));
        if (info.path)
            add_string(cpu, "qom-path", info.path);
        json_append(*result, cpu);
    }
    return true;
}

static void print_possible(struct text *out, struct json_object *result)
{
    static const char *const ids[] = { "node-id", "socket-id", "core-id", "thread-id" };

    text_string(out, "Hotpluggable CPUs:\n");
    for (size_t i = 0; i < json_object_array_length(result); i++) {
        struct json_object *cpu = json_object_array_get_idx(result, i), *props = NULL;

        json_object_object_get_ex(cpu, "props", &props);
        text_printf(out, "  type: \"%s\"\n  vcpus_count: \"%" PRIu64 "\"\n", get_string(cpu, "type"),
                    get_number(cpu, "vcpus-count"));
        if (*get_string(cpu, "qom-path"))
            text_printf(out, "  qom_path: \"%s\"\n", get_string(cpu, "qom-path"));
        text_string(out, "  CPUInstance Properties:\n");
        for (size_t id = 0; id < COUNT_OF(ids); id++)
            if (json_object_object_get_ex(props, ids[id], NULL))
                text_printf(out, "    %s: \"%" PRIu64 "\"\n", ids[id], get_number(props, ids[id]));
    }
}

/* ---- how many there should be ---- */

struct set_values {
    uint32_t cpus;
    uint32_t timeout;
    bool timeout_given;
};

static const struct property set_properties[] = {
    PROPERTY_ROW_REQUIRED(set_values, "cpus", PROPERTY_UINT32, cpus,
                          "number of CPUs, up to -smp maxcpus=; required",
                          "Parameter 'cpus' is missing: the number of CPUs, such as 2"),
    PROPERTY_ROW_GIVEN(
        set_values, "timeout", PROPERTY_UINT32, timeout,
        "seconds that the guest has for each CPU (default: -machine plug-timeout=, unplug-timeout=)"),
};

static bool check_cpus(const struct cpus *cpus, struct error *error)
{
    return cpus || error_set(error, "-machine none has no CPUs");
}

static bool run_set(struct monitor_context *context, struct json_object *args, struct json_object **result,
                    struct error *error)
{
    struct cpus *cpus = machine_cpus(context->machine);
    const struct operation *operation = NULL;
    struct set_values values = { 0 };
    struct json_object *operations;
    uint64_t first = 1, last = 0;

    if (!check_cpus(cpus, error) ||
        !props_read((struct props){ args, context->keyval }, set_properties, COUNT_OF(set_properties), NULL,
                    "cpus set", &values, error) ||
        !wait_check_timeout(values.timeout_given, values.timeout, error) ||
        !cpus_set(cpus, values.cpus, values.timeout * UINT64_C(1000), &first, &last, error))
        return false;
    *result = json_new_object();
    operations = json_new_array();
    while ((operation = cpus_next_operation(cpus, operation)) != NULL)
        if (operation->id >= first && operation->id <= last)
            json_append(operations, operation_json_now(operation));
    add_number(*result, "cpus", cpus_count(cpus));
    json_add(*result, "operations", operations);
    return true;
}

static void print_operations(struct text *out, struct json_object *operations)
{
    for (size_t i = 0; i < json_object_array_length(operations); i++)
        print_operation(out, json_object_array_get_idx(operations, i));
}

static void print_set(struct text *out, struct json_object *result)
{
    struct json_object *operations = NULL;

    json_object_object_get_ex(result, "operations", &operations);
    print_operations(out, operations);
}

/* ---- operations ---- */

static bool run_operations(struct monitor_context *context, struct json_object *args,
                           struct json_object **result, struct error *error)
{
    const struct cpus *cpus = machine_cpus(context->machine);
    const struct operation *operation = NULL;

    (void)args, (void)error;
    *result = json_new_array();
    while (cpus && (operation = cpus_next_operation(cpus, operation)) != NULL)
        json_append(*result, operation_json_now(operation));
    return true;
}

static const struct command commands[] = {
    { .qmp = "query-cpus-fast",
      .hmp = "info cpus",
      .run = run_fast,
      .returns = "[CpuInfoFast]",
      .print = print_fast,
      .help = "show the thread of each CPU" },
    { .qmp = "query-hotpluggable-cpus",
      .hmp = "info hotpluggable-cpus",
      .run = run_possible,
      .returns = "[HotpluggableCPU]",
      .print = print_possible,
      .help = "show the possible CPUs, with those that are present" },
    { .qmp = "cpus-set",
      .hmp = "cpus set",
      .properties = set_properties,
      .property_count = COUNT_OF(set_properties),
      .run = run_set,
      .returns = "CpusSet",
      .print = print_set,
      .parameters = "number[,timeout=seconds]",
      .help = "plug CPUs, or request that the guest release some, until there are so many" },
    { .qmp = "query-cpu-operations",
      .hmp = "info cpu-operations",
      .run = run_operations,
      .returns = "[CpuOperation]",
      .print = print_operations,
      .help = "show the results of plugs and unplugs of CPUs, and those in progress" },
};

const struct command_area commands_cpus = { commands, COUNT_OF(commands) };
