/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The possible CPUs, and those that are present: for queries, and for whoever plugs one.
 */
#include <stdio.h>
#include <string.h>

#include "hotplug/cpu_state.h"
#include "kvm/vcpu.h"

void cpus_append(struct cpus *cpus, uint32_t index)
{
    cpus->order[cpus->count++] = index;
    cpus->changed = true;
}

void cpus_drop(struct cpus *cpus, uint32_t index)
{
    uint32_t at = 0;

    while (cpus->order[at] != index)
        at++;
    cpus->count--;
    memmove(&cpus->order[at], &cpus->order[at + 1], (cpus->count - at) * sizeof cpus->order[0]);
    cpus->changed = true;
}

struct hotram_cpu cpus_slot(struct cpus *cpus, uint32_t index)
{
    struct hotram_cpu slot;

    machine_lock_take(cpus->config.board->lock);
    slot = cpus->slots[index];
    machine_lock_release(cpus->config.board->lock);
    return slot;
}

bool cpus_enabled(const struct cpus *cpus)
{
    return cpus && cpus->enabled;
}

uint32_t cpus_possible(const struct cpus *cpus)
{
    return cpus->possible;
}

uint32_t cpus_count(struct cpus *cpus)
{
    return cpus->count;
}

bool cpus_present(struct cpus *cpus, uint32_t index)
{
    for (uint32_t i = 0; i < cpus->count; i++)
        if (cpus->order[i] == index)
            return true;
    return false;
}

bool cpus_have_changed(struct cpus *cpus)
{
    const bool changed = cpus->changed;

    cpus->changed = false;
    return changed;
}

bool cpus_is_pending(const struct cpus *cpus)
{
    return cpus_enabled(cpus) && hotram_cpus_pending(&cpus->bank, 0) != HOTRAM_CPU_NONE;
}

/* ---- queries ---- */

void cpus_inspect(struct cpus *cpus, uint32_t index, struct cpu_info *info)
{
    const struct config *config = cpus->config.config;
    const struct cpu *cpu = cpus->cpu[index];

    *info = (struct cpu_info){
        .index = index,
        .present = cpus_present(cpus, index),
        .socket = index / config->threads / config->cores,
        .core = index / config->threads % config->cores,
        .thread = index % config->threads,
        .has_node = config->numa.nodes > 0,
        .node = config->numa.cpu_node[index],
    };
    if (cpus->enabled) {
        const struct hotram_cpu slot = cpus_slot(cpus, index);

        info->ost_event = slot.ost_event;
        info->ost_status = slot.ost_status;
    }
    if (!info->present)
        return;
    if (vcpus_has(cpus->config.vcpus, index))
        info->tid = atomic_load(&cpus->config.vcpus->vcpu[index].tid);
    if (cpu) {
        info->device = &cpu->device;
        info->id = cpu->device.id;
        info->path = device_path(&cpu->device, cpus->path);
    } else {
        snprintf(cpus->path, sizeof cpus->path, "/machine/unattached/device[%u]", index);
        info->path = cpus->path;
    }
}

bool cpus_next(struct cpus *cpus, uint32_t *cursor, struct cpu_info *info)
{
    if (*cursor >= cpus->count)
        return false;
    cpus_inspect(cpus, cpus->order[(*cursor)++], info);
    return true;
}

const struct operation *cpus_next_operation(const struct cpus *cpus, const struct operation *last)
{
    return operation_next_of(cpus->config.operations, cpus, last);
}
