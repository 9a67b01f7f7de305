/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DIMMs in a stream of saved states: which there are, what the guest knows of them, and operations in
 * progress. mem_saved.c adds virtio-mem devices.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "hotplug/mem.h"
#include "hotplug/saved_operations.h"
#include "hotplug/state.h"
#include "memory/backend_memory.h"

/* ---- which DIMMs there are: the target must have the same ---- */

static void describe(struct hotplug *hotplug, struct stream_writer *writer)
{
    char name[STREAM_NAME_MAX + 1];

    stream_open(writer, "DIMMs");
    stream_number(writer, "slots", hotplug->config.slots);
    stream_number(writer, "region base", hotplug->config.region_base);
    stream_number(writer, "region size", hotplug->config.region_size);
    for (uint32_t slot = 0; slot < hotplug->config.slots; slot++) {
        const struct dimm *dimm = hotplug->dimm[slot];
        const struct hotram_dimm *place = &hotplug->slots[slot];

        if (!dimm)
            continue;
        stream_text(writer, saved_name(name, "slot", slot, "id"), dimm->device.id ? dimm->device.id : "");
        saved_put(writer, "slot", slot, "address", place->addr);
        saved_put(writer, "slot", slot, "size", place->size);
        saved_put(writer, "slot", slot, "node", place->node);
    }
}

/* ---- what cannot be saved ---- */

bool hotplug_can_save(struct hotplug *hotplug, struct error *error)
{
    char path[DIMM_PATH_SIZE];

    if (hotplug->resize)
        return error_set(error, "a memory set is in progress; wait for its end, or cancel it with "
                                "memory-set-cancel");
    for (uint32_t slot = 0; slot < hotplug->config.slots; slot++) {
        const struct dimm *dimm = hotplug->dimm[slot];

        if (dimm && dimm->populating)
            return error_set(error, "the memory of DIMM '%s' is being %s; wait for the end of its plug",
                             hotplug_name(dimm, path),
                             dimm->offered ? "mapped by the back ends of vhost-user devices" : "allocated");
        if (dimm && dimm->removing)
            return error_set(error,
                             "the guest has released DIMM '%s', which is being removed; wait for "
                             "DEVICE_DELETED",
                             hotplug_name(dimm, path));
    }
    return true;
}

/* ---- what the guest has read and written ---- */

static uint64_t seen_bits(const struct seen *seen)
{
    return (uint64_t)(seen->noticed | seen->status << 1 | seen->found << 2 | seen->premature << 3 |
                      seen->began << 4 | seen->unheard << 5) |
           (uint64_t)seen->looks << 8;
}

static struct seen seen_of(uint64_t bits)
{
    return (struct seen){
        .noticed = bits & 1,
        .status = bits >> 1 & 1,
        .found = bits >> 2 & 1,
        .premature = bits >> 3 & 1,
        .began = bits >> 4 & 1,
        .unheard = bits >> 5 & 1,
        .looks = (unsigned)(bits >> 8),
    };
}

/* Empty memslots keep their slots reserved; a bank is saved without reservations, which the target's
 * configuration makes anew. */
static void drop_reservations(struct hotplug *hotplug)
{
    for (uint32_t slot = 0; slot < hotplug->config.slots; slot++)
        if (hotplug->slots[slot].state == HOTRAM_DIMM_RESERVED)
            hotram_bank_cancel(&hotplug->bank, slot);
}

static void keep_memslots(struct hotplug *hotplug)
{
    for (uint32_t slot = 0; slot < hotplug->config.slots; slot++)
        if (hotplug->slots[slot].state == HOTRAM_DIMM_EMPTY)
            memslot_keep(hotplug, slot);
}

static bool save_bank(struct hotplug *hotplug, struct hotram_buffer *out, struct error *error)
{
    enum hotram_status status;

    drop_reservations(hotplug);
    status = hotram_bank_save(&hotplug->bank, out);
    keep_memslots(hotplug);
    /* A buffer that is full says so at the end. */
    if (status == HOTRAM_OK || status == HOTRAM_E_BUFFER)
        status = hotram_memhp_save(&hotplug->block, out);
    return status == HOTRAM_OK || status == HOTRAM_E_BUFFER ||
           error_set(error, "DIMM slots: %s", hotram_status_text(status));
}

/* ---- operations ---- */

static uint32_t slot_of(const struct operation *operation)
{
    return operation->subject.memory.slot;
}

