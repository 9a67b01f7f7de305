/* SPDX-License-Identifier: BSD-2-Clause */
#include <assert.h>
#include <string.h>

#include "state/stream.h"

static void put_number(struct hotram_buffer *out, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        hotram_buffer_u8(out, (uint8_t)(value >> 8 * i));
}

static void put_item(struct stream_writer *writer, const char *name, enum stream_type type, size_t length)
{
    const size_t name_length = strlen(name);

    assert(name_length > 0 && name_length <= STREAM_NAME_MAX);
    hotram_buffer_u8(&writer->section, (uint8_t)type);
    hotram_buffer_u8(&writer->section, (uint8_t)name_length);
    put_number(&writer->section, length, 4);
    hotram_buffer_bytes(&writer->section, name, name_length);
}

void stream_open(struct stream_writer *writer, const char *name)
{
    const size_t length = strlen(name);

    assert(length > 0 && length <= STREAM_NAME_MAX);
    RESULT_DOES_NOT_MATTER(hotram_buffer_init(&writer->section, writer->room, sizeof writer->room),
                           "the buffer is sound");
    hotram_buffer_u8(&writer->section, (uint8_t)length);
    hotram_buffer_bytes(&writer->section, name, length);
}

void stream_number(struct stream_writer *writer, const char *name, uint64_t value)
{
    put_item(writer, name, STREAM_NUMBER, 8);
    put_number(&writer->section, value, 8);
}

void stream_text(struct stream_writer *writer, const char *name, const char *value)
{
    const size_t length = strlen(value);

    put_item(writer, name, STREAM_TEXT, length);
    for (size_t i = 0; i < length; i++) {
        const unsigned char byte = (unsigned char)value[i];

        hotram_buffer_u8(&writer->section, byte < ' ' || byte == 0x7f ? '?' : byte);
    }
}

void stream_bytes(struct stream_writer *writer, const char *name, const void *value, size_t length)
{
    put_item(writer, name, STREAM_BYTES, length);
    hotram_buffer_bytes(&writer->section, value, length);
}

bool stream_close(struct stream_writer *writer, struct error *error)
{
    const struct hotram_buffer *section = &writer->section;

    if (hotram_buffer_status(section) != HOTRAM_OK)
        return error_set(error, "section '%.*s' of the saved state has %zu bytes; at most %u are possible",
                         (int)writer->room[0], (const char *)writer->room + 1, section->length,
                         STREAM_SECTION_MAX);
    RESULT_DOES_NOT_MATTER(hotram_state_wrap(STREAM_KIND, 1, writer->room, section->length, writer->out),
                           "a buffer that is full says so at the end");
    return true;
}

void stream_begin(struct stream_writer *writer, struct hotram_buffer *out, const char *program)
{
    writer->out = out;
    stream_open(writer, "stream");
    stream_number(writer, "version", STREAM_VERSION);
    stream_text(writer, "program", program);
    RESULT_DOES_NOT_MATTER(stream_close(writer, NULL), "it is short");
}

static uint64_t count_states(const struct hotram_buffer *out)
{
    struct hotram_saved rest = { out->data, out->length };
    struct hotram_state_frame frame;
    uint64_t states = 0;

    while (hotram_state_look(&rest, &frame, NULL) == HOTRAM_OK) {
        rest.bytes += frame.length;
        rest.length -= frame.length;
        states++;
    }
    return states;
}

bool stream_end(struct stream_writer *writer, struct error *error)
{
    struct hotram_buffer *out = writer->out;
    const size_t length = out->length;
    /* One that does not fit cannot be walked; it is only measured. */
    const uint64_t states = hotram_buffer_status(out) == HOTRAM_OK ? count_states(out) : 0;

    stream_open(writer, "end");
    stream_number(writer, "states", states);
    stream_number(writer, "length", length);
    RESULT_DOES_NOT_MATTER(stream_close(writer, NULL), "it is short");
    return states < STREAM_STATES_MAX ||
           error_set(error,
                     "the saved state has %llu parts; at most %u are possible: the machine has too many "
                     "devices with too many queues",
                     (unsigned long long)states + 1, STREAM_STATES_MAX);
}
