/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inspect: what a saved state contains (docs/state.md), without a guest.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json_build.h"
#include "base/text.h"
#include "ctl.h"
#include "state/stream.h"

/* Kind of the saved state of a device, whose contents begin with its name (docs/state.md). */
#define DEVICE_KIND (HOTRAM_STATE_OWN + 1u)
/* Bytes of a value that are shown to people. */
#define SHOWN_BYTES 16u

/* ---- the file ---- */

/* The first bytes of a file, as many as a stream may have. NULL: errno says why. */
static uint8_t *read_start(const char *path, size_t *length)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    uint8_t *bytes = fd < 0 ? NULL : malloc(STREAM_SIZE_MAX);
    ssize_t got = bytes ? 1 : -1;
    int why;

    for (*length = 0; got > 0 && *length<STREAM_SIZE_MAX; *length += got> 0 ? (size_t)got : 0)
        got = read(fd, bytes + *length, STREAM_SIZE_MAX - *length);
    why = errno;
    if (fd >= 0)
        close(fd);
    if (got >= 0)
        return bytes;
    free(bytes);
    errno = why;
    return NULL;
}

/* ---- values ---- */

static struct json_object *hexadecimal(const uint8_t *bytes, size_t length)
{
    struct text text = { 0 };
    struct json_object *value;

    for (size_t i = 0; i < length; i++)
        text_printf(&text, "%02x", bytes[i]);
    value = json_new_string(text.failed ? NULL : text.bytes ? text.bytes : "");
    text_free(&text);
    return value;
}

/* Characters that a terminal would obey, and what is not UTF-8, are replaced. */
static struct json_object *harmless_text(const uint8_t *bytes, size_t length)
{
    struct text text = { 0 };
    struct json_object *value;

    text_shown(&text, (const char *)bytes, length);
    value = json_new_string(text.failed ? NULL : text.bytes ? text.bytes : "");
    text_free(&text);
    return value;
}

static struct json_object *item_value(const struct stream_item *item)
{
    switch (item->type) {
    case STREAM_NUMBER:
        return json_new_number(item->number);
    case STREAM_TEXT:
        return harmless_text(item->value, item->length);
    default:
        return hexadecimal(item->value, item->length);
    }
}

static struct json_object *section_items(struct hotram_saved contents)
{
    struct json_object *items = json_new_object();
    struct stream_item item;

    while (stream_next_item(&contents, &item))
        json_add(items, item.name, item_value(&item));
    return items;
}

/* ---- the state of a device: its fields are as the section "fields" describes them ---- */

/* The description of a device's fields: "NAME:WIDTHxCOUNT;...". False: there is none. */
static bool fields_of(const struct hotram_saved *stream, const char *device, struct stream_item *item)
{
    char table[STREAM_NAME_MAX + 1];
    struct stream_part section;

    snprintf(table, sizeof table, "%.*s", (int)strcspn(device, "/"), device);
    return stream_find(stream, "fields", &section, NULL) &&
           stream_find_item(&section, table, STREAM_TEXT, item, NULL);
}

static uint64_t number_at(const uint8_t *bytes, unsigned width)
{
    uint64_t value = 0;

    while (width-- > 0)
        value = value << 8 | bytes[width];
    return value;
}

/* A number, several, or a block. */
static struct json_object *field_value(const uint8_t *bytes, unsigned width, unsigned count)
{
    struct json_object *list;

    if (width > 8)
        return hexadecimal(bytes, (size_t)width * count);
    if (count == 1)
        return json_new_number(number_at(bytes, width));
    list = json_new_array();
    for (unsigned i = 0; i < count; i++)
        json_append(list, json_new_number(number_at(bytes + (size_t)i * width, width)));
    return list;
}

/* Take one field's description and bytes. False: it makes no sense, or the bytes are not all there. */
static bool take_field(const char **words, struct hotram_saved *bytes, struct json_object *out)
{
    char name[STREAM_NAME_MAX + 1];
    unsigned width, count;
    int used = 0;
    size_t length;

    if (sscanf(*words, "%63[^:;]:%5ux%5u%n", name, &width, &count, &used) != 3 || used == 0 || width == 0)
        return false;
    length = (size_t)width * count;
    if (length > bytes->length)
        return false;
    if (json_has(out, name)) /* several parts of a device have this name */
        snprintf(name + strlen(name), sizeof name - strlen(name), " (%u)",
                 (unsigned)json_object_object_length(out));
    json_add(out, name, field_value(bytes->bytes, width, count));
    bytes->bytes += length;
    bytes->length -= length;
    *words += used;
    *words += **words == ';';
    return true;
}

/* What follows the name. NULL: the stream does not describe it. */
static struct json_object *device_fields(const struct hotram_saved *stream, const char *device,
                                         struct hotram_saved bytes)
{
    struct json_object *fields = json_new_object();
    struct stream_item item;
    const char *words;
    char *copy;

    if (!fields_of(stream, device, &item) || !(copy = strndup((const char *)item.value, item.length))) {
        json_object_put(fields);
        return NULL;
    }
    words = copy;
    while (*words && take_field(&words, &bytes, fields))
        continue;
    if (*words || bytes.length > 0) {
        json_object_put(fields);
        fields = NULL;
    }
    free(copy);
    return fields;
}

