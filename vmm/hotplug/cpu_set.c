/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cpus set: a number of CPUs, instead of places.
 */
#include <inttypes.h>
#include <stdio.h>

#include "hotplug/cpu_state.h"

/* Those that are there and are not asked to go. */
static uint32_t staying(const struct cpus *cpus)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < cpus->possible; i++)
        count += cpus->cpu[i] && !cpu_is_going(cpus->cpu[i]);
    return count;
}

/* The names that libvirt gives to CPUs: those of its own it knows when it comes back. */
static const char *free_id(const struct cpus *cpus, uint32_t index, char id[32])
{
    snprintf(id, 32, "vcpu%" PRIu32, index);
    return device_find(cpus->config.board, id) ? NULL : id;
}

/* CPUs that are to come: all that can fail has been done. */
struct growing {
    struct cpu *kept[CPUS_MAX], *coming[CPUS_MAX];
    struct operation *plugs[CPUS_MAX]; /* of those that are kept */
    uint32_t kept_count, coming_count;
};

static bool prepare(struct cpus *cpus, uint32_t count, struct growing *growing, struct error *error)
{
    char id[32];

    for (uint32_t i = 0; i < cpus->possible && growing->kept_count < count; i++)
        if (cpus->cpu[i] && cpu_is_going(cpus->cpu[i])) {
            struct operation *plug = cpu_operation_new(cpus->cpu[i], OPERATION_PLUG, error);

            if (!plug)
                return false;
            growing->kept[growing->kept_count] = cpus->cpu[i];
            growing->plugs[growing->kept_count++] = plug;
        }
    for (uint32_t i = 0; i < cpus->possible && growing->kept_count + growing->coming_count < count; i++)
        if (!cpus->cpu[i]) {
            struct cpu *cpu = cpu_new(cpus, i, free_id(cpus, i, id), true, error);

            if (!cpu)
                return false;
            growing->coming[growing->coming_count++] = cpu;
        }
    return true;
}

/* What is being asked for again, first; then absent ones. All or nothing. */
static bool grow(struct cpus *cpus, uint32_t count, struct error *error)
{
    struct growing growing = { .kept_count = 0 };

    if (!prepare(cpus, count, &growing, error)) {
        while (growing.coming_count > 0)
            cpu_discard(growing.coming[--growing.coming_count]);
        while (growing.kept_count > 0)
            operation_discard(growing.plugs[--growing.kept_count]);
        return false;
    }
    for (uint32_t i = 0; i < growing.kept_count; i++)
        cpu_keep(growing.kept[i], growing.plugs[i]);
    for (uint32_t i = 0; i < growing.coming_count; i++)
        cpu_show(growing.coming[i]);
    return true;
}

static bool shrink(struct cpus *cpus, uint32_t count, struct error *error)
{
    struct operation *operations[CPUS_MAX];
    struct cpu *going[CPUS_MAX];
    uint32_t found = 0;

    for (uint32_t i = cpus->possible; i-- > 0 && found < count;) {
        struct cpu *cpu = cpus->cpu[i];

        if (!cpu || cpu->away || cpu_is_going(cpu) || !cpu_can_go(cpu, error))
            continue;
        operations[found] = cpu_operation_new(cpu, OPERATION_UNPLUG, error);
        if (!operations[found]) {
            while (found > 0)
                operation_discard(operations[--found]);
            return false;
        }
        going[found++] = cpu;
    }
    for (uint32_t i = 0; i < found; i++)
        cpu_request_removal(going[i], operations[i]);
    return true;
}

bool cpus_set(struct cpus *cpus, uint32_t count, uint64_t deadline, uint64_t *first, uint64_t *last,
              struct error *error)
{
    const struct config *config = cpus->config.config;
    const uint32_t least = cpus->config.fixed ? config->cpus : 1;
    bool good;

    if (!cpus->enabled)
        return error_set(error,
                         "the machine has %" PRIu32
                         " CPUs, and no others are possible; start with -smp %" PRIu32 ",maxcpus=M",
                         cpus->possible, config->cpus);
    if (count < least || count > cpus->possible)
        return error_set(error, "Parameter 'cpus' expects %" PRIu32 " to %" PRIu32 "; got %" PRIu32 ": %s",
                         least, cpus->possible, count,
                         count > cpus->possible ? "-smp maxcpus= sets the limit"
                         : least > 1            ? "on arm64 the CPUs of -smp stay"
                                                : "CPU 0 stays");
    cpus_handle_notices(cpus); /* some may be gone */
    *first = cpus->config.operations->last_id + 1;
    good = count > staying(cpus) ? grow(cpus, count - staying(cpus), error)
                                 : shrink(cpus, staying(cpus) - count, error);
    *last = cpus->config.operations->last_id;
    for (uint64_t id = *first; deadline > 0 && id <= *last; id++) {
        struct operation *operation = operation_find(cpus->config.operations, id);

        if (operation) /* one that ended at once may be forgotten already */
            operation_set_deadline(operation, deadline);
    }
    return good;
}
