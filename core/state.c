/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The frame that every saved state has, and the numbers in it.
 */
#include "state.h"

#define MAGIC UINT32_C(0x54535248) /* "HRST", little endian */
#define FRONT 12u                  /* bytes of the frame before the contents */
#define BEHIND 4u                  /* and after them */
#define OWN_MAX 65536u             /* contents of an embedder's own state */

_Static_assert(FRONT + BEHIND == HOTRAM_STATE_FRAME, "as state.h says");

/* ---- Results ---- */

void libhotram_state_start(struct hotram_restore_result *result)
{
    *result = (struct hotram_restore_result){ .slot = HOTRAM_SLOT_ANY, .other = HOTRAM_SLOT_ANY };
}

enum hotram_status libhotram_state_refuse(struct hotram_restore_result *result, enum hotram_status status,
                                          enum hotram_state_field field, uint64_t saved, uint64_t wanted)
{
    result->field = field;
    result->saved = saved;
    result->wanted = wanted;
    return status;
}

const char *hotram_state_field_text(enum hotram_state_field field)
{
    switch (field) {
    case HOTRAM_FIELD_NONE:
        return "no value of the saved state";
    case HOTRAM_FIELD_MAGIC:
        return "the number in the first four bytes";
    case HOTRAM_FIELD_KIND:
        return "what it is the state of";
    case HOTRAM_FIELD_VERSION:
        return "the version";
    case HOTRAM_FIELD_LENGTH:
        return "the length";
    case HOTRAM_FIELD_CHECKSUM:
        return "the checksum";
    case HOTRAM_FIELD_BASE:
        return "first address of the bank's region";
    case HOTRAM_FIELD_SIZE:
        return "length of the bank's region";
    case HOTRAM_FIELD_SLOTS:
        return "number of slots";
    case HOTRAM_FIELD_DIMM_STATE:
        return "state of a slot";
    case HOTRAM_FIELD_PENDING:
        return "pending events of a slot";
    case HOTRAM_FIELD_DIMM_ADDR:
        return "address of a DIMM";
    case HOTRAM_FIELD_DIMM_SIZE:
        return "size of a DIMM";
    case HOTRAM_FIELD_DIMM_NODE:
        return "node of a DIMM";
    case HOTRAM_FIELD_EVENTS:
        return "events of a Generic Event Device";
    case HOTRAM_FIELD_STATUS:
        return "PM1 status bits";
    case HOTRAM_FIELD_ENABLE:
        return "PM1 enable bits";
    case HOTRAM_FIELD_CONTROL:
        return "PM1 control bits";
    case HOTRAM_FIELD_CPU_ID:
        return "hardware id of a CPU slot";
    case HOTRAM_FIELD_COMMAND:
        return "command of the register block of CPUs";
    }
    return "this is not a value of a saved state";
}

/* ---- Saving ---- */

void libhotram_state_put(struct state_writer *writer, uint64_t value, unsigned count)
{
    /* Shifts by a constant, as in buffer.c. */
    for (unsigned i = 0; i < count; i++) {
        hotram_buffer_u8(writer->out, (uint8_t)value);
        writer->sum = libhotram_state_sum(writer->sum, (uint8_t)value);
        value >>= 8;
    }
}

static void begin(struct state_writer *writer, struct hotram_buffer *out, uint32_t kind, uint32_t version,
                  uint32_t length)
{
    *writer = (struct state_writer){ .out = out, .sum = STATE_SUM_START };
    libhotram_state_put(writer, MAGIC, 4);
    libhotram_state_put(writer, kind, 2);
    libhotram_state_put(writer, version, 2);
    libhotram_state_put(writer, HOTRAM_STATE_FRAME + length, 4);
}

void libhotram_state_begin(struct state_writer *writer, struct hotram_buffer *out,
                           enum hotram_state_kind kind, uint32_t length)
{
    begin(writer, out, kind, HOTRAM_STATE_VERSION, length);
}

enum hotram_status libhotram_state_end(struct state_writer *writer)
{
    libhotram_state_put(writer, ~writer->sum, BEHIND);
    return hotram_buffer_status(writer->out);
}

enum hotram_status hotram_state_wrap(uint16_t kind, uint16_t version, const uint8_t *contents, size_t length,
                                     struct hotram_buffer *out)
{
    struct state_writer writer;

    if (!out || (!contents && length > 0) || kind < HOTRAM_STATE_OWN || version == 0 || length > OWN_MAX)
        return HOTRAM_E_ARGUMENT;
    begin(&writer, out, kind, version, (uint32_t)length);
    for (size_t i = 0; i < length; i++)
        libhotram_state_put(&writer, contents[i], 1);
    return libhotram_state_end(&writer);
}

