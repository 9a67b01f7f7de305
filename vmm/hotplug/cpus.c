/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The making of CPU hotplug, and its registers. See cpus.h.
 */
#include "hotplug/cpus.h"

#include <stdlib.h>

#include "hotplug/cpu_state.h"
#include "kvm/vcpu.h"

static void raise_event(void *opaque)
{
    struct cpus *cpus = opaque;

    cpus->config.raise(cpus->config.opaque);
}

static const struct hotram_cpus_ops bank_ops = {
    .raise = raise_event,
    .ost = cpus_record_ost,
    .eject = cpus_record_eject,
};

/* ---- registers ---- */

static uint64_t block_read(void *opaque, uint64_t offset, unsigned width)
{
    struct cpus *cpus = opaque;
    const uint32_t value = hotram_cpuhp_read(&cpus->block, (uint32_t)offset, width),
                   slot = cpus->block.selector;

    if (slot < cpus->possible)
        cpu_asked_read(&cpus->asked[slot], offset, value);
    return value;
}

static void block_write(void *opaque, uint64_t offset, unsigned width, uint64_t value)
{
    struct cpus *cpus = opaque;
    const uint32_t slot = cpus->block.selector;

    if (slot < cpus->possible)
        cpu_asked_write(&cpus->asked[slot], offset, value, cpus->slots[slot].remove_pending);
    hotram_cpuhp_write(&cpus->block, (uint32_t)offset, width, (uint32_t)value);
}

static void add_registers(struct cpus *cpus)
{
    const struct cpus_config *config = &cpus->config;
    const struct bus_range range = {
        .first = config->registers,
        .count = HOTRAM_CPUHP_LENGTH,
        .width_max = 4,
        .read = block_read,
        .write = block_write,
        .device = cpus,
        .space = config->space,
        .lock = &config->board->lock->mutex,
        .name = "CPU hotplug registers",
    };

    bus_add_at_start(config->board->bus, &range);
}

/* ---- the making ---- */

static bool add_bank(struct cpus *cpus, struct error *error)
{
    enum hotram_status status;

    for (uint32_t i = 0; i < cpus->possible; i++)
        cpus->slots[i].hardware_id = cpus->config.hardware_id(cpus->config.config, i);
    status = hotram_cpus_init(&cpus->bank, cpus->slots, cpus->possible, &bank_ops, cpus);
    if (status == HOTRAM_OK)
        status = hotram_cpuhp_init(&cpus->block, &cpus->bank);
    return status == HOTRAM_OK || error_set(error, "CPU hotplug: %s", hotram_status_text(status));
}

/* The CPUs of -smp: the boot CPU never goes. */
static bool add_first_ones(struct cpus *cpus, struct error *error)
{
    for (uint32_t i = 0; i < cpus->config.config->cpus; i++) {
        struct cpu *cpu = calloc(1, sizeof *cpu);

        if (!cpu)
            return error_set(error, "out of memory");
        device_enlist_unattached(&cpu->device, cpus->config.board, &host_cpu_type, i);
        cpu->cpus = cpus;
        cpu->index = i;
        cpu->committed = true;
        cpus->cpu[i] = cpu;
        RESULT_DOES_NOT_MATTER(hotram_cpus_plug(&cpus->bank, i, false), "the slot is empty");
        if (i == 0 || cpus->config.fixed)
            RESULT_DOES_NOT_MATTER(hotram_cpus_fix(&cpus->bank, i), "it is plugged");
    }
    return true;
}

struct cpus *cpus_create(const struct cpus_config *config, struct error *error)
{
    struct cpus *cpus = calloc(1, sizeof *cpus);

    if (!cpus) {
        error_set(error, "out of memory");
        return NULL;
    }
    cpus->config = *config;
    cpus->type = &host_cpu_type;
    cpus->expire = cpus_expire;
    cpus->possible = config->config->maxcpus;
    cpus->enabled = config->config->maxcpus > config->config->cpus;
    notice_queue_init(&cpus->notices, config->board->loop, config->board->lock, cpus_handle_notices, cpus);
    cpus->ost = (struct ost_reporter){ .loop = config->board->loop,
                                       .limits = cpus->limits,
                                       .count = cpus->possible,
                                       .emit = cpus_emit_ost,
                                       .opaque = cpus };
    for (uint32_t i = 0; i < config->config->cpus; i++)
        cpus_append(cpus, i);
    cpus->changed = false;
    if (cpus->enabled && !(add_bank(cpus, error) && add_first_ones(cpus, error))) {
        cpus_destroy(cpus);
        return NULL;
    }
    if (cpus->enabled)
        add_registers(cpus);
    return cpus;
}

bool cpus_complete(struct cpus *cpus, struct error *error)
{
    for (uint32_t i = 0; i < cpus->possible && cpus->config.vcpus->possible > 0; i++)
        if (cpus->cpu[i] && !vcpus_has(cpus->config.vcpus, i) && !vcpus_add(cpus->config.vcpus, i, error))
            return false;
    return true;
}

void cpus_destroy(struct cpus *cpus)
{
    if (!cpus)
        return;
    for (uint32_t i = 0; i < cpus->possible; i++)
        if (cpus->cpu[i]) {
            device_delist(&cpus->cpu[i]->device);
            operation_discard(cpus->cpu[i]->plugging);
            free(cpus->cpu[i]);
        }
    notice_queue_end(&cpus->notices);
    timer_cancel(&cpus->ost.timer);
    free(cpus);
}
