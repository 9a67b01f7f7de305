/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target of streams of saved states (state/stream.h). A second reader, which takes the whole apart into
 * a list first, says beforehand whether it is one. What is accepted can be walked to its end.
 */
#include "input.h"

#include "state/stream.h"
#include "state_judge.h"

#define ROOM 16384
#define STATES 64

/* ---- the second reader ---- */

struct part {
    const uint8_t *contents;
    size_t length;
    unsigned kind, version;
};

/* The states from the first byte on, up to one that is none; *ends[n] is behind the n-th. */
static unsigned split(const uint8_t *bytes, size_t length, struct part *parts, size_t *ends)
{
    unsigned count = 0;
    size_t at = 0, whole;

    while (count < STATES && length - at >= 16 &&
           judge_frame(bytes + at, length - at, (unsigned)judge_number(bytes + at + 4, 2), &whole)) {
        parts[count] = (struct part){ bytes + at + 12, whole - 16, (unsigned)judge_number(bytes + at + 4, 2),
                                      1 };
        at += whole;
        ends[count++] = at;
    }
    return count;
}

static bool printable(const uint8_t *bytes, size_t length)
{
    if (length < 1 || length > 63)
        return false;
    while (length-- > 0)
        if (*bytes < 32 || *bytes++ > 126)
            return false;
    return true;
}

/* The item with this number; false: there is none, or it is not one. */
static bool item_at(const struct part *part, unsigned number, size_t *at, bool *good)
{
    size_t place = 1 + (size_t)part->contents[0], name, size;

    *good = true;
    for (unsigned i = 0;; i++) {
        const uint8_t *item = part->contents + place;
        const size_t left = part->length - place;

        *at = place;
        if (left == 0)
            return false;
        *good = false;
        if (left < 6)
            return false;
        name = item[1];
        size = judge_number(item + 2, 4);
        if (left < 6 + name || !printable(item + 6, name) || left - 6 - name < size)
            return false;
        if (item[0] < 1 || item[0] > 3 || (item[0] == 1 && size != 8))
            return false;
        for (size_t byte = 0; item[0] == 2 && byte < size; byte++)
            if (item[6 + name + byte] < 32 || item[6 + name + byte] == 127)
                return false;
        *good = true;
        if (i == number)
            return true;
        place += 6 + name + size;
    }
}

static bool same_name(const uint8_t *one, const uint8_t *other)
{
    return one[1] == other[1] && memcmp(one + 6, other + 6, one[1]) == 0;
}

static bool is_section(const struct part *part)
{
    size_t one, other;
    bool good;

    if (part->length < 1 || part->length < 1 + (size_t)part->contents[0] ||
        !printable(part->contents + 1, part->contents[0]))
        return false;
    for (unsigned i = 0; item_at(part, i, &one, &good); i++) {
        if (i >= STREAM_ITEMS_MAX)
            return false;
        for (unsigned j = 0; j < i; j++)
            if (item_at(part, j, &other, &good) && same_name(part->contents + one, part->contents + other))
                return false;
    }
    return good;
}

static bool named(const struct part *part, const char *name)
{
    return part->kind == STREAM_KIND && part->contents[0] == strlen(name) &&
           memcmp(part->contents + 1, name, strlen(name)) == 0;
}

static bool number_is(const struct part *part, const char *name, uint64_t value)
{
    size_t at;
    bool good;

    for (unsigned i = 0; item_at(part, i, &at, &good); i++) {
        const uint8_t *item = part->contents + at;

        if (item[0] == 1 && item[1] == strlen(name) && memcmp(item + 6, name, item[1]) == 0)
            return judge_number(item + 6 + item[1], 8) == value;
    }
    return false;
}

/* How long the stream is; 0: there is none. */
static size_t judge_stream(const uint8_t *bytes, size_t length)
{
    struct part parts[STATES];
    size_t ends[STATES];
    const unsigned count = split(bytes, length, parts, ends);

    for (unsigned i = 0; i < count; i++) {
        if (parts[i].kind == STREAM_KIND && !is_section(&parts[i]))
            return 0;
        if (i == 0 && !(named(&parts[0], "stream") && number_is(&parts[0], "version", 1)))
            return 0;
        for (unsigned j = 0; j < i && parts[i].kind == STREAM_KIND; j++)
            if (parts[j].kind == STREAM_KIND && parts[j].contents[0] == parts[i].contents[0] &&
                memcmp(parts[j].contents, parts[i].contents, 1 + (size_t)parts[i].contents[0]) == 0)
                return 0;
        if (named(&parts[i], "end"))
            return number_is(&parts[i], "states", i) &&
                           number_is(&parts[i], "length", i > 0 ? ends[i - 1] : 0)
                       ? ends[i]
                       : 0;
    }
    return 0;
}

