/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The type of CPUs: -device and device_add name a place by socket, core and thread, with QEMU's checks in
 * QEMU's order.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/count_of.h"
#include "hotplug/cpu_state.h"

#if defined(__aarch64__)
#define TYPE_NAME "host-arm-cpu"
#define MIDDLE "cluster-id"
#else
#define TYPE_NAME "host-x86_64-cpu"
#define MIDDLE "die-id"
#endif

/* -1: not given. */
struct cpu_values {
    int32_t socket;
    int32_t middle;
    int32_t core;
    int32_t thread;
    int32_t node;
};

#define NOT_SET(name) "CPU " name " is not set; query-hotpluggable-cpus lists the places"

static const struct property properties[] = {
    PROPERTY_ROW_REQUIRED(cpu_values, "socket-id", PROPERTY_INT32, socket, "number of its socket; required",
                          NOT_SET("socket-id")),
    PROPERTY_ROW(cpu_values, MIDDLE, PROPERTY_INT32, middle, "0 (default), the only one in a socket"),
    PROPERTY_ROW_REQUIRED(cpu_values, "core-id", PROPERTY_INT32, core,
                          "number of its core in the socket; required", NOT_SET("core-id")),
    PROPERTY_ROW_REQUIRED(cpu_values, "thread-id", PROPERTY_INT32, thread,
                          "number of its thread in the core; required", NOT_SET("thread-id")),
    PROPERTY_ROW(cpu_values, "node-id", PROPERTY_INT32, node,
                 "its NUMA node, which -numa determines (default: that one)"),
};

/* ---- places ---- */

/* The first place that is free, for errors; "" if there is none. */
static const char *free_place(struct cpus *cpus, char text[128])
{
    struct cpu_info info;

    text[0] = '\0';
    for (uint32_t i = 0; i < cpus->possible; i++) {
        cpus_inspect(cpus, i, &info);
        if (cpus->cpu[i] || info.present)
            continue;
        snprintf(text, 128, "; free is socket-id=%u,core-id=%u,thread-id=%u", info.socket, info.core,
                 info.thread);
        break;
    }
    return text;
}

/* QEMU takes -1 for "not given", too. */
static bool check_given(struct cpus *cpus, int32_t value, const char *name, struct error *error)
{
    char text[128];

    return value >= 0 || error_set(error, "CPU %s is not set%s", name, free_place(cpus, text));
}

static bool check_range(int32_t value, uint32_t count, const char *name, struct error *error)
{
    return (uint32_t)value < count ||
           error_set(error, "Invalid CPU %s: %" PRId32 " must be in range 0:%" PRIu32, name, value,
                     count - 1);
}

static bool find_place(struct cpus *cpus, const struct cpu_values *values, uint32_t *index,
                       struct error *error)
{
    const struct config *config = cpus->config.config;

    if (!check_given(cpus, values->socket, "socket-id", error) ||
        !check_given(cpus, values->core, "core-id", error) ||
        !check_given(cpus, values->thread, "thread-id", error) ||
        !check_range(values->socket, config->sockets, "socket-id", error) ||
        (values->middle >= 0 && !check_range(values->middle, 1, MIDDLE, error)) ||
        !check_range(values->core, config->cores, "core-id", error) ||
        !check_range(values->thread, config->threads, "thread-id", error))
        return false;
    *index = ((uint32_t)values->socket * config->cores + (uint32_t)values->core) * config->threads +
             (uint32_t)values->thread;
    return true;
}

static bool check_node(const struct cpus *cpus, uint32_t index, int32_t node, struct error *error)
{
    const struct numa_config *numa = &cpus->config.config->numa;

    return node < 0 || (numa->nodes > 0 && numa->cpu_node[index] == node) ||
           (numa->nodes == 0 ? error_set(error, "invalid node-id, the machine has no NUMA nodes")
                             : error_set(error, "invalid node-id, must be %u", numa->cpu_node[index]));
}

static bool refuse_taken(struct cpus *cpus, uint32_t index, struct error *error)
{
    struct cpu_info info;
    char text[128];

    /* The former overwrites the path that the latter gives. */
    if (cpus->enabled)
        free_place(cpus, text);
    else
        snprintf(text, sizeof text, "; for more CPUs start with -smp N,maxcpus=M, M above N");
    cpus_inspect(cpus, index, &info);
    return error_set(error, "CPU[%" PRIu32 "] with %s %" PRIu64 " exists: it is %.200s%s", index,
                     cpus->config.id_name, cpus->config.hardware_id(cpus->config.config, index),
                     info.id     ? info.id
                     : info.path ? info.path
                                 : "being plugged",
                     text);
}

