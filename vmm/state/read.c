/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reader of streams. stream_accept() trusts nothing; everything else reads what it has accepted.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "state/stream.h"

/* Of a saved state before its contents, and after them (hotram/state.h). */
#define FRONT 12u
#define BEHIND (HOTRAM_STATE_FRAME - FRONT)
/* Of an item before its name. */
#define ITEM_FRONT 6u

static uint64_t number_at(const uint8_t *bytes, unsigned count)
{
    uint64_t value = 0;

    for (unsigned i = count; i > 0; i--)
        value = value << 8 | bytes[i - 1];
    return value;
}

static void advance(struct hotram_saved *saved, size_t count)
{
    saved->bytes += count;
    saved->length -= count;
}

static void copy_name(char name[STREAM_NAME_MAX + 1], const uint8_t *bytes, size_t length)
{
    memcpy(name, bytes, length);
    name[length] = '\0';
}

/* ---- of a stream that was checked ---- */

bool stream_next(struct hotram_saved *rest, struct stream_part *part)
{
    size_t length;

    if (rest->length == 0)
        return false;
    length = number_at(rest->bytes + 8, 4);
    *part = (struct stream_part){
        .state = { rest->bytes, length },
        .kind = (uint16_t)number_at(rest->bytes + 4, 2),
        .version = (uint16_t)number_at(rest->bytes + 6, 2),
        .contents = { rest->bytes + FRONT, length - HOTRAM_STATE_FRAME },
    };
    advance(rest, length);
    if (part->kind == STREAM_KIND) {
        const size_t name = part->contents.bytes[0];

        copy_name(part->name, part->contents.bytes + 1, name);
        advance(&part->contents, 1 + name);
    }
    return true;
}

bool stream_next_item(struct hotram_saved *contents, struct stream_item *item)
{
    size_t name;

    if (contents->length == 0)
        return false;
    name = contents->bytes[1];
    *item = (struct stream_item){
        .type = contents->bytes[0],
        .length = (uint32_t)number_at(contents->bytes + 2, 4),
        .value = contents->bytes + ITEM_FRONT + name,
    };
    copy_name(item->name, contents->bytes + ITEM_FRONT, name);
    if (item->type == STREAM_NUMBER)
        item->number = number_at(item->value, 8);
    advance(contents, ITEM_FRONT + name + item->length);
    return true;
}

/* ---- checks ---- */

static bool is_name(const uint8_t *bytes, size_t length)
{
    bool good = length > 0 && length <= STREAM_NAME_MAX;

    for (size_t i = 0; good && i < length; i++)
        good = bytes[i] >= ' ' && bytes[i] <= '~';
    return good;
}

static bool has_control(const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (bytes[i] < ' ' || bytes[i] == 0x7f)
            return true;
    return false;
}

/* One item, at the beginning of what remains. */
static bool check_item(const char *section, struct hotram_saved *rest, struct error *error)
{
    const size_t name = rest->length < ITEM_FRONT ? 0 : rest->bytes[1];
    const uint8_t *value;
    uint64_t length;

    if (rest->length < ITEM_FRONT + name || !is_name(rest->bytes + ITEM_FRONT, name))
        return error_set(error, "section '%s': an item has no valid name", section);
    length = number_at(rest->bytes + 2, 4);
    value = rest->bytes + ITEM_FRONT + name;
    if (length > rest->length - ITEM_FRONT - name)
        return error_set(
            error, "section '%s': item '%.*s' has %" PRIu64 " bytes, and the section ends after %zu", section,
            (int)name, (const char *)rest->bytes + ITEM_FRONT, length, rest->length - ITEM_FRONT - name);
    switch (rest->bytes[0]) {
    case STREAM_NUMBER:
        if (length != 8)
            return error_set(error, "section '%s': number '%.*s' has %" PRIu64 " bytes instead of 8", section,
                             (int)name, (const char *)rest->bytes + ITEM_FRONT, length);
        break;
    case STREAM_TEXT:
        if (has_control(value, length))
            return error_set(error, "section '%s': text '%.*s' contains a control character", section,
                             (int)name, (const char *)rest->bytes + ITEM_FRONT);
        break;
    case STREAM_BYTES:
        break;
    default:
        return error_set(error, "section '%s': item '%.*s' is of type %u, which this program does not know",
                         section, (int)name, (const char *)rest->bytes + ITEM_FRONT, rest->bytes[0]);
    }
    advance(rest, ITEM_FRONT + name + length);
    return true;
}