/* ---- Restoring ---- */

uint64_t libhotram_state_get(struct hotram_saved *contents, unsigned count)
{
    uint64_t value = 0;

    for (unsigned i = count; i > 0; i--)
        value = value << 8 | contents->bytes[i - 1];
    contents->bytes += count;
    contents->length -= count;
    return value;
}

/* The sum of so many bytes. */
static uint32_t sum_of(const uint8_t *bytes, uint32_t count)
{
    uint32_t sum = STATE_SUM_START;

    for (uint32_t i = 0; i < count; i++)
        sum = libhotram_state_sum(sum, bytes[i]);
    return ~sum;
}

/* What is in front, once it is sure that the whole is there and undamaged. */
static enum hotram_status open_frame(struct hotram_saved saved, struct hotram_state_frame *frame,
                                     struct hotram_restore_result *result)
{
    const uint8_t *start = saved.bytes;
    const size_t there = saved.length;
    uint32_t magic, sum;
    struct hotram_saved tail;

    if (!start && there > 0)
        return HOTRAM_E_ARGUMENT;
    if (there < HOTRAM_STATE_FRAME)
        return libhotram_state_refuse(result, HOTRAM_E_FORMAT, HOTRAM_FIELD_LENGTH, there,
                                      HOTRAM_STATE_FRAME);
    magic = (uint32_t)libhotram_state_get(&saved, 4);
    if (magic != MAGIC)
        return libhotram_state_refuse(result, HOTRAM_E_FORMAT, HOTRAM_FIELD_MAGIC, magic, MAGIC);
    frame->kind = (uint16_t)libhotram_state_get(&saved, 2);
    frame->version = (uint16_t)libhotram_state_get(&saved, 2);
    frame->length = (uint32_t)libhotram_state_get(&saved, 4);
    if (frame->length < HOTRAM_STATE_FRAME)
        return libhotram_state_refuse(result, HOTRAM_E_FORMAT, HOTRAM_FIELD_LENGTH, frame->length,
                                      HOTRAM_STATE_FRAME);
    if (frame->length > there)
        return libhotram_state_refuse(result, HOTRAM_E_FORMAT, HOTRAM_FIELD_LENGTH, frame->length, there);
    tail = (struct hotram_saved){ start + (frame->length - BEHIND), BEHIND };
    magic = (uint32_t)libhotram_state_get(&tail, BEHIND);
    sum = sum_of(start, frame->length - BEHIND);
    if (magic != sum)
        return libhotram_state_refuse(result, HOTRAM_E_CHECKSUM, HOTRAM_FIELD_CHECKSUM, magic, sum);
    return HOTRAM_OK;
}

enum hotram_status hotram_state_look(const struct hotram_saved *saved, struct hotram_state_frame *frame,
                                     struct hotram_restore_result *result)
{
    enum hotram_status status = HOTRAM_E_ARGUMENT;
    struct hotram_restore_result found;
    struct hotram_state_frame front = { 0 };

    libhotram_state_start(&found);
    if (saved && frame)
        status = open_frame(*saved, &front, &found);
    if (status == HOTRAM_OK)
        *frame = front;
    if (result)
        *result = found;
    return status;
}

enum hotram_status libhotram_state_open(const struct hotram_saved *saved, enum hotram_state_kind kind,
                                        struct hotram_saved *contents, struct hotram_restore_result *result)
{
    struct hotram_state_frame frame = { 0 };
    enum hotram_status status;

    if (!saved)
        return HOTRAM_E_ARGUMENT;
    status = open_frame(*saved, &frame, result);
    if (status != HOTRAM_OK)
        return status;
    if (frame.kind != kind)
        return libhotram_state_refuse(result, HOTRAM_E_FORMAT, HOTRAM_FIELD_KIND, frame.kind, kind);
    if (frame.version == 0 || frame.version > HOTRAM_STATE_VERSION)
        return libhotram_state_refuse(result, frame.version == 0 ? HOTRAM_E_FORMAT : HOTRAM_E_VERSION,
                                      HOTRAM_FIELD_VERSION, frame.version, HOTRAM_STATE_VERSION);
    *contents = (struct hotram_saved){ saved->bytes + FRONT, frame.length - HOTRAM_STATE_FRAME };
    return HOTRAM_OK;
}

void libhotram_state_close(struct hotram_saved *saved)
{
    struct hotram_saved front = { saved->bytes + FRONT - 4, 4 };
    uint32_t length = (uint32_t)libhotram_state_get(&front, 4);

    saved->bytes += length;
    saved->length -= length;
}