/* ---- the type ---- */

static bool check_id(const struct cpus *cpus, const char *id, const struct cpu *there, struct error *error)
{
    const struct device *other = id ? device_find(cpus->config.board, id) : NULL;

    if (!other || (there && other == &there->device))
        return true;
    return error_set(error, "Duplicate device ID '%s': a %s uses it; choose another id", id,
                     other->type->name);
}

static enum outcome keep(struct cpu *cpu, struct error *error)
{
    struct operation *plug = cpu_operation_new(cpu, OPERATION_PLUG, error);

    if (!plug)
        return OUTCOME_FAILED;
    cpu_keep(cpu, plug);
    return OUTCOME_DONE;
}

static enum outcome plug(struct cpus *cpus, const char *id, const struct cpu_values *values, bool hot,
                         struct error *error)
{
    struct cpu *cpu;
    uint32_t index;

    if (hot)
        cpus_handle_notices(cpus); /* the place may have become free */
    if (!find_place(cpus, values, &index, error) || !check_node(cpus, index, values->node, error))
        return OUTCOME_FAILED;
    cpu = cpus->cpu[index];
    /* It is as if it came. */
    if (cpu && cpu_is_going(cpu) && (!id || !cpu->device.id || strcmp(id, cpu->device.id) == 0))
        return keep(cpu, error);
    if (cpu || cpus_present(cpus, index)) {
        refuse_taken(cpus, index, error);
        return OUTCOME_FAILED;
    }
    cpu = cpu_new(cpus, index, id, hot, error);
    if (!cpu)
        return OUTCOME_FAILED;
    cpu_show(cpu);
    return OUTCOME_DONE;
}

/* An id that is taken is said before the place is looked at; but that of the CPU itself, which is about to
 * go, is not. */
static bool check_name(struct cpus *cpus, const char *id, const struct cpu_values *values,
                       struct error *error)
{
    struct error unused;
    uint32_t index;

    return check_id(cpus, id, find_place(cpus, values, &index, &unused) ? cpus->cpu[index] : NULL, error);
}

static enum outcome create(struct board *board, const char *id, struct props props, bool hot,
                           const struct completion *completion, struct error *error)
{
    static const char *const names[] = { "driver", "id", NULL };
    struct cpu_values values = { -1, -1, -1, -1, -1 };

    (void)completion;
    if (!props_read(props, properties, COUNT_OF(properties), names, TYPE_NAME, &values, error))
        return OUTCOME_FAILED;
    if (!board->cpus) {
        error_set(error, "this machine has no CPUs");
        return OUTCOME_FAILED;
    }
    return check_name(board->cpus, id, &values, error) ? plug(board->cpus, id, &values, hot, error)
                                                       : OUTCOME_FAILED;
}

void cpu_info_values(const struct cpu_info *info, void *values)
{
    *(struct cpu_values *)values = (struct cpu_values){
        .socket = (int32_t)info->socket,
        .core = (int32_t)info->core,
        .thread = (int32_t)info->thread,
        .node = info->has_node ? (int32_t)info->node : -1,
    };
}

static void describe(const struct device *device, void *values)
{
    const struct cpu *cpu = (const struct cpu *)device;
    struct cpu_info info;

    cpus_inspect(cpu->cpus, cpu->index, &info);
    cpu_info_values(&info, values);
}

static bool unplug(struct device *device, struct error *error)
{
    return cpu_unplug((struct cpu *)device, error);
}

static bool stays(const struct device *device)
{
    struct error unused;

    return !cpu_can_go((const struct cpu *)device, &unused);
}

const struct device_type host_cpu_type = {
    .name = TYPE_NAME,
    .parent = "cpu",
    .properties = properties,
    .property_count = COUNT_OF(properties),
    .values_size = sizeof(struct cpu_values),
    .hot = true,
    .own_ids = true,
    .banked = true,
    .create = create,
    .describe = describe,
    .unplug = unplug,
    .stays = stays,
};