static struct operation *make_operation(void *opaque, uint32_t slot, enum operation_kind kind,
                                        struct error *error)
{
    struct hotplug *hotplug = opaque;
    struct dimm *dimm = hotplug->dimm[slot];

    if (dimm && !hotplug->operation[slot])
        return dimm_operation_new(dimm, kind, hotplug->slots[slot].size, error);
    error_set(error, "slot %" PRIu32 " has %s", slot, dimm ? "one already" : "no DIMM");
    return NULL;
}

static struct saved_operations saved_operations_of(struct hotplug *hotplug)
{
    return (struct saved_operations){
        .operations = &hotplug->operations,
        .type = &dimm_subject,
        .owner = hotplug,
        .slots = HOTRAM_SLOTS_MAX,
        .kinds = 1u << OPERATION_PLUG | 1u << OPERATION_UNPLUG,
        .slot = slot_of,
        .make = make_operation,
    };
}

static bool restore_operations(struct hotplug *hotplug, const struct stream_part *part, struct error *error)
{
    const struct saved_operations saved = saved_operations_of(hotplug);

    return stream_get(part, "last operation", UINT64_MAX, &hotplug->operations.last_id, error) &&
           saved_operations_get(&saved, part, error);
}

/* ---- the whole ---- */

void hotplug_settle(struct hotplug *hotplug)
{
    hotplug_handle_notices(hotplug);
    for (uint32_t slot = 0; slot < hotplug->config.slots; slot++)
        ost_event_now(&hotplug->ost, slot);
}

bool hotplug_save(struct hotplug *hotplug, struct stream_writer *writer, struct error *error)
{
    const struct saved_operations operations = saved_operations_of(hotplug);
    bool saved;

    if (!hotplug_can_save(hotplug, error))
        return false;
    machine_lock_take(hotplug->config.board->lock);
    describe(hotplug, writer);
    saved = stream_close(writer, error);
    stream_open(writer, "hotplug");
    stream_number(writer, "scanned", hotplug->scanned);
    stream_number(writer, "scanning", hotplug->scanning);
    for (uint32_t slot = 0; slot < hotplug->config.slots; slot++)
        if (hotplug->dimm[slot])
            saved_put(writer, "slot", slot, "seen", seen_bits(&hotplug->seen[slot]));
    stream_number(writer, "last operation", hotplug->operations.last_id);
    saved_operations_put(&operations, writer);
    saved = saved && stream_close(writer, error) &&
            (hotplug->config.slots == 0 || save_bank(hotplug, writer->out, error));
    machine_lock_release(hotplug->config.board->lock);
    return saved && mem_save(hotplug, writer, error) && mem_save_operations(hotplug, writer, error);
}

bool hotplug_save_config(struct hotplug *hotplug, struct stream_writer *writer, struct error *error)
{
    machine_lock_take(hotplug->config.board->lock);
    describe(hotplug, writer);
    machine_lock_release(hotplug->config.board->lock);
    return stream_close(writer, error) && mem_save(hotplug, writer, error);
}

bool hotplug_check_config(struct hotplug *hotplug, const struct hotram_saved *stream,
                          struct stream_writer *scratch, struct error *error)
{
    machine_lock_take(hotplug->config.board->lock);
    describe(hotplug, scratch);
    machine_lock_release(hotplug->config.board->lock);
    return stream_matches(scratch, stream, error) && mem_same(hotplug, stream, scratch, error);
}

/* Ranges of the bank are not in its saved form: a bank that is begun anew needs them again. */
static bool reserve_range(struct hotplug *hotplug, uint32_t range, const struct hotram_dimm *place,
                          struct error *error)
{
    struct mem_device *mem = hotplug->mem[range];
    const struct hotram_dimm_request request = {
        .addr = place->addr,
        .addr_given = true,
        .size = place->size,
        .align = hotplug->bank.config.granularity,
        .node = place->node,
        .range = true,
    };
    struct hotram_dimm_result result;

    if (hotram_bank_reserve(&hotplug->bank, &request, &result) != HOTRAM_OK)
        return error_set(error, "the addresses of virtio-mem device '%.80s' are not free",
                         mem->virtio.name); /* they were a moment ago */
    hotplug->mem[range] = NULL;
    mem->range = result.slot - hotplug->config.slots;
    hotplug->mem[mem->range] = mem;
    return true;
}

