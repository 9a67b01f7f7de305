/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A CPU on its way to the guest, and the request that it goes.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/message.h"
#include "hotplug/cpu_state.h"
#include "kvm/vcpu.h"

/* ---- in ---- */

/* Under -accel qtest no vCPU runs. */
static bool add_vcpu(struct cpus *cpus, uint32_t index, struct error *error)
{
    return cpus->config.vcpus->possible == 0 || vcpus_add(cpus->config.vcpus, index, error);
}

static void remove_vcpu(struct cpus *cpus, uint32_t index)
{
    if (vcpus_has(cpus->config.vcpus, index))
        vcpus_remove(cpus->config.vcpus, index);
}

struct cpu *cpu_new(struct cpus *cpus, uint32_t index, const char *id, bool hot, struct error *error)
{
    struct cpu *cpu = calloc(1, sizeof *cpu);

    if (!cpu) {
        error_set(error, "out of memory");
        return NULL;
    }
    cpu->cpus = cpus;
    cpu->index = index;
    if (!device_enlist(&cpu->device, cpus->config.board, cpus->type, id, hot, error)) {
        free(cpu);
        return NULL;
    }
    cpus->cpu[index] = cpu;
    if (hot)
        cpu->plugging = cpu_operation_new(cpu, OPERATION_PLUG, error);
    /* At the start there are no vCPUs yet: cpus_complete(). */
    if (!hot || (cpu->plugging && add_vcpu(cpus, index, error)))
        return cpu;
    cpu_discard(cpu);
    return NULL;
}

/* The end of a struct that nobody refers to any more. */
static void release(struct cpu *cpu)
{
    cpu->cpus->cpu[cpu->index] = NULL;
    device_delist(&cpu->device);
    free(cpu);
}

void cpu_discard(struct cpu *cpu)
{
    operation_discard(cpu->plugging);
    remove_vcpu(cpu->cpus, cpu->index);
    release(cpu);
}

void cpu_show(struct cpu *cpu)
{
    struct cpus *cpus = cpu->cpus;

    cpu->committed = true;
    cpu->device.present = true;
    cpus_append(cpus, cpu->index);
    machine_lock_take(cpus->config.board->lock);
    cpu->wanted = cpu_asked_any(&cpus->asked[cpu->index]);
    cpus->denied[cpu->index] = false;
    RESULT_DOES_NOT_MATTER(hotram_cpus_plug(&cpus->bank, cpu->index, cpu->device.hotplugged),
                           "the slot is empty");
    machine_lock_release(cpus->config.board->lock);
    if (cpu->plugging)
        operation_begin(cpu->plugging);
    cpu->plugging = NULL;
}

/* ---- in again ---- */

void cpu_keep(struct cpu *cpu, struct operation *plug)
{
    struct cpus *cpus = cpu->cpus;
    struct operation *removal = cpus->operation[cpu->index];
    bool coming;

    machine_lock_take(cpus->config.board->lock);
    cpu->wanted = cpu_asked_any(&cpus->asked[cpu->index]);
    coming = cpus->slots[cpu->index].insert_pending;
    cpus->denied[cpu->index] = false;
    RESULT_DOES_NOT_MATTER(hotram_cpus_withdraw(&cpus->bank, cpu->index), "it may be ejected just now");
    machine_lock_release(cpus->config.board->lock);
    cpu->kept = true;
    if (removal)
        operation_happens(removal, OPERATION_WITHDRAWN, "the CPU was plugged again");
    operation_begin(plug);
    if (!cpu->wanted && !coming)
        operation_happens(plug, OPERATION_TAKEN,
                          "its removal was withdrawn before the guest had seen the request");
}

bool cpu_return(struct cpu *cpu, bool hot)
{
    struct cpus *cpus = cpu->cpus;
    struct error error;

    cpu->away = cpu->kept = false;
    if (!add_vcpu(cpus, cpu->index, &error)) {
        message("CPU %u was plugged again, and cannot come back: %s", cpu->index, error.text);
        cpu_forget(cpu, error.text);
        return false;
    }
    cpus_append(cpus, cpu->index);
    machine_lock_take(cpus->config.board->lock);
    cpu->wanted = cpu_asked_any(&cpus->asked[cpu->index]);
    RESULT_DOES_NOT_MATTER(hotram_cpus_plug(&cpus->bank, cpu->index, hot), "the slot is empty");
    machine_lock_release(cpus->config.board->lock);
    return true;
}

/* ---- out ---- */

bool cpu_can_go(const struct cpu *cpu, struct error *error)
{
    if (cpu->index == 0)
        return error_set(error, "Boot CPU is unpluggable: CPU 0 stays as long as the machine");
    return !cpu->cpus->config.fixed || cpu->index >= cpu->cpus->config.config->cpus ||
           error_set(error,
                     "CPU %" PRIu32 " cannot be unplugged: on arm64 CPUs of -smp are enabled in the guest's "
                     "MADT, and stay; start with fewer, such as -smp 1,maxcpus=%" PRIu32,
                     cpu->index, cpu->cpus->possible);
}

/* A request that is in progress is joined, and the guest is reminded of it. */
void cpu_request_removal(struct cpu *cpu, struct operation *prepared)
{
    struct cpus *cpus = cpu->cpus;

    machine_lock_take(cpus->config.board->lock);
    cpus->denied[cpu->index] = false;
    /* It fails if the guest has ejected it just now; then it goes without being asked. */
    RESULT_DOES_NOT_MATTER(hotram_cpus_request_removal(&cpus->bank, cpu->index), "see above");
    machine_lock_release(cpus->config.board->lock);
    cpu->wanted = false;
    if (prepared)
        operation_begin(prepared);
    else
        ost_event_asked(&cpus->ost, cpu->index);
}

/* What QEMU does with a request that the guest has not answered, too: it stays asked for. */
bool cpu_is_going(const struct cpu *cpu)
{
    return cpu->committed && cpus_slot(cpu->cpus, cpu->index).state == HOTRAM_CPU_REMOVAL_REQUESTED;
}

bool cpu_unplug(struct cpu *cpu, struct error *error)
{
    const struct operation *open = cpu->cpus->operation[cpu->index];
    struct operation *operation = NULL;

    if (!cpu_can_go(cpu, error))
        return false;
    if (cpu->away) { /* the guest has given it back already */
        cpu_forget(cpu, "the CPU was unplugged again before the guest could take it");
        return true;
    }
    if (open && open->kind == OPERATION_UNPLUG && open->result == OPERATION_IN_PROGRESS) {
        cpu_request_removal(cpu, NULL);
        return true;
    }
    operation = cpu_operation_new(cpu, OPERATION_UNPLUG, error);
    if (operation)
        cpu_request_removal(cpu, operation);
    return operation != NULL;
}

/* Queries have forgotten it when the event comes: libvirt looks. */
void cpu_forget(struct cpu *cpu, const char *reason)
{
    struct cpus *cpus = cpu->cpus;
    const uint32_t index = cpu->index;
    char path[DEVICE_PATH_SIZE];

    cpus->cpu[index] = NULL;
    cpus->config.event(cpus->config.opaque,
                       &(struct event){ .kind = EVENT_DEVICE_DELETED,
                                        .device.id = cpu->device.id,
                                        .device.path = device_path(&cpu->device, path) });
    cpu_gone(cpus, index, reason);
    release(cpu);
}
