/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The saved form of a bank of CPUs. A first pass over the saved slots checks all of them, a second one lets
 * the caller attach the CPUs, a third one, which cannot fail, sets the slots.
 */
#include "state.h"

#include <hotram/state_cpus.h>

#include "cpu.h"

#define COUNT_LENGTH 4u
#define SLOT_LENGTH 18u

/* Bits of a slot's last byte. */
#define INSERT 0x1u
#define REMOVE 0x2u

/* The numbers of the states are part of the format. */
_Static_assert(HOTRAM_CPU_ABSENT == 0 && HOTRAM_CPU_FIXED == 1 && HOTRAM_CPU_PLUGGED == 2 &&
                   HOTRAM_CPU_REMOVAL_REQUESTED == 3 && HOTRAM_CPU_EJECTING == 4,
               "saved banks have these");
_Static_assert(HOTRAM_STATE_CPUS_LENGTH(3) == HOTRAM_STATE_FRAME + COUNT_LENGTH + 3 * SLOT_LENGTH,
               "as state_cpus.h says");

static uint32_t contents_length(const struct hotram_cpus *cpus)
{
    return COUNT_LENGTH + SLOT_LENGTH * cpus->count;
}

enum hotram_status hotram_cpus_save(const struct hotram_cpus *cpus, struct hotram_buffer *out)
{
    struct state_writer writer;

    if (!cpus || !out || cpus->count > HOTRAM_STATE_CPUS_MAX)
        return HOTRAM_E_ARGUMENT;
    libhotram_state_begin(&writer, out, HOTRAM_STATE_CPUS, contents_length(cpus));
    libhotram_state_put(&writer, cpus->count, COUNT_LENGTH);
    for (uint32_t i = 0; i < cpus->count; i++) {
        const struct hotram_cpu *cpu = &cpus->slots[i];

        libhotram_state_put(&writer, cpu->hardware_id, 8);
        libhotram_state_put(&writer, cpu->ost_event, 4);
        libhotram_state_put(&writer, cpu->ost_status, 4);
        libhotram_state_put(&writer, cpu->state, 1);
        libhotram_state_put(&writer, (cpu->insert_pending ? INSERT : 0) | (cpu->remove_pending ? REMOVE : 0),
                            1);
    }
    return libhotram_state_end(&writer);
}

/* ---- Restoring ---- */

/* A slot as it was saved. */
struct saved_slot {
    uint64_t hardware_id;
    uint32_t ost_event;
    uint32_t ost_status;
    uint8_t state;
    uint8_t pending;
};

static struct saved_slot get_slot(struct hotram_saved *contents)
{
    struct saved_slot slot;

    slot.hardware_id = libhotram_state_get(contents, 8);
    slot.ost_event = (uint32_t)libhotram_state_get(contents, 4);
    slot.ost_status = (uint32_t)libhotram_state_get(contents, 4);
    slot.state = (uint8_t)libhotram_state_get(contents, 1);
    slot.pending = (uint8_t)libhotram_state_get(contents, 1);
    return slot;
}

static bool is_present(const struct saved_slot *slot)
{
    return slot->state == HOTRAM_CPU_FIXED || slot->state == HOTRAM_CPU_PLUGGED ||
           slot->state == HOTRAM_CPU_REMOVAL_REQUESTED;
}

/* Events that a slot may have pending. */
static unsigned events_of(uint8_t state)
{
    switch (state) {
    case HOTRAM_CPU_PLUGGED:
        return INSERT;
    case HOTRAM_CPU_REMOVAL_REQUESTED:
        return INSERT | REMOVE;
    default:
        return 0;
    }
}

/* The target has no CPUs, and as many slots. */
static enum hotram_status check_target(const struct hotram_cpus *cpus, struct hotram_saved contents,
                                       struct hotram_restore_result *result)
{
    const size_t length = contents.length;
    uint64_t count;

    for (uint32_t i = 0; i < cpus->count; i++) {
        if (cpus->slots[i].state != HOTRAM_CPU_ABSENT) {
            result->slot = i;
            return HOTRAM_E_SLOT_TAKEN;
        }
    }
    if (length < COUNT_LENGTH)
        return libhotram_state_refuse(result, HOTRAM_E_FORMAT, HOTRAM_FIELD_LENGTH,
                                      length + HOTRAM_STATE_FRAME,
                                      HOTRAM_STATE_FRAME + contents_length(cpus));
    count = libhotram_state_get(&contents, COUNT_LENGTH);
    if (count != cpus->count)
        return libhotram_state_refuse(result, HOTRAM_E_CONFIG, HOTRAM_FIELD_SLOTS, count, cpus->count);
    if (length != contents_length(cpus))
        return libhotram_state_refuse(result, HOTRAM_E_FORMAT, HOTRAM_FIELD_LENGTH,
                                      length + HOTRAM_STATE_FRAME,
                                      HOTRAM_STATE_FRAME + contents_length(cpus));
    return HOTRAM_OK;
}