static bool reserve_ranges(struct hotplug *hotplug, const struct hotram_dimm *places, struct error *error)
{
    bool good = true;

    for (uint32_t range = 0; range < HOTRAM_RANGES_MAX && good; range++)
        if (hotplug->mem[range])
            good = reserve_range(hotplug, range, &places[range], error);
    return good;
}

/* A bank is restored into one without DIMMs; that it has the same ones has been checked. */
static bool restore_bank(struct hotplug *hotplug, const struct hotram_saved *stream, struct error *error)
{
    const struct hotram_bank_config config = hotplug->bank.config;
    const struct hotram_bank_ops *ops = hotplug->bank.ops;
    struct hotram_dimm places[HOTRAM_RANGES_MAX];
    struct hotram_restore_result result;
    struct hotram_saved saved;
    enum hotram_status status;

    if (!stream_find_kind(stream, HOTRAM_STATE_BANK, &saved, error))
        return false;
    memcpy(places, hotplug->slots + config.slots, sizeof places);
    status = hotram_bank_init(&hotplug->bank, &config, hotplug->slots, ops, hotplug);
    if (status == HOTRAM_OK && !reserve_ranges(hotplug, places, error))
        return false;
    if (status == HOTRAM_OK)
        status = hotram_bank_restore(&hotplug->bank, &saved, NULL, &result);
    if (status != HOTRAM_OK)
        return error_set(error, "DIMM slots: %s (%s is 0x%" PRIx64 ", slot %" PRIu32 ")",
                         hotram_status_text(status), hotram_state_field_text(result.field), result.saved,
                         result.slot);
    keep_memslots(hotplug);
    status = hotram_memhp_restore(&hotplug->block, &saved, &result);
    return status == HOTRAM_OK ||
           error_set(error, "registers of the DIMM slots: %s (%s)", hotram_status_text(status),
                     hotram_state_field_text(result.field));
}

/* The DIMMs of the bank are those that were described. */
static bool check_bank(struct hotplug *hotplug, const struct hotram_saved *stream,
                       struct stream_writer *scratch, struct error *error)
{
    for (uint32_t slot = 0; slot < hotplug->config.slots; slot++) {
        const uint8_t state = hotplug->slots[slot].state;
        const bool plugged = state == HOTRAM_DIMM_PLUGGED || state == HOTRAM_DIMM_REMOVAL_REQUESTED;

        if (plugged != (hotplug->dimm[slot] != NULL) || state == HOTRAM_DIMM_EJECTING)
            return error_set(error, "slot %" PRIu32 ": its saved state is %u, and this machine has %s in it",
                             slot, state, hotplug->dimm[slot] ? "a DIMM" : "no DIMM");
    }
    describe(hotplug, scratch);
    return stream_matches(scratch, stream, error);
}

static bool restore_seen(struct hotplug *hotplug, const struct stream_part *part, struct error *error)
{
    uint64_t scanned, scanning, bits;

    if (!stream_get(part, "scanned", 1, &scanned, error) ||
        !stream_get(part, "scanning", UINT32_MAX, &scanning, error))
        return false;
    hotplug->scanned = scanned != 0;
    hotplug->scanning = (uint32_t)scanning;
    if (scanning >= hotplug->config.slots && scanning != HOTRAM_SLOT_ANY)
        return error_set(error, "section 'hotplug' of the saved state: slot %" PRIu64 " does not exist",
                         scanning);
    for (uint32_t slot = 0; slot < hotplug->config.slots; slot++) {
        if (!hotplug->dimm[slot])
            continue;
        if (!saved_get(part, "slot", slot, "seen", 0xffff, &bits, error))
            return false;
        hotplug->seen[slot] = seen_of(bits);
    }
    return true;
}

bool hotplug_restore(struct hotplug *hotplug, const struct hotram_saved *stream,
                     struct stream_writer *scratch, struct error *error)
{
    struct stream_part part;
    bool restored;

    machine_lock_take(hotplug->config.board->lock);
    describe(hotplug, scratch);
    restored = stream_matches(scratch, stream, error) && mem_same(hotplug, stream, scratch, error) &&
               stream_find(stream, "hotplug", &part, error) &&
               (hotplug->config.slots == 0 ||
                (restore_bank(hotplug, stream, error) && check_bank(hotplug, stream, scratch, error))) &&
               restore_seen(hotplug, &part, error);
    machine_lock_release(hotplug->config.board->lock);
    return restored && restore_operations(hotplug, &part, error) &&
           hotplug_restore_blocks(hotplug, stream, error) && mem_restore_operations(hotplug, stream, error);
}
