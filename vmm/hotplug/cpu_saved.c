/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CPUs in a stream of saved states: which there are, what the guest knows of them, and operations in
 * progress. Machines whose CPUs all stay have none of these sections.
 */
#include <hotram/state_cpus.h>

#include <inttypes.h>

#include "hotplug/cpu_state.h"
#include "hotplug/saved_operations.h"

/* ---- which CPUs there are: the target must have the same ---- */

static void describe(struct cpus *cpus, struct stream_writer *writer)
{
    char name[STREAM_NAME_MAX + 1];

    stream_open(writer, "CPUs");
    for (uint32_t i = 0; i < cpus->possible; i++)
        if (cpus->cpu[i])
            stream_text(writer, saved_name(name, "CPU", i, "id"),
                        cpus->cpu[i]->device.id ? cpus->cpu[i]->device.id : "");
}

/* ---- what cannot be saved ---- */

bool cpus_can_save(struct cpus *cpus, struct error *error)
{
    for (uint32_t i = 0; cpus_enabled(cpus) && i < cpus->possible; i++)
        if (cpus->cpu[i] && cpus->cpu[i]->away)
            return error_set(error,
                             "the guest has released CPU %" PRIu32
                             ", which was plugged again and comes back; "
                             "wait for the end of its plug",
                             i);
    return true;
}

/* ---- operations ---- */

static uint32_t slot_of(const struct operation *operation)
{
    return operation->subject.cpu.index;
}

static struct operation *make_operation(void *opaque, uint32_t slot, enum operation_kind kind,
                                        struct error *error)
{
    struct cpus *cpus = opaque;

    if (cpus->cpu[slot] && !cpus->operation[slot])
        return cpu_operation_new(cpus->cpu[slot], kind, error);
    error_set(error, "CPU %" PRIu32 " %s", slot, cpus->cpu[slot] ? "has one already" : "is absent");
    return NULL;
}

static struct saved_operations saved_operations_of(struct cpus *cpus)
{
    return (struct saved_operations){
        .operations = cpus->config.operations,
        .type = &cpu_subject,
        .owner = cpus,
        .slots = cpus->possible,
        .kinds = 1u << OPERATION_PLUG | 1u << OPERATION_UNPLUG,
        .slot = slot_of,
        .make = make_operation,
    };
}

/* ---- the whole ---- */

void cpus_settle(struct cpus *cpus)
{
    if (!cpus_enabled(cpus))
        return;
    cpus_handle_notices(cpus);
    for (uint32_t i = 0; i < cpus->possible; i++)
        ost_event_now(&cpus->ost, i);
}

static bool save_bank(const struct cpus *cpus, struct hotram_buffer *out, struct error *error)
{
    enum hotram_status status = hotram_cpus_save(&cpus->bank, out);

    /* A buffer that is full says so at the end. */
    if (status == HOTRAM_OK || status == HOTRAM_E_BUFFER)
        status = hotram_cpuhp_save(&cpus->block, out);
    return status == HOTRAM_OK || status == HOTRAM_E_BUFFER ||
           error_set(error, "CPU slots: %s", hotram_status_text(status));
}

bool cpus_save(struct cpus *cpus, struct stream_writer *writer, struct error *error)
{
    struct saved_operations operations;
    bool saved;

    if (!cpus_enabled(cpus))
        return true;
    operations = saved_operations_of(cpus);
    if (!cpus_can_save(cpus, error))
        return false;
    machine_lock_take(cpus->config.board->lock);
    describe(cpus, writer);
    saved = stream_close(writer, error);
    stream_open(writer, "CPU hotplug");
    for (uint32_t i = 0; i < cpus->possible; i++)
        if (cpus->cpu[i])
            saved_put(writer, "CPU", i, "comes back", cpus->cpu[i]->wanted);
    saved_operations_put(&operations, writer);
    saved = saved && stream_close(writer, error) && save_bank(cpus, writer->out, error);
    machine_lock_release(cpus->config.board->lock);
    return saved;
}