static bool name_is(const uint8_t *item, const uint8_t *name, size_t length)
{
    return item[1] == length && memcmp(item + ITEM_FRONT, name, length) == 0;
}

/* Items before `end`, of which all have been checked. */
static bool has_item(const uint8_t *items, const uint8_t *end)
{
    for (const uint8_t *at = items; at < end; at += ITEM_FRONT + at[1] + number_at(at + 2, 4))
        if (name_is(at, end + ITEM_FRONT, end[1]))
            return true;
    return false;
}

static bool check_items(const char *section, struct hotram_saved rest, struct error *error)
{
    const uint8_t *const items = rest.bytes;

    for (unsigned count = 0; rest.length > 0; count++) {
        const uint8_t *at = rest.bytes;

        if (count == STREAM_ITEMS_MAX)
            return error_set(error, "section '%s' has more than %u items", section, STREAM_ITEMS_MAX);
        if (!check_item(section, &rest, error))
            return false;
        if (has_item(items, at))
            return error_set(error, "section '%s': item '%.*s' is there twice", section, (int)at[1],
                             (const char *)at + ITEM_FRONT);
    }
    return true;
}

static bool check_section(const struct hotram_saved *state, uint16_t version, struct error *error)
{
    const struct hotram_saved contents = { state->bytes + FRONT, state->length - HOTRAM_STATE_FRAME };
    char name[STREAM_NAME_MAX + 1];

    if (contents.length < 1 || contents.length - 1 < contents.bytes[0] ||
        !is_name(contents.bytes + 1, contents.bytes[0]))
        return error_set(error, "a section has no valid name");
    copy_name(name, contents.bytes + 1, contents.bytes[0]);
    if (version != 1)
        return error_set(error, "section '%s' is of version %u, and this program has 1", name, version);
    return check_items(name,
                       (struct hotram_saved){ contents.bytes + 1 + contents.bytes[0],
                                              contents.length - 1 - contents.bytes[0] },
                       error);
}

/* What was read so far. */
struct progress {
    size_t length;
    uint64_t states;
    struct stream_part part; /* the last one */
};

static bool check_frame(const struct hotram_saved *rest, struct hotram_state_frame *frame,
                        struct error *error)
{
    struct hotram_restore_result result;
    enum hotram_status status = hotram_state_look(rest, frame, &result);

    return status == HOTRAM_OK || error_set(error, "%s (%s is 0x%" PRIx64 ", and 0x%" PRIx64 " was expected)",
                                            hotram_status_text(status), hotram_state_field_text(result.field),
                                            result.saved, result.wanted);
}

/* The next state; it is the part then. */
static bool check_state(struct progress *progress, const struct hotram_saved *all, struct error *error)
{
    struct hotram_saved rest = { all->bytes + progress->length, all->length - progress->length };
    struct hotram_state_frame frame;
    struct hotram_saved state;

    if (!check_frame(&rest, &frame, error))
        return false;
    state = (struct hotram_saved){ rest.bytes, frame.length };
    if (progress->states == STREAM_STATES_MAX)
        return error_set(error, "there are more than %u states", STREAM_STATES_MAX);
    if (frame.kind == STREAM_KIND && !check_section(&state, frame.version, error))
        return false;
    return stream_next(&state, &progress->part); /* which there is */
}

static bool check_first(const struct stream_part *part, struct error *error)
{
    uint64_t version;

    if (strcmp(part->name, "stream") != 0)
        return error_set(error, "it does not begin with the section 'stream'");
    if (!stream_get(part, "version", UINT64_MAX, &version, error))
        return false;
    return version == STREAM_VERSION ||
           error_set(error, "the stream is of version %" PRIu64 ", and this program reads version %u",
                     version, STREAM_VERSION);
}

