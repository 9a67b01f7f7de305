/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What follows when the guest answers at the CPU registers: its _OST reports go to the monitors; an eject
 * takes the vCPU out of the guest and frees the slot. A reset, and a deadline, look at the same.
 */
#include <stdio.h>
#include <string.h>

#include "hotplug/cpu_state.h"
#include "hotplug/ost_codes.h"
#include "kvm/vcpu.h"

/* ---- on a vCPU's thread, under the machine lock: only take note ---- */

void cpus_record_ost(void *opaque, uint32_t slot, uint32_t event, uint32_t status)
{
    struct cpus *cpus = opaque;
    const struct hotram_cpu *cpu = &cpus->slots[slot];
    const struct notice notice = { NOTICE_OST, slot, event, status, false };
    const bool refused = ost_is_ejection(event) && status != 0 && !ost_in_progress(event, status);

    if (refused)
        cpu_asked_refused(&cpus->asked[slot]);
    /* A refusal ends the request, unless it was repeated since the guest took note of the first one. */
    if (refused && !cpu->remove_pending &&
        (cpu->state == HOTRAM_CPU_REMOVAL_REQUESTED || cpu->state == HOTRAM_CPU_PLUGGED)) {
        RESULT_DOES_NOT_MATTER(hotram_cpus_withdraw(&cpus->bank, slot), "it may not have been asked for");
        cpus->denied[slot] = true;
        cpus->denial[slot] = notice;
    }
    notice_record(&cpus->notices, notice);
}

void cpus_record_eject(void *opaque, uint32_t slot)
{
    struct cpus *cpus = opaque;

    notice_record(&cpus->notices, (struct notice){ .kind = NOTICE_EJECT, .slot = slot });
}

/* ---- on the main thread ---- */

void cpus_emit_ost(void *opaque, const struct notice *notice)
{
    struct cpus *cpus = opaque;
    const struct cpu *cpu = cpus->cpu[notice->slot];
    const struct event event = {
        .kind = EVENT_ACPI_DEVICE_OST,
        .ost.cpu = true,
        .ost.device = cpu ? cpu->device.id : NULL,
        .ost.slot = notice->slot,
        .ost.source = notice->event,
        .ost.status = notice->status,
    };

    cpus->config.event(cpus->config.opaque, &event);
}

/* The slot is empty, and the vCPU is out of the guest. */
static void finish(struct cpus *cpus, uint32_t index)
{
    machine_lock_take(cpus->config.board->lock);
    RESULT_DOES_NOT_MATTER(hotram_cpus_finish(&cpus->bank, index), "it is ejecting");
    machine_lock_release(cpus->config.board->lock);
}

static void remove_cpu(struct cpus *cpus, uint32_t index, const char *reason)
{
    struct cpu *cpu = cpus->cpu[index];

    if (!cpu || !cpu->committed || cpus_slot(cpus, index).state != HOTRAM_CPU_EJECTING)
        return;
    ost_event_now(&cpus->ost, index); /* while it has a name */
    if (vcpus_has(cpus->config.vcpus, index))
        vcpus_remove(cpus->config.vcpus, index);
    cpus_drop(cpus, index);
    finish(cpus, index);
    /* If it was plugged again meanwhile it comes back when the guest has reported the end of the removal:
     * Linux 6.12 looks whether the slot is empty right after the eject. */
    cpu->away = cpu->wanted;
    cpu->wanted = false;
    if (!cpu->away)
        cpu_forget(cpu, reason);
}

struct taken {
    struct notice notices[NOTICES_MAX + CPUS_MAX];
    uint32_t count;
    bool ejecting[CPUS_MAX];
    bool denied[CPUS_MAX];
    struct notice denial[CPUS_MAX];
};

static void take_notices(struct cpus *cpus, struct taken *taken)
{
    machine_lock_take(cpus->config.board->lock);
    taken->count = notices_take(&cpus->notices, taken->notices);
    memcpy(taken->denied, cpus->denied, sizeof taken->denied);
    memcpy(taken->denial, cpus->denial, sizeof taken->denial);
    memset(cpus->denied, 0, sizeof cpus->denied);
    for (uint32_t slot = 0; slot < cpus->possible; slot++) {
        const struct hotram_cpu *cpu = &cpus->slots[slot];

        taken->ejecting[slot] = cpu->state == HOTRAM_CPU_EJECTING;
        if (cpus->notices.missed[slot])
            taken->notices[taken->count++] = (struct notice){ NOTICE_OST, slot, cpu->ost_event,
                                                              cpu->ost_status, false };
        cpus->notices.missed[slot] = false;
    }
    machine_lock_release(cpus->config.board->lock);
}

