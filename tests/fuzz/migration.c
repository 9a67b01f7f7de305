/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target of a migration's connection: what a target reads from a source (migrate_receive.c, moved.c),
 * and what a source reads from a target (wire_await(), wire_explain()). The judge (migration_judge.h) reads
 * the same bytes by itself: how far they are followed, what is in memory then, and what is answered.
 */
#include "input.h"

#include <sys/socket.h>
#include <unistd.h>

#include "machine/migration.h"
#include "migration_judge.h"

#define ROOM (UINT32_C(64) << 10)

static uint8_t memory[JUDGE_MEMORY], expected[JUDGE_MEMORY];

/* ---- streams made of the input ---- */

struct out {
    uint8_t *bytes;
    size_t length;
};

static void put(struct out *out, unsigned width, uint64_t value)
{
    for (unsigned i = 0; i < width && out->length < ROOM; i++)
        out->bytes[out->length++] = (uint8_t)(value >> 8 * i);
}

static void fill(struct out *out, struct input *input, uint32_t count)
{
    const uint8_t first = input_u8(input), step = input_u8(input);

    for (uint32_t i = 0; i < count && out->length < ROOM; i++)
        put(out, 1, (uint8_t)(first + step * (i / 64)));
}

static uint64_t some_address(struct input *input)
{
    const struct judge_region *region = &judge_regions[input_below(input, JUDGE_REGIONS)];

    switch (input_below(input, 8)) {
    case 0:
        return input_number(input);
    case 1:
        return region->address + region->size - input_below(input, 64);
    case 2:
        return region->address + input_u16(input);
    default:
        return region->address + input_below(input, 4) * 4096u;
    }
}

static uint32_t some_length(struct input *input)
{
    switch (input_below(input, 8)) {
    case 0:
        return (uint32_t)input_number(input);
    case 1:
        return input_u16(input);
    default:
        return (1 + input_below(input, 3)) * 4096u;
    }
}

static void put_message(struct out *out, struct input *input, uint32_t kind)
{
    const bool memory_message = kind == WIRE_PAGES || kind == WIRE_ZEROS;
    const uint32_t length = memory_message              ? some_length(input)
                            : input_below(input, 8) > 0 ? input_below(input, 64)
                                                        : (uint32_t)input_number(input);
    const uint64_t address = memory_message || input_below(input, 16) == 0 ? some_address(input) : 0;

    put(out, 4, kind);
    put(out, 4, length);
    put(out, 8, address);
    if (kind != WIRE_ZEROS)
        fill(out, input, input_below(input, 16) == 0 ? input_u8(input) : length < ROOM ? length : ROOM);
}

static uint32_t some_kind(struct input *input, uint32_t usual)
{
    return input_below(input, 16) > 0  ? usual
           : input_below(input, 8) > 0 ? input_below(input, 24)
                                       : (uint32_t)input_number(input);
}

static size_t make_stream(uint8_t *bytes, struct input *input)
{
    struct out out = { bytes, 0 };

    put(&out, 8, UINT64_C(0x544152474d495248)); /* HRMIGRAT */
    put(&out, 4, input_below(input, 16) > 0 ? 1 : input_u8(input));
    put(&out, 4, input_below(input, 16) > 0 ? input_below(input, 2) : input_u8(input));
    put_message(&out, input, some_kind(input, WIRE_CONFIG));
    for (unsigned count = input_below(input, 8); count > 0; count--)
        put_message(&out, input, some_kind(input, WIRE_PAGES + input_below(input, 2)));
    put_message(&out, input, some_kind(input, WIRE_STATE));
    put(&out, 1, input_below(input, 16) > 0 ? WIRE_GO : input_u8(input));
    return out.length;
}

static size_t make_answers(uint8_t *bytes, struct input *input)
{
    struct out out = { bytes, 0 };

    for (unsigned count = input_below(input, 3); count > 0; count--) {
        const uint32_t kind = some_kind(input, WIRE_ACCEPTED + input_below(input, 4));
        const uint32_t length = kind == WIRE_FAILED || input_below(input, 8) == 0 ? input_u16(input) % 1024
                                                                                  : 0;

        put(&out, 4, kind);
        put(&out, 4, length);
        put(&out, 8, input_below(input, 16) == 0);
        fill(&out, input, length);
    }
    return out.length;
}

/* ---- a connection ---- */

