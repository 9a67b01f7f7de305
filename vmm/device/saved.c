/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The saved form of all devices: the list is walked, and the types say what each has.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "device/device.h"

static uint8_t *state_of(const struct device *device)
{
    return (uint8_t *)device + device->type->state_offset;
}

/* ---- names ---- */

/* The name of the table; behind it the id of a device that has one, and the number of a part. */
static const char *state_name(const struct device *device, const struct state_table *table, int number,
                              char name[STATE_NAME_MAX + 1])
{
    char part[16] = "";

    if (number >= 0)
        snprintf(part, sizeof part, "/%d", number);
    snprintf(name, STATE_NAME_MAX + 1, "%s%s%.200s%s", table->name, device->id ? "/" : "",
             device->id ? device->id : "", part);
    return name;
}

void device_save_part(const struct device *device, const struct state_table *table, int number,
                      const void *state, struct hotram_buffer *out)
{
    char name[STATE_NAME_MAX + 1];

    (void)state_save(table, state_name(device, table, number, name), state, out);
}

bool device_restore_part(const struct device *device, const struct state_table *table, int number,
                         void *state, struct hotram_saved *saved, struct error *error)
{
    char name[STATE_NAME_MAX + 1];

    return state_restore(table, state_name(device, table, number, name), state, saved, error);
}

const char *device_words(const struct device *device, char words[DEVICE_PATH_SIZE])
{
    if (device->id)
        snprintf(words, DEVICE_PATH_SIZE, "%s", device->id);
    else
        device_path(device, words);
    return words;
}

/* ---- which devices there are ---- */

/* A bank's devices are described with the bank, and chips are what the machine's type says. */
static bool is_described_here(const struct device *device)
{
    return !device->type->build && !device->type->banked;
}

bool devices_describe(const struct board *board, struct stream_writer *writer)
{
    char name[STREAM_NAME_MAX + 1];
    unsigned number = 0;

    stream_open(writer, "devices");
    for (const struct device *device = board->devices; device; device = device->next) {
        struct text text = { 0 };

        if (!is_described_here(device))
            continue;
        text_printf(&text, "%s%s%.200s", device->type->name, device->id ? " " : "",
                    device->id ? device->id : "");
        if (device->type->summary)
            device->type->summary(device, &text);
        snprintf(name, sizeof name, "device %u", number++);
        stream_text(writer, name, text.failed ? "" : text.bytes);
        text_free(&text);
    }
    return number > 0;
}

/* ---- saving ---- */

/* A state that lacks a part would be worse than none. */
bool devices_can_save(const struct board *board, struct error *error)
{
    char words[DEVICE_PATH_SIZE];

    if (!devices_none_coming(board, error))
        return false;
    for (const struct device *device = board->devices; device; device = device->next)
        if (device->type->has_saved_form && !device->type->has_saved_form(device))
            return error_set(error,
                             "the state of device '%.200s' cannot be saved or restored: a %s has no saved "
                             "form; the machine has to be without it",
                             device_words(device, words), device->type->name);
    return true;
}

static bool save_all(const struct board *board, struct hotram_buffer *out, struct error *error)
{
    for (struct device *device = board->devices; device; device = device->next) {
        if (device->type->state)
            device_save_part(device, device->type->state, -1, state_of(device), out);
        if (device->type->save && !device->type->save(device, out, error))
            return false;
    }
    return true;
}

size_t devices_length(const struct board *board)
{
    struct hotram_buffer counter;
    struct error ignored;

    RESULT_DOES_NOT_MATTER(hotram_buffer_init(&counter, NULL, 0), "the buffer is sound");
    RESULT_DOES_NOT_MATTER(save_all(board, &counter, &ignored), "devices_save() says why");
    return counter.length;
}

bool devices_save(const struct board *board, struct hotram_buffer *out, struct error *error)
{
    enum hotram_status status;

    if (!devices_can_save(board, error) || !save_all(board, out, error))
        return false;
    status = hotram_buffer_status(out);
    return status == HOTRAM_OK ||
           error_set(error, "saved state of all devices: %s", hotram_status_text(status));
}

/* "NAME:WIDTHxCOUNT" of each field, as docs/state.md says. */
static void describe_table(const struct state_table *table, struct text *text)
{
    for (unsigned i = 0; i < table->count; i++) {
        const struct state_field *field = &table->fields[i];

        text_printf(text, "%s%s:%ux%u", i > 0 ? ";" : "", field->name,
                    field->block ? (unsigned)field->block->length : field->width,
                    field->block ? 1 : field->count);
    }
}

/* The tables of a device: that of its state, then those of its parts. NULL after the last. */
static const struct state_table *table_of(const struct device *device, unsigned index)
{
    if (device->type->state && index-- == 0)
        return device->type->state;
    return device->type->part ? device->type->part(device, index) : NULL;
}

/* Whether an earlier device has the same table. */
static bool is_described(const struct board *board, const struct device *device,
                         const struct state_table *table)
{
    const struct state_table *other;

    for (const struct device *before = board->devices; before != device; before = before->next)
        for (unsigned i = 0; (other = table_of(before, i)) != NULL; i++)
            if (other == table)
                return true;
    return false;
}

void devices_describe_fields(const struct board *board, struct stream_writer *writer)
{
    const struct state_table *table;

    stream_open(writer, "fields");
    for (const struct device *device = board->devices; device; device = device->next)
        for (unsigned i = 0; (table = table_of(device, i)) != NULL; i++) {
            struct text text = { 0 };

            if (is_described(board, device, table))
                continue;
            describe_table(table, &text);
            if (!text.failed)
                stream_text(writer, table->name, text.bytes);
            text_free(&text);
        }
}

/* ---- restoring ---- */

/* Restore all, or only see whether that is possible. */
static bool restore_all(const struct board *board, bool check, struct hotram_saved *saved,
                        struct error *error)
{
    _Alignas(max_align_t) uint8_t unused[STATE_SIZE_MAX];

    for (struct device *device = board->devices; device; device = device->next) {
        const struct device_type *type = device->type;

        if (type->state &&
            !device_restore_part(device, type->state, -1, check ? unused : state_of(device), saved, error))
            return false;
        if (type->restore && !type->restore(device, check, saved, error))
            return false;
    }
    return true;
}

bool devices_restore(const struct board *board, struct hotram_saved *saved, struct error *error)
{
    struct hotram_saved ahead = *saved;

    /* What can be once, can be again: the second time nothing is refused. */
    if (!devices_can_save(board, error) || !restore_all(board, true, &ahead, error) ||
        !restore_all(board, false, saved, error))
        return false;
    for (struct device *device = board->devices; device; device = device->next)
        if (device->type->restored)
            device->type->restored(device);
    return true;
}
