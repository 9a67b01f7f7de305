/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/fields.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

/* Of a saved state before its contents (hotram/state.h). */
#define FRONT 12u

/* ---- libhotram's blocks ---- */

static enum hotram_status save_gpe(const void *block, struct hotram_buffer *out)
{
    return hotram_gpe_save(block, out);
}

static enum hotram_status restore_gpe(void *block, struct hotram_saved *saved,
                                      struct hotram_restore_result *result)
{
    return hotram_gpe_restore(block, saved, result);
}

static void reset_gpe(void *block)
{
    hotram_gpe_reset(block);
}

const struct state_block state_gpe = { sizeof(struct hotram_gpe), HOTRAM_STATE_FRAME + 6, save_gpe,
                                       restore_gpe, reset_gpe };

static enum hotram_status save_ged(const void *block, struct hotram_buffer *out)
{
    return hotram_ged_save(block, out);
}

static enum hotram_status restore_ged(void *block, struct hotram_saved *saved,
                                      struct hotram_restore_result *result)
{
    return hotram_ged_restore(block, saved, result);
}

static void reset_ged(void *block)
{
    hotram_ged_reset(block);
}

const struct state_block state_ged = { sizeof(struct hotram_ged), HOTRAM_STATE_FRAME + 4, save_ged,
                                       restore_ged, reset_ged };

static enum hotram_status save_pm1(const void *block, struct hotram_buffer *out)
{
    return hotram_pm1_save(block, out);
}

static enum hotram_status restore_pm1(void *block, struct hotram_saved *saved,
                                      struct hotram_restore_result *result)
{
    return hotram_pm1_restore(block, saved, result);
}

static void reset_pm1(void *block)
{
    hotram_pm1_reset(block);
}

const struct state_block state_pm1 = { sizeof(struct hotram_pm1), HOTRAM_STATE_FRAME + 6, save_pm1,
                                       restore_pm1, reset_pm1 };

/* ---- elements ---- */

static uint64_t get(const uint8_t *at, unsigned width)
{
    uint16_t half;
    uint32_t word;
    uint64_t all;

    switch (width) {
    case 1:
        return *at;
    case 2:
        memcpy(&half, at, sizeof half);
        return half;
    case 4:
        memcpy(&word, at, sizeof word);
        return word;
    default:
        memcpy(&all, at, sizeof all);
        return all;
    }
}

static void put(uint8_t *at, unsigned width, uint64_t value)
{
    const uint16_t half = (uint16_t)value;
    const uint32_t word = (uint32_t)value;

    switch (width) {
    case 1:
        *at = (uint8_t)value;
        break;
    case 2:
        memcpy(at, &half, sizeof half);
        break;
    case 4:
        memcpy(at, &word, sizeof word);
        break;
    default:
        memcpy(at, &value, sizeof value);
        break;
    }
}

static void reset_field(const struct state_field *field, uint8_t *at, uint64_t kept)
{
    if (field->block)
        field->block->reset(at);
    for (unsigned i = 0; i < field->count; i++, at += field->width)
        put(at, field->width, (get(at, field->width) & kept) | (field->power_on & ~kept));
}

void state_power_on(const struct state_table *table, void *state)
{
    assert(table->size <= STATE_SIZE_MAX);
    memset(state, 0, table->size);
    for (unsigned i = 0; i < table->count; i++)
        reset_field(&table->fields[i], (uint8_t *)state + table->fields[i].offset, 0);
}

void state_reset(const struct state_table *table, void *state)
{
    for (unsigned i = 0; i < table->count; i++)
        reset_field(&table->fields[i], (uint8_t *)state + table->fields[i].offset, table->fields[i].kept);
}

/* ---- saving ---- */

static size_t length_of_field(const struct state_field *field)
{
    return field->block ? field->block->length : (size_t)field->width * field->count;
}

/* Of the fields that a version has. */
static size_t length_of_fields(const struct state_table *table, uint16_t version)
{
    size_t length = 0;

    for (unsigned i = 0; i < table->count; i++)
        if (table->fields[i].since <= version)
            length += length_of_field(&table->fields[i]);
    return length;
}

size_t state_length(const struct state_table *table, const char *name)
{
    return HOTRAM_STATE_FRAME + 1 + strlen(name) + length_of_fields(table, table->version);
}

static void save_field(const struct state_field *field, const uint8_t *at, struct hotram_buffer *out)
{
    if (field->block) {
        /* A block is its own judge, and one that is there can be saved; a buffer that is full says so at the
         * end. */
        (void)field->block->save(at, out);
        return;
    }
    for (unsigned i = 0; i < field->count; i++, at += field->width) {
        uint64_t value = get(at, field->width);

        for (unsigned byte = 0; byte < field->width; byte++)
            hotram_buffer_u8(out, (uint8_t)(value >> 8 * byte));
    }
}

enum hotram_status state_save(const struct state_table *table, const char *name, const void *state,
                              struct hotram_buffer *out)
{
    /* The largest name and struct; a block's saved form is longer than the block, by a frame. */
    uint8_t bytes[1 + STATE_NAME_MAX + 2 * STATE_SIZE_MAX];
    const size_t length = strlen(name);
    struct hotram_buffer contents;
    enum hotram_status status;