/* ---- streams made of the input ---- */

static void put_frame(struct hotram_buffer *out, struct input *input, struct stream_writer *writer)
{
    static const char *const names[] = { "machine", "cpu 0", "stream", "end", "ram", "" };
    uint8_t contents[64];
    size_t length;

    switch (input_below(input, 4)) {
    case 0: /* any state */
        length = input_below(input, sizeof contents);
        for (size_t i = 0; i < length; i++)
            contents[i] = input_u8(input);
        CHECK(hotram_state_wrap((uint16_t)(HOTRAM_STATE_OWN + input_below(input, 4)), 1, contents, length,
                                out) != HOTRAM_E_ARGUMENT);
        break;
    case 1: /* a section with raw items */
        length = input_below(input, sizeof contents - 2);
        contents[0] = 1;
        contents[1] = 'a' + input_below(input, 4);
        for (size_t i = 0; i < length; i++)
            contents[2 + i] = input_u8(input);
        CHECK(hotram_state_wrap(STREAM_KIND, 1, contents, 2 + length, out) != HOTRAM_E_ARGUMENT);
        break;
    default: {
        const char *name = names[input_below(input, COUNT_OF(names) - 1)];

        stream_open(writer, name);
        for (unsigned count = input_below(input, 4); count > 0; count--) {
            static const char *const items[] = { "states", "length", "version", "i", "j" };
            const char *item = items[input_below(input, COUNT_OF(items))];

            if (input_bool(input))
                stream_number(writer, item, input_number(input));
            else
                stream_bytes(writer, item, contents, input_below(input, 8));
        }
        CHECK(stream_close(writer, NULL));
        break;
    }
    }
}

static size_t make(uint8_t *bytes, struct input *input)
{
    static struct stream_writer writer;
    struct hotram_buffer out;

    CHECK(hotram_buffer_init(&out, bytes, ROOM) == HOTRAM_OK);
    if (input_below(input, 8) > 0)
        stream_begin(&writer, &out, "fuzz");
    else
        writer.out = &out;
    for (unsigned count = input_below(input, 12); count > 0; count--)
        put_frame(&out, input, &writer);
    if (input_below(input, 8) > 0)
        CHECK(stream_end(&writer, NULL));
    return hotram_buffer_status(&out) == HOTRAM_OK ? out.length : 0;
}

static void walk(const struct hotram_saved *stream)
{
    struct hotram_saved rest = *stream;
    struct stream_part part, again;
    struct stream_item item;
    struct error error;

    while (stream_next(&rest, &part)) {
        struct hotram_saved items = part.contents;

        if (part.kind != STREAM_KIND)
            continue;
        CHECK(stream_find(stream, part.name, &again, &error));
        CHECK(again.state.bytes == part.state.bytes);
        CHECK(stream_same(&part, &again, &error));
        while (stream_next_item(&items, &item)) {
            struct stream_item found;

            CHECK(stream_find_item(&part, item.name, item.type, &found, &error));
            CHECK(found.value == item.value);
        }
        CHECK(items.length == 0);
    }
    CHECK(rest.length == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t made[ROOM];
    struct input input = { data, size };
    struct hotram_saved stream = { 0 };
    struct error error = { 0 };
    size_t expected, length;
    uint8_t *bytes;
    bool good;

    if (size == 0 || size > ROOM)
        return 0;
    if (input_below(&input, 4) > 0) {
        length = make(made, &input);
        if (length > 0 && input_below(&input, 4) == 0)
            made[input_u16(&input) % length] ^= input_u8(&input);
    } else {
        length = input.left;
        memcpy(made, input.at, length);
    }
    bytes = malloc(length ? length : 1); /* the sanitizer sees each access behind it */
    CHECK(bytes);
    memcpy(bytes, made, length);
    expected = judge_stream(bytes, length);
    good = stream_accept(bytes, length, &stream, &error);
    CHECK(good == (expected > 0));
    if (good) {
        CHECK(stream.bytes == bytes && stream.length == expected);
        walk(&stream);
    } else {
        CHECK(error.text[0]);
    }
    free(bytes);
    return 0;
}