/* ---- the whole, as one document ---- */

static const char *kind_name(uint16_t kind)
{
    static const char *const names[] = {
        [HOTRAM_STATE_BANK] = "DIMM slots",     [HOTRAM_STATE_MEMHP] = "DIMM registers",
        [HOTRAM_STATE_GPE] = "GPE block",       [HOTRAM_STATE_GED] = "event device",
        [HOTRAM_STATE_PM1] = "PM1 block",       [HOTRAM_STATE_CPUS] = "CPU slots",
        [HOTRAM_STATE_CPUHP] = "CPU registers",
    };

    if (kind == STREAM_KIND)
        return "section";
    if (kind == DEVICE_KIND)
        return "device";
    return kind > 0 && kind <= HOTRAM_STATE_CPUHP ? names[kind] : "unknown";
}

static void add_device(struct json_object *state, const struct hotram_saved *stream,
                       const struct stream_part *part)
{
    const size_t length = part->contents.length > 0 ? part->contents.bytes[0] : 0;
    char name[256];
    struct json_object *fields;

    if (part->contents.length < 1 + length)
        return;
    memcpy(name, part->contents.bytes + 1, length);
    name[length] = '\0';
    json_add(state, "name", harmless_text((const uint8_t *)name, strlen(name)));
    fields = device_fields(
        stream, name,
        (struct hotram_saved){ part->contents.bytes + 1 + length, part->contents.length - 1 - length });
    if (fields)
        json_add(state, "fields", fields);
}

static struct json_object *describe(const struct hotram_saved *stream)
{
    struct json_object *states = json_new_array();
    struct hotram_saved rest = *stream;
    struct stream_part part;

    while (stream_next(&rest, &part)) {
        struct json_object *state = json_append_object(states);

        add_string(state, "kind", kind_name(part.kind));
        if (part.kind == STREAM_KIND) {
            add_string(state, "name", part.name);
            json_add(state, "items", section_items(part.contents));
        } else if (part.kind == DEVICE_KIND) {
            add_device(state, stream, &part);
        }
        add_number(state, "version", part.version);
        add_number(state, "offset", (uint64_t)(part.state.bytes - stream->bytes));
        add_number(state, "length", part.state.length);
    }
    return states;
}

/* ---- for people ---- */

static void print_value(struct json_object *value, bool bytes)
{
    const char *text;

    switch (json_object_get_type(value)) {
    case json_type_array:
        for (size_t i = 0; i < json_length(value); i++)
            printf("%s0x%" PRIx64, i > 0 ? " " : "", json_object_get_uint64(json_at(value, i)));
        break;
    case json_type_int:
        printf("%" PRIu64 " (0x%" PRIx64 ")", json_object_get_uint64(value), json_object_get_uint64(value));
        break;
    default:
        text = json_object_get_string(value);
        if (bytes && strlen(text) > 2 * SHOWN_BYTES)
            printf("%.*s... (%zu bytes)", (int)(2 * SHOWN_BYTES), text, strlen(text) / 2);
        else
            printf("%s", shown(text));
        break;
    }
}

static void print_members(struct json_object *members, const struct stream_part *section)
{
    struct stream_item item;

    json_object_object_foreach(members, name, value)
    {
        const bool bytes = !section || stream_find_item(section, name, STREAM_BYTES, &item, NULL);

        printf("    %-24s ", shown(name));
        print_value(value, bytes);
        putchar('\n');
    }
}

static void print_states(const struct options *options, const struct hotram_saved *stream,
                         struct json_object *states)
{
    struct hotram_saved rest = *stream;
    struct stream_part part;

    printf("%s: saved state, %zu states, %zu bytes\n", shown(options->words[0]), json_length(states),
           stream->length);
    for (size_t i = 0; stream_next(&rest, &part); i++) {
        struct json_object *state = json_at(states, i);

        printf("%s%s%s, version %u, %zu bytes\n", json_text_of(state, "kind"),
               json_has(state, "name") ? " " : "", shown(json_text_of(state, "name")), part.version,
               part.state.length);
        if (json_has(state, "items"))
            print_members(json_member(state, "items"), &part);
        else if (json_has(state, "fields"))
            print_members(json_member(state, "fields"), NULL);
    }
}

enum status run_inspect(struct options *options)
{
    const char *path = options->words[0];
    struct error error = { 0 };
    struct hotram_saved stream;
    struct json_object *states;
    size_t length;
    uint8_t *bytes;
    enum status status = STATUS_DONE;

    if (options->socket || options->guest_count)
        return fail(options, STATUS_USAGE, "inspect reads a file; --socket and --guest select a guest");
    bytes = read_start(path, &length);
    if (!bytes)
        return fail(options, STATUS_ERROR, "'%s': %s", path, strerror(errno));
    if (stream_accept(bytes, length, &stream, &error)) {
        states = describe(&stream);
        if (json_failed(states))
            end_without_memory();
        if (options->json)
            print_json(states, true);
        else
            print_states(options, &stream, states);
        json_object_put(states);
    } else {
        status = fail(options, STATUS_ERROR, "'%s': %s", path, error.text);
    }
    free(bytes);
    return status;
}