/* To one who has sent this and then nothing more; who it is reads the answers from *other. */
static void connect_to(struct wire *wire, int *other, const uint8_t *bytes, size_t length)
{
    const int size = 4 * ROOM;
    struct error error;
    int pair[2];

    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    CHECK(setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size) == 0);
    CHECK(write(pair[1], bytes, length) == (ssize_t)length);
    CHECK(shutdown(pair[1], SHUT_WR) == 0);
    CHECK(wire_prepare(wire, &error) && wire_open(wire, pair[0], &error));
    CHECK(wire->two_way);
    *other = pair[1];
}

static void check_answers(const struct judge *judge, const struct error *error, int other)
{
    uint8_t bytes[4096];
    const ssize_t got = recv(other, bytes, sizeof bytes, MSG_DONTWAIT);
    const size_t length = got > 0 ? (size_t)got : 0;

    CHECK(judge_answers(judge, error->text, bytes, length));
}

/* ---- as a target ---- */

static struct moved *lend_moved(void)
{
    static uint8_t room[WIRE_PAGES_MAX];
    static struct moved moved;

    moved = (struct moved){ .page = 4096, .room = room, .memory.count = JUDGE_REGIONS };
    for (unsigned i = 0; i < JUDGE_REGIONS; i++)
        moved.memory.region[i].part = (struct guest_part){ .address = judge_regions[i].address,
                                                           .size = judge_regions[i].size,
                                                           .memory = memory + judge_regions[i].place,
                                                           .read_only = judge_regions[i].read_only };
    return &moved;
}

static void be_target(const uint8_t *bytes, size_t length)
{
    static struct migration migration;
    struct error error = { 0 };
    struct judge judge;
    unsigned steps = 0;
    int other;

    for (size_t i = 0; i < sizeof memory; i++)
        memory[i] = expected[i] = (uint8_t)(i / 4096 % 3);
    judge_stream(bytes, length, expected, &judge);
    migration = (struct migration){ .incoming = true, .moved = lend_moved(), .wire.wake = -1 };
    connect_to(&migration.wire, &other, bytes, length);
    steps += migrate_meet(&migration, &error);
    steps += steps == 1 && migrate_receive(&migration, &error);
    steps += steps == 2 && migrate_wait_for_go(&migration, &error);
    CHECK(steps == judge.steps);
    CHECK(migration.gone == (steps == 3));
    CHECK((steps == 3) == !error.text[0]);
    if (steps < 3)
        wire_tell_failure(&migration.wire, &error);
    else
        CHECK(judge_is_state(&judge, migration.bytes, migration.length));
    CHECK(memcmp(memory, expected, sizeof memory) == 0);
    check_answers(&judge, &error, other);
    wire_close(&migration.wire);
    close(other);
    free(migration.bytes);
}

/* ---- as a source ---- */

static void be_source(const uint8_t *bytes, size_t length, enum wire_kind awaited, bool explain)
{
    struct error error = { 0 };
    struct judge_answer judge;
    struct wire wire = { .wake = -1 };
    int other;

    judge_answer(bytes, length, awaited, &judge);
    connect_to(&wire, &other, bytes, length);
    wire.answers = true;
    if (explain) {
        error_set(&error, "as before");
        wire_explain(&wire, &error);
        CHECK(strcmp(error.text, judge.told ? judge.reason : "as before") == 0);
    } else {
        CHECK(wire_await(&wire, awaited, &error) == judge.good);
        CHECK(wire.refused == judge.refused);
        CHECK(judge.good == !error.text[0]);
        CHECK(!judge.told || strcmp(error.text, judge.reason) == 0);
    }
    wire_close(&wire);
    close(other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t made[ROOM];
    struct input input = { data, size };
    size_t length;
    uint8_t mode;

    mode = input_u8(&input);
    if (mode & 1) {
        length = input.left < ROOM ? input.left : ROOM;
        memcpy(made, input.at, length);
    } else {
        length = mode & 2 ? make_answers(made, &input) : make_stream(made, &input);
        if (length > 0 && mode & 4)
            made[input_u16(&input) % length] ^= input_u8(&input);
        if (mode & 8)
            length = input_u32(&input) % (length + 1);
    }
    if (mode & 2)
        be_source(made, length, (enum wire_kind)(WIRE_ACCEPTED + (mode >> 4) % 3), mode & 0x80);
    else
        be_target(made, length);
    return 0;
}