/* A bank is restored into one without CPUs; that the machine has the same ones has been checked. */
static bool restore_bank(struct cpus *cpus, const struct hotram_saved *stream, struct error *error)
{
    const struct hotram_cpus_ops *ops = cpus->bank.ops;
    struct hotram_restore_result result;
    struct hotram_saved saved;
    enum hotram_status status;

    if (!stream_find_kind(stream, HOTRAM_STATE_CPUS, &saved, error))
        return false;
    status = hotram_cpus_init(&cpus->bank, cpus->slots, cpus->possible, ops, cpus);
    if (status == HOTRAM_OK)
        status = hotram_cpus_restore(&cpus->bank, &saved, NULL, &result);
    if (status != HOTRAM_OK)
        return error_set(error, "CPU slots: %s (%s is 0x%" PRIx64 ", CPU %" PRIu32 ")",
                         hotram_status_text(status), hotram_state_field_text(result.field), result.saved,
                         result.slot);
    status = hotram_cpuhp_restore(&cpus->block, &saved, &result);
    return status == HOTRAM_OK ||
           error_set(error, "registers of the CPU slots: %s (%s)", hotram_status_text(status),
                     hotram_state_field_text(result.field));
}

/* The CPUs of the bank are those that were described, and the same ones stay. */
static bool check_bank(struct cpus *cpus, struct error *error)
{
    for (uint32_t i = 0; i < cpus->possible; i++) {
        const uint8_t state = cpus->slots[i].state;
        const bool present = state != HOTRAM_CPU_ABSENT && state != HOTRAM_CPU_EJECTING;
        const bool stays = i == 0 || (cpus->config.fixed && i < cpus->config.config->cpus);

        if (state == HOTRAM_CPU_EJECTING || present != (cpus->cpu[i] != NULL) ||
            (state == HOTRAM_CPU_FIXED) != stays)
            return error_set(error, "CPU %" PRIu32 ": its saved state is %u, and in this machine it is %s", i,
                             state,
                             stays          ? "one that stays"
                             : cpus->cpu[i] ? "one that can go"
                                            : "absent");
    }
    return true;
}

static bool restore_wanted(struct cpus *cpus, const struct stream_part *part, struct error *error)
{
    uint64_t wanted;

    for (uint32_t i = 0; i < cpus->possible; i++) {
        if (!cpus->cpu[i])
            continue;
        if (!saved_get(part, "CPU", i, "comes back", 1, &wanted, error))
            return false;
        cpus->cpu[i]->wanted = wanted != 0;
        cpus->asked[i].guests = wanted != 0 || (cpus->slots[i].state == HOTRAM_CPU_REMOVAL_REQUESTED &&
                                                !cpus->slots[i].remove_pending);
    }
    return true;
}

bool cpus_restore(struct cpus *cpus, const struct hotram_saved *stream, struct stream_writer *scratch,
                  struct error *error)
{
    struct saved_operations operations;
    struct stream_part part;
    bool restored;

    if (!cpus_enabled(cpus))
        return true;
    operations = saved_operations_of(cpus);
    describe(cpus, scratch);
    machine_lock_take(cpus->config.board->lock);
    restored = stream_matches(scratch, stream, error) && stream_find(stream, "CPU hotplug", &part, error) &&
               restore_bank(cpus, stream, error) && check_bank(cpus, error) &&
               restore_wanted(cpus, &part, error);
    machine_lock_release(cpus->config.board->lock);
    return restored && saved_operations_get(&operations, &part, error);
}

/* ---- of a migration ---- */

bool cpus_save_config(struct cpus *cpus, struct stream_writer *writer, struct error *error)
{
    if (!cpus_enabled(cpus))
        return true;
    describe(cpus, writer);
    return stream_close(writer, error);
}

bool cpus_check_config(struct cpus *cpus, const struct hotram_saved *stream, struct stream_writer *scratch,
                       struct error *error)
{
    if (!cpus_enabled(cpus))
        return true;
    describe(cpus, scratch);
    return stream_matches(scratch, stream, error);
}