    assert(length <= STATE_NAME_MAX);
    hotram_buffer_init(&contents, bytes, sizeof bytes);
    hotram_buffer_u8(&contents, (uint8_t)length);
    hotram_buffer_bytes(&contents, name, length);
    for (unsigned i = 0; i < table->count; i++)
        save_field(&table->fields[i], (const uint8_t *)state + table->fields[i].offset, &contents);
    status = hotram_buffer_status(&contents);
    return status != HOTRAM_OK ? status
                               : hotram_state_wrap(STATE_KIND, table->version, bytes, contents.length, out);
}

/* ---- restoring ---- */

static bool refuse_frame(const char *name, enum hotram_status status,
                         const struct hotram_restore_result *result, struct error *error)
{
    return error_set(error, "saved state of '%s': %s (%s is 0x%" PRIx64 ", and 0x%" PRIx64 " was expected)",
                     name, hotram_status_text(status), hotram_state_field_text(result->field), result->saved,
                     result->wanted);
}

/* The contents of the next saved state, behind the name. */
static bool open_frame(const struct state_table *table, const char *name, const struct hotram_saved *saved,
                       struct hotram_saved *contents, struct hotram_state_frame *frame, struct error *error)
{
    struct hotram_restore_result result;
    const enum hotram_status status = hotram_state_look(saved, frame, &result);
    const size_t length = strlen(name);

    if (status != HOTRAM_OK)
        return refuse_frame(name, status, &result, error);
    *contents = (struct hotram_saved){ saved->bytes + FRONT, frame->length - HOTRAM_STATE_FRAME };
    if (frame->kind != STATE_KIND)
        return error_set(error, "saved state of '%s': it is of kind %u, and that of a device is %u", name,
                         frame->kind, STATE_KIND);
    if (contents->length < 1 + length || contents->bytes[0] != length ||
        memcmp(contents->bytes + 1, name, length) != 0)
        return error_set(error,
                         "saved state of '%s': it is another device's; the machine needs the same devices"
                         " in the same order",
                         name);
    if (frame->version == 0 || frame->version > table->version)
        return error_set(error, "saved state of '%s': it is of version %u, and this program has 1 to %u",
                         name, frame->version, table->version);
    contents->bytes += 1 + length;
    contents->length -= 1 + length;
    if (contents->length != length_of_fields(table, frame->version))
        return error_set(error, "saved state of '%s': %zu bytes of fields, and version %u has %zu", name,
                         contents->length, frame->version, length_of_fields(table, frame->version));
    return true;
}

static bool restore_numbers(const struct state_field *field, const char *name, uint8_t *at,
                            struct hotram_saved *contents, struct error *error)
{
    for (unsigned i = 0; i < field->count; i++, at += field->width) {
        uint64_t value = 0;

        for (unsigned byte = 0; byte < field->width; byte++)
            value |= (uint64_t)contents->bytes[byte] << 8 * byte;
        contents->bytes += field->width;
        contents->length -= field->width;
        if (value & ~field->bits)
            return error_set(error,
                             "saved state of '%s': '%s' is 0x%" PRIx64 ", in which only bits of 0x%" PRIx64
                             " can be set",
                             name, field->name, value, field->bits);
        if (field->always & ~value)
            return error_set(error,
                             "saved state of '%s': '%s' is 0x%" PRIx64 ", in which bits of 0x%" PRIx64
                             " are always set",
                             name, field->name, value, field->always);
        put(at, field->width, value);
    }
    return true;
}

static bool restore_block(const struct state_field *field, const char *name, uint8_t *at,
                          struct hotram_saved *contents, struct error *error)
{
    /* No more than its own bytes: the lengths that it has inside are no more to be believed. */
    struct hotram_saved own = { contents->bytes, field->block->length };
    struct hotram_restore_result result;
    enum hotram_status status = field->block->restore(at, &own, &result);

    if (status != HOTRAM_OK)
        return refuse_frame(name, status, &result, error);
    contents->bytes += field->block->length;
    contents->length -= field->block->length;
    return true;
}

bool state_restore(const struct state_table *table, const char *name, void *state, struct hotram_saved *saved,
                   struct error *error)
{
    _Alignas(max_align_t) uint8_t copy[STATE_SIZE_MAX];
    struct hotram_state_frame frame;
    struct hotram_saved contents;

    if (!open_frame(table, name, saved, &contents, &frame, error))
        return false;
    state_power_on(table, copy); /* for what the version lacks */
    for (unsigned i = 0; i < table->count; i++) {
        const struct state_field *field = &table->fields[i];

        if (field->since <= frame.version && !(field->block ? restore_block : restore_numbers)(
                                                 field, name, copy + field->offset, &contents, error))
            return false;
    }
    if (table->valid && !table->valid(copy))
        return error_set(error, "saved state of '%s': its values do not belong together", name);
    memcpy(state, copy, table->size);
    saved->bytes += frame.length;
    saved->length -= frame.length;
    return true;
}
