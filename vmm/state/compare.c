/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a machine is, and what a saved state says of the machine that it is of: both values are named.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "state/stream.h"

/* A value in an error. */
static const char *words(const struct stream_item *item, char text[96])
{
    if (item->type == STREAM_NUMBER)
        snprintf(text, 96, "%" PRIu64 " (0x%" PRIx64 ")", item->number, item->number);
    else if (item->type == STREAM_TEXT)
        snprintf(text, 96, "'%.*s'", (int)(item->length < 80 ? item->length : 80), (const char *)item->value);
    else
        snprintf(text, 96, "%" PRIu32 " other bytes", item->length);
    return text;
}

static bool same_item(const struct stream_item *one, const struct stream_item *other)
{
    return one->type == other->type && one->length == other->length &&
           memcmp(one->value, other->value, one->length) == 0;
}

bool stream_same(const struct stream_part *saved, const struct stream_part *here, struct error *error)
{
    struct hotram_saved theirs = saved->contents, ours = here->contents;
    struct stream_item one, other, same_name;
    char text[2][96];

    for (;;) {
        const bool there = stream_next_item(&theirs, &one), too = stream_next_item(&ours, &other);

        if (!there && !too)
            return true;
        if (there && too && strcmp(one.name, other.name) == 0) {
            if (same_item(&one, &other))
                continue;
            return error_set(error, "%s: '%s' is %s in the saved state, and %s in this machine", saved->name,
                             one.name, words(&one, text[0]), words(&other, text[1]));
        }
        if (there && !stream_find_item(here, one.name, one.type, &same_name, NULL))
            return error_set(error, "%s: '%s' is %s in the saved state, and this machine has none",
                             saved->name, one.name, words(&one, text[0]));
        return error_set(error, "%s: '%s' is %s in this machine, and the saved state has none", saved->name,
                         other.name, words(&other, text[1]));
    }
}

bool stream_matches(const struct stream_writer *here, const struct hotram_saved *stream, struct error *error)
{
    const struct hotram_buffer *section = &here->section;
    const size_t name = section->data[0];
    struct stream_part saved, own = { .contents = { section->data + 1 + name, section->length - 1 - name } };

    if (hotram_buffer_status(section) != HOTRAM_OK)
        return error_set(error, "this machine's description has %zu bytes; at most %u are possible",
                         section->length, STREAM_SECTION_MAX);
    memcpy(own.name, section->data + 1, name);
    return stream_find(stream, own.name, &saved, error) && stream_same(&saved, &own, error);
}
