/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CPUs as the subjects of operations: what the guest did with one, read as the end of an operation. What
 * Linux means by a code was measured: docs/guests.md.
 */
#include <stdio.h>

#include "hotplug/cpu_state.h"
#include "hotplug/ost_codes.h"
#include "kvm/vcpu.h"

static void begins(struct operation *operation)
{
    struct cpus *cpus = operation->subject.owner;

    ost_event_asked(&cpus->ost, operation->subject.cpu.index);
}

static void withdraw(struct operation *operation)
{
    struct cpus *cpus = operation->subject.owner;

    machine_lock_take(cpus->config.board->lock);
    RESULT_DOES_NOT_MATTER(hotram_cpus_withdraw(&cpus->bank, operation->subject.cpu.index),
                           "the guest may have ejected it just now");
    machine_lock_release(cpus->config.board->lock);
}

static void explain_refusal(struct operation *operation)
{
    const char *meaning = ost_text(operation->ost_event, operation->ost_status);

    if (operation->kind == OPERATION_PLUG)
        snprintf(operation->reason, OPERATION_REASON_SIZE,
                 "%s: the guest's kernel cannot add the CPU; its log has the reason", meaning);
    else if (operation->ost_status == 0x80)
        snprintf(
            operation->reason, OPERATION_REASON_SIZE,
            "%s: ejects of CPUs are switched off in the guest (/sys/firmware/acpi/hotplug/processor/enabled); a reset completes a request that is in progress",
            meaning);
    else
        snprintf(
            operation->reason, OPERATION_REASON_SIZE,
            "%s: probably the CPU is the last one online, or tasks of the guest cannot leave it (SCHED_DEADLINE, isolated CPUs); unplug another CPU, or try again later",
            meaning);
}

/* Which state the vCPU is in, only it knows itself. */
static void inspect(const struct operation *operation, struct operation_info *info)
{
    struct cpus *cpus = operation->subject.owner;
    const uint32_t index = operation->subject.cpu.index;

    info->cpu = operation->subject.cpu;
    info->cpu.started_known = operation->kind == OPERATION_PLUG && vcpus_has(cpus->config.vcpus, index);
    if (!info->cpu.started_known)
        return;
    info->cpu.started = vcpus_look(cpus->config.vcpus, index);
    if (operation->result == OPERATION_DONE && !info->cpu.started && info->warning[0] == '\0')
        snprintf(info->warning, sizeof info->warning,
                 "the guest has not started the CPU yet: in Linux, a udev rule or writing 1 to "
                 "/sys/devices/system/cpu/cpuN/online does");
}

static void expired(struct operation *operation)
{
    const struct cpus *cpus = operation->subject.owner;

    cpus->expire(operation);
}

const struct subject_type cpu_subject = {
    .events = { EVENT_CPU_OPERATION_STARTED, EVENT_CPU_OPERATION_DONE, EVENT_CPU_OPERATION_LATE },
    .begins = begins,
    .withdraw = withdraw,
    .expired = expired,
    .explain_refusal = explain_refusal,
    .inspect = inspect,
};

struct operation *cpu_operation_new(struct cpu *cpu, enum operation_kind kind, struct error *error)
{
    struct cpus *cpus = cpu->cpus;
    char path[DEVICE_PATH_SIZE];
    const struct subject subject = {
        .type = &cpu_subject,
        .id = cpu->device.id,
        .path = device_path(&cpu->device, path),
        .open = &cpus->operation[cpu->index],
        .owner = cpus,
        .cpu = { .index = cpu->index },
    };

    return operation_new(cpus->config.operations, kind, &subject, error);
}

/* ---- what the guest did ---- */

void cpu_reported(struct cpus *cpus, const struct notice *notice)
{
    struct operation *operation = cpus->operation[notice->slot];
    const bool in_progress = ost_in_progress(notice->event, notice->status);

    if (!operation)
        return;
    /* What follows an eject is of an empty slot. */
    if (operation->kind == OPERATION_UNPLUG) {
        if (ost_is_ejection(notice->event) && cpus->cpu[notice->slot])
            operation_answered(operation, notice->event, notice->status);
        return;
    }
    /* The guest has given up the removal of a CPU that was plugged again meanwhile. */
    if (ost_is_ejection(notice->event) && cpus->cpu[notice->slot] && cpus->cpu[notice->slot]->wanted) {
        if (notice->status == 0 || in_progress)
            return;
        machine_lock_take(cpus->config.board->lock);
        cpus->cpu[notice->slot]->wanted = cpu_asked_any(&cpus->asked[notice->slot]);
        machine_lock_release(cpus->config.board->lock);
        if (cpus->cpu[notice->slot]->kept)
            operation_happens(operation, OPERATION_TAKEN, "the guest has kept the CPU");
        return;
    }
    if (!ost_is_insertion(notice->event))
        return;
    operation_answered(operation, notice->event, notice->status);
    if (!in_progress)
        operation_happens(operation, notice->status == 0 ? OPERATION_TAKEN : OPERATION_DENIED, NULL);
}

void cpu_denied(struct cpus *cpus, const struct notice *notice)
{
    struct operation *operation = cpus->operation[notice->slot];

    if (!operation || operation->kind != OPERATION_UNPLUG)
        return;
    operation_answered(operation, notice->event, notice->status);
    operation_happens(operation, OPERATION_DENIED, NULL);
}

void cpu_gone(struct cpus *cpus, uint32_t index, const char *reason)
{
    struct operation *operation = cpus->operation[index];

    if (!operation)
        return;
    if (!reason && operation->kind == OPERATION_PLUG)
        reason = "the guest ejected the CPU without a request";
    else if (!reason && operation->result != OPERATION_IN_PROGRESS)
        reason = "the guest ejected the CPU after the operation had ended";
    operation_happens(operation, OPERATION_GONE, reason);
}