static enum hotram_status check_slot(const struct saved_slot *slot, uint64_t hardware_id,
                                     struct hotram_restore_result *result)
{
    if (slot->hardware_id != hardware_id)
        return libhotram_state_refuse(result, HOTRAM_E_CONFIG, HOTRAM_FIELD_CPU_ID, slot->hardware_id,
                                      hardware_id);
    if (slot->state > HOTRAM_CPU_EJECTING)
        return libhotram_state_refuse(result, HOTRAM_E_VALUE, HOTRAM_FIELD_DIMM_STATE, slot->state, 0);
    if (slot->pending & ~events_of(slot->state))
        return libhotram_state_refuse(result, HOTRAM_E_VALUE, HOTRAM_FIELD_PENDING, slot->pending,
                                      events_of(slot->state));
    return HOTRAM_OK;
}

static enum hotram_status check_slots(const struct hotram_cpus *cpus, struct hotram_saved contents,
                                      struct hotram_restore_result *result)
{
    for (uint32_t i = 0; i < cpus->count; i++) {
        const struct saved_slot slot = get_slot(&contents);
        enum hotram_status status = check_slot(&slot, cpus->slots[i].hardware_id, result);

        if (status != HOTRAM_OK) {
            result->slot = i;
            return status;
        }
    }
    return HOTRAM_OK;
}

static void detach_before(struct hotram_saved contents, const struct hotram_cpus_restoring *how, uint32_t end)
{
    for (uint32_t i = 0; i < end; i++) {
        const struct saved_slot slot = get_slot(&contents);

        if (is_present(&slot))
            how->detach(how->opaque, i);
    }
}

/* Let the caller attach all CPUs, or none. */
static enum hotram_status attach_all(const struct hotram_cpus *cpus, struct hotram_saved contents,
                                     const struct hotram_cpus_restoring *how,
                                     struct hotram_restore_result *result)
{
    const struct hotram_saved slots = contents;

    for (uint32_t i = 0; how && i < cpus->count; i++) {
        const struct saved_slot slot = get_slot(&contents);

        if (is_present(&slot) && !how->attach(how->opaque, i)) {
            detach_before(slots, how, i);
            result->slot = i;
            return HOTRAM_E_ATTACH;
        }
    }
    return HOTRAM_OK;
}

/* What nothing can refuse. From the last slot on, so that each that has an event comes first in the list. */
static void set_all(struct hotram_cpus *cpus, struct hotram_saved contents)
{
    for (uint32_t left = cpus->count; left > 0; left--) {
        const uint32_t i = left - 1;
        struct hotram_saved at = { contents.bytes + (size_t)SLOT_LENGTH * i, SLOT_LENGTH };
        const struct saved_slot slot = get_slot(&at);
        struct hotram_cpu *cpu = &cpus->slots[i];

        cpu->ost_event = slot.ost_event;
        cpu->ost_status = slot.ost_status;
        cpu->state = slot.state;
        libhotram_cpu_set_pending(cpus, i, slot.pending & INSERT, slot.pending & REMOVE);
    }
}

static enum hotram_status restore(struct hotram_cpus *cpus, const struct hotram_saved *saved,
                                  const struct hotram_cpus_restoring *how,
                                  struct hotram_restore_result *result)
{
    struct hotram_saved contents;
    enum hotram_status status;

    if (!cpus || (how && (!how->attach || !how->detach)))
        return HOTRAM_E_ARGUMENT;
    status = libhotram_state_open(saved, HOTRAM_STATE_CPUS, &contents, result);
    if (status == HOTRAM_OK)
        status = check_target(cpus, contents, result);
    if (status != HOTRAM_OK)
        return status;
    contents.bytes += COUNT_LENGTH;
    contents.length -= COUNT_LENGTH;
    status = check_slots(cpus, contents, result);
    if (status == HOTRAM_OK)
        status = attach_all(cpus, contents, how, result);
    if (status == HOTRAM_OK)
        set_all(cpus, contents);
    return status;
}

enum hotram_status hotram_cpus_restore(struct hotram_cpus *cpus, struct hotram_saved *saved,
                                       const struct hotram_cpus_restoring *how,
                                       struct hotram_restore_result *result)
{
    struct hotram_restore_result found;
    enum hotram_status status;

    libhotram_state_start(&found);
    status = restore(cpus, saved, how, &found);
    if (status == HOTRAM_OK)
        libhotram_state_close(saved);
    if (result)
        *result = found;
    return status;
}
