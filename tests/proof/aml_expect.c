/* SPDX-License-Identifier: BSD-2-Clause */
#include "aml_expect.h"

struct hotram_buffer buffer, before;
struct noted expected, appended;
unsigned watched;

/* ---- The model of the buffer ---- */

static void note(struct noted *noted, uint8_t byte)
{
    if (noted->count == watched)
        noted->byte = byte;
    noted->count++;
}

void hotram_buffer_u8(struct hotram_buffer *to, uint8_t value)
{
    PROVE(to == &buffer);
    note(&appended, value);
    buffer.length++;
}

static void append(struct hotram_buffer *to, uint64_t value, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        hotram_buffer_u8(to, value >> 8 * i & 0xff);
}

void hotram_buffer_u16(struct hotram_buffer *to, uint16_t value)
{
    append(to, value, 2);
}

void hotram_buffer_u32(struct hotram_buffer *to, uint32_t value)
{
    append(to, value, 4);
}

void hotram_buffer_u64(struct hotram_buffer *to, uint64_t value)
{
    append(to, value, 8);
}

/* Only field lengths come this way. */
void hotram_buffer_bytes(struct hotram_buffer *to, const void *bytes, size_t count)
{
    PROVE(bytes && count <= 4);
    for (size_t i = 0; i < 4 && i < count; i++)
        hotram_buffer_u8(to, ((const uint8_t *)bytes)[i]);
}

void arbitrary_buffer(void)
{
    buffer = before = (struct hotram_buffer){ .capacity = nondet_size(), .length = nondet_size() };
    ASSUME(buffer.length <= SIZE_MAX - LONGEST);
    appended.count = expected.count = 0;
    watched = nondet_uint8();
}

/* ---- Arguments ---- */

const char *arbitrary_text(void)
{
    static char text[TEXT + 1];
    unsigned length = nondet_uint32();

    ASSUME(length <= TEXT);
    for (unsigned i = 0; i < TEXT; i++)
        text[i] = nondet_char();
    text[TEXT] = '\0';
    return nondet_bool() ? text + (TEXT - length) : NULL;
}

bool with_some_path(bool (*call)(const char *))
{
    arbitrary_writer();
    switch (nondet_uint8()) {
    case 0:
        return call(NULL);
    case 1:
        return call("");
    case 2:
        return call("\\");
    case 3:
        return call("AB1");
    case 4:
        return call("\\_SB.MHPD");
    case 5:
        return call("^^A.B_.C12");
    default:
        return call("AB.");
    }
}

/* ---- What is expected ---- */

void expect(uint64_t value, size_t count)
{
    for (size_t i = 0; i < 8 && i < count; i++)
        note(&expected, value >> 8 * i & 0xff);
}

void expect_opcode(unsigned opcode)
{
    if (opcode > 0xff)
        expect(opcode >> 8, 1);
    expect(opcode, 1);
}

void expect_integer(uint64_t value)
{
    static const uint8_t prefixes[] = { [2] = 0x0a, [3] = 0x0b, [5] = 0x0c, [9] = 0x0e };
    size_t size = integer_size(value);

    if (size == 1) {
        expect(value, 1);
        return;
    }
    expect(prefixes[size], 1);
    expect(value, size - 1);
}

bool is_segment_char(char c, unsigned place)
{
    return place < 4 && ((c >= 'A' && c <= 'Z') || c == '_' || (place > 0 && c >= '0' && c <= '9'));
}

/* Character by character; the library goes by segments. */
static bool split(const char *text, uint8_t names[TEXT * 4], unsigned *count)
{
    unsigned place = 0;

    *count = 0;
    for (unsigned i = 0; i <= TEXT; i++) {
        if (is_segment_char(text[i], place)) {
            names[*count * 4 + place++] = (uint8_t)text[i];
            continue;
        }
        if (place == 0 || (text[i] != '.' && text[i] != '\0'))
            return false;
        while (place < 4)
            names[*count * 4 + place++] = '_';
        place = 0;
        ++*count;
        if (text[i] == '\0')
            break;
    }
    return true;
}

bool expect_path(const char *path)
{
    uint8_t names[TEXT * 4];
    unsigned count;

    if (!path || *path == '\0')
        return false;
    if (*path == '\\')
        expect((uint8_t)*path++, 1);
    else
        for (unsigned i = 0; i < TEXT && *path == '^'; i++)
            expect((uint8_t)*path++, 1);
    if (*path == '\0') {
        expect(0, 1);
        return true;
    }
    if (!split(path, names, &count))
        return false;
    if (count == 2)
        expect(0x2e, 1);
    if (count > 2)
        expect(0x2f | count << 8, 2);
    for (unsigned i = 0; i < TEXT / 2 + 1 && i < count; i++) {
        for (unsigned j = 0; j < 4; j++)
            expect(names[i * 4 + j], 1);
    }
    return true;
}

/* ---- What is proven ---- */

/* A call that must not do anything, or be only the first error. False if it may do more. */
static bool prove_refused(enum aml_kind where)
{
    enum aml_kind here = AML_TERMS;
    bool refused = writer_before.status != HOTRAM_OK;

    PROVE(appended.count <= LONGEST && buffer.length == before.length + appended.count);
    PROVE(buffer.data == before.data && buffer.capacity == before.capacity);
    prove_writer_holds();
    if (writer_before.depth > 0)
        here = (enum aml_kind)writer_before.blocks[writer_before.depth - 1].kind;
    if (refused)
        PROVE(writer.status == writer_before.status);
    else if (here != where)
        PROVE(writer.status == HOTRAM_E_NESTING);
    REACHABLE(writer_before.status != HOTRAM_OK);
    REACHABLE(!refused && here != where);
    if (!refused && here == where)
        return false;
    PROVE(appended.count == 0);
    PROVE(writer.depth == writer_before.depth);
    prove_writer_alike(writer.depth);
    return true;
}

/* All that is expected has been appended, and nothing else. */
static void prove_expected(void)
{
    PROVE(appended.count == expected.count);
    PROVE(watched >= expected.count || appended.byte == expected.byte);
    REACHABLE(buffer.length <= buffer.capacity);
}

void prove_appended(enum aml_kind where, bool valid)
{
    if (prove_refused(where))
        return;
    PROVE(writer.depth == writer_before.depth);
    prove_writer_alike(writer.depth);
    PROVE(writer.status == (valid ? HOTRAM_OK : HOTRAM_E_ARGUMENT));
    if (valid)
        prove_expected();
}

void prove_opened(bool valid, size_t opcode_size, enum aml_kind kind)
{
    unsigned depth = writer_before.depth;

    if (prove_refused(AML_TERMS))
        return;
    prove_writer_alike(depth);
    if (depth == HOTRAM_AML_DEPTH) {
        PROVE(writer.status == HOTRAM_E_NESTING || (!valid && writer.status == HOTRAM_E_ARGUMENT));
        PROVE(writer.depth == depth && buffer.length == before.length);
        REACHABLE(writer.status == HOTRAM_E_NESTING);
        return;
    }
    PROVE(writer.status == (valid ? HOTRAM_OK : HOTRAM_E_ARGUMENT));
    if (!valid)
        return;
    PROVE(writer.depth == depth + 1);
    PROVE(writer.blocks[depth].start == before.length + opcode_size);
    PROVE(writer.blocks[depth].kind == kind);
    prove_expected();
    REACHABLE(depth == 0);
    REACHABLE(writer.depth == HOTRAM_AML_DEPTH);
}