static bool check_last(const struct progress *progress, struct error *error)
{
    uint64_t states, length;

    if (!stream_get(&progress->part, "states", UINT64_MAX, &states, error) ||
        !stream_get(&progress->part, "length", UINT64_MAX, &length, error))
        return false;
    if (states != progress->states || length != progress->length)
        return error_set(error,
                         "the end follows %" PRIu64 " states of %zu bytes, and there were %" PRIu64
                         " of %" PRIu64 " when they were saved",
                         progress->states, progress->length, states, length);
    return true;
}

/* A section's name has not been there before it. */
static bool check_unique(const struct progress *progress, const struct hotram_saved *all, struct error *error)
{
    struct hotram_saved before = { all->bytes, progress->length };
    struct stream_part part;

    while (progress->part.name[0] && stream_next(&before, &part))
        if (strcmp(part.name, progress->part.name) == 0)
            return error_set(error, "section '%s' is there twice", part.name);
    return true;
}

static bool check_part(struct progress *progress, const struct hotram_saved *all, struct error *error)
{
    if (!check_state(progress, all, error))
        return false;
    if (progress->states == 0 && !check_first(&progress->part, error))
        return false;
    if (!check_unique(progress, all, error))
        return false;
    return strcmp(progress->part.name, "end") != 0 || check_last(progress, error);
}

bool stream_accept(const uint8_t *bytes, size_t length, struct hotram_saved *stream, struct error *error)
{
    const struct hotram_saved all = { bytes, length };
    struct progress progress = { 0 };

    while (strcmp(progress.part.name, "end") != 0) {
        if (!check_part(&progress, &all, error))
            return error_prefix(error, "saved state, at byte %zu: ", progress.length);
        progress.length += progress.part.state.length;
        progress.states++;
    }
    *stream = (struct hotram_saved){ bytes, progress.length };
    return true;
}

/* ---- what is in it ---- */

bool stream_find(const struct hotram_saved *stream, const char *name, struct stream_part *section,
                 struct error *error)
{
    struct hotram_saved rest = *stream;

    while (stream_next(&rest, section))
        if (strcmp(section->name, name) == 0)
            return true;
    return error_set(error, "the saved state has no section '%s'", name);
}

bool stream_find_kind(const struct hotram_saved *stream, uint16_t kind, struct hotram_saved *saved,
                      struct error *error)
{
    struct hotram_saved rest = *stream;
    struct stream_part part;

    do
        *saved = rest;
    while (stream_next(&rest, &part) && part.kind != kind);
    return saved->length > 0 || error_set(error, "it has no saved state of kind %u", kind);
}

bool stream_find_item(const struct stream_part *section, const char *name, enum stream_type type,
                      struct stream_item *item, struct error *error)
{
    struct hotram_saved rest = section->contents;

    while (stream_next_item(&rest, item))
        if (item->type == type && strcmp(item->name, name) == 0)
            return true;
    return error_set(error, "section '%s' of the saved state has no item '%s' of type %u", section->name,
                     name, (unsigned)type);
}

bool stream_get(const struct stream_part *section, const char *name, uint64_t most, uint64_t *value,
                struct error *error)
{
    struct stream_item item;

    if (!stream_find_item(section, name, STREAM_NUMBER, &item, error))
        return false;
    *value = item.number;
    return item.number <= most || error_set(error,
                                            "section '%s' of the saved state: '%s' is %" PRIu64
                                            ", and at most %" PRIu64 " is possible",
                                            section->name, name, item.number, most);
}

bool stream_get_bytes(const struct stream_part *section, const char *name, void *value, size_t size,
                      struct error *error)
{
    struct stream_item item;

    if (!stream_find_item(section, name, STREAM_BYTES, &item, error))
        return false;
    if (item.length != size)
        return error_set(error, "section '%s' of the saved state: '%s' has %" PRIu32 " bytes instead of %zu",
                         section->name, name, item.length, size);
    memcpy(value, item.value, size);
    return true;
}