void cpus_handle_notices(void *opaque)
{
    struct cpus *cpus = opaque;
    struct taken taken;

    take_notices(cpus, &taken);
    for (uint32_t i = 0; i < taken.count; i++) {
        const struct notice *notice = &taken.notices[i];

        if (notice->kind == NOTICE_EJECT) {
            remove_cpu(cpus, notice->slot, NULL);
        } else {
            ost_event(&cpus->ost, notice);
            cpu_reported(cpus, notice);
            if (cpus->cpu[notice->slot] && cpus->cpu[notice->slot]->away && ost_is_ejection(notice->event) &&
                !ost_in_progress(notice->event, notice->status))
                cpu_return(cpus->cpu[notice->slot], true);
        }
    }
    /* Ejects whose notice found no room. */
    for (uint32_t slot = 0; slot < cpus->possible; slot++)
        if (taken.ejecting[slot])
            remove_cpu(cpus, slot, NULL);
    for (uint32_t slot = 0; slot < cpus->possible; slot++)
        if (taken.denied[slot])
            cpu_denied(cpus, &taken.denial[slot]);
    notices_handled(&cpus->notices, taken.count);
}

/* ---- resets ---- */

static void end_plugs(struct cpus *cpus, const char *reason)
{
    for (uint32_t i = 0; i < cpus->possible; i++)
        if (cpus->operation[i] && cpus->operation[i]->kind == OPERATION_PLUG)
            operation_happens(cpus->operation[i], OPERATION_RESET, reason);
}

void cpus_reset(struct cpus *cpus)
{
    bool going[CPUS_MAX] = { false };

    if (!cpus_enabled(cpus))
        return;
    cpus_handle_notices(cpus);
    end_plugs(cpus, "the guest was reset before it responded; it finds the CPU when it boots");
    machine_lock_take(cpus->config.board->lock);
    for (uint32_t i = 0; i < cpus->possible; i++) {
        cpus->asked[i] = (struct cpu_asked){ false, 0 };
        going[i] = cpus->slots[i].state == HOTRAM_CPU_REMOVAL_REQUESTED;
        if (going[i])
            RESULT_DOES_NOT_MATTER(hotram_cpus_eject(&cpus->bank, i), "its removal was requested");
    }
    RESULT_DOES_NOT_MATTER(hotram_cpus_reset(&cpus->bank), "the bank is sound");
    RESULT_DOES_NOT_MATTER(hotram_cpuhp_init(&cpus->block, &cpus->bank), "so is the block");
    machine_lock_release(cpus->config.board->lock);
    for (uint32_t i = 0; i < cpus->possible; i++) {
        if (going[i])
            remove_cpu(cpus, i, "completed when the guest was reset and no longer used the CPU");
        if (!cpus->cpu[i])
            continue;
        cpus->cpu[i]->wanted = false; /* the guest that would give it back is no more */
        if (cpus->cpu[i]->away)
            cpu_return(cpus->cpu[i], false);
    }
    /* The guest that starts next must not find them. */
    cpus_handle_notices(cpus);
    cpus->changed = false;
}

void cpus_before_start(struct cpus *cpus)
{
    if (!cpus_enabled(cpus))
        return;
    machine_lock_take(cpus->config.board->lock);
    RESULT_DOES_NOT_MATTER(hotram_cpus_reset(&cpus->bank), "the bank is sound");
    machine_lock_release(cpus->config.board->lock);
    for (uint32_t i = 0; i < cpus->possible; i++)
        if (cpus->operation[i] && cpus->operation[i]->kind == OPERATION_PLUG)
            operation_happens(cpus->operation[i], OPERATION_TAKEN, "the guest finds the CPU when it boots");
}

/* ---- deadlines ---- */

static const char *likely_state(const struct operation *operation, bool seen)
{
    if (operation->answered)
        return "the guest is working on it and may still finish";
    if (seen)
        return "the guest has seen the request but not reported on it; it may still respond";
    return "the guest has not read its CPU registers; its ACPI may not be initialised, it may lack CPU hotplug, or it may hang";
}

void cpus_expire(struct operation *operation)
{
    struct cpus *cpus = operation->subject.owner;
    const struct hotram_cpu slot = cpus_slot(cpus, operation->subject.cpu.index);
    const bool pending = operation->kind == OPERATION_PLUG ? slot.insert_pending : slot.remove_pending;

    /* It may have answered just now. */
    cpus_handle_notices(cpus);
    if (operation->result != OPERATION_IN_PROGRESS)
        return;
    if (cpus->cpu[operation->subject.cpu.index] && cpus->cpu[operation->subject.cpu.index]->away)
        cpu_return(cpus->cpu[operation->subject.cpu.index], true);
    if (operation->result != OPERATION_IN_PROGRESS)
        return;
    snprintf(operation->reason, OPERATION_REASON_SIZE, "no answer in %g s: %s",
             (double)operation->deadline / 1000, likely_state(operation, !pending));
    operation_happens(operation, OPERATION_EXPIRED, NULL);
}
