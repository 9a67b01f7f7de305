/* SPDX-License-Identifier: BSD-2-Clause */
#include "aml_state.h"

struct hotram_aml writer, writer_before;

static bool head_holds(const struct hotram_aml *aml)
{
    return aml->out == &buffer && aml->start <= buffer.length && aml->depth <= HOTRAM_AML_DEPTH &&
           (aml->status == HOTRAM_OK || aml->status == HOTRAM_E_ARGUMENT || aml->status == HOTRAM_E_NESTING);
}

/* Blocks begin one after the other, and only the innermost may be of another kind than terms. */
static bool block_holds(const struct hotram_aml *aml, unsigned i)
{
    const struct hotram_aml_block *block = &aml->blocks[i];

    return i >= aml->depth ||
           (block->start >= (i > 0 ? aml->blocks[i - 1].start : aml->start) &&
            block->start <= buffer.length &&
            (block->kind == AML_TERMS || (block->kind <= AML_RESOURCES && i + 1 == aml->depth)));
}

/* For any one block, which the solver finds easier than for all. */
void prove_writer_holds(void)
{
    unsigned i = nondet_uint32();

    PROVE(head_holds(&writer));
    PROVE(i >= HOTRAM_AML_DEPTH || block_holds(&writer, i));
}

void prove_writer_alike(unsigned depth)
{
    const struct hotram_aml *now = &writer, *was = &writer_before;
    unsigned i = nondet_uint32();

    PROVE(now->out == was->out && now->start == was->start);
    PROVE(i >= depth || i >= HOTRAM_AML_DEPTH ||
          (now->blocks[i].start == was->blocks[i].start && now->blocks[i].kind == was->blocks[i].kind));
}

void arbitrary_writer(void)
{
    arbitrary_buffer();
    writer = (struct hotram_aml){
        .out = &buffer,
        .start = nondet_size(),
        .status = (enum hotram_status)nondet_uint32(),
        .depth = nondet_uint32(),
    };
    ASSUME(head_holds(&writer));
    for (unsigned i = 0; i < HOTRAM_AML_DEPTH; i++) {
        writer.blocks[i] = (struct hotram_aml_block){ .start = nondet_size(), .kind = nondet_uint8() };
        ASSUME(block_holds(&writer, i));
    }
    writer_before = writer;
}

size_t integer_size(uint64_t value)
{
    if (value <= 1 || value == UINT64_MAX)
        return 1;
    return value <= UINT8_MAX ? 2 : value <= UINT16_MAX ? 3 : value <= UINT32_MAX ? 5 : 9;
}

uint32_t decode_length(const uint8_t *bytes, unsigned *count)
{
    uint32_t value;

    *count = (bytes[0] >> 6) + 1;
    if (*count == 1)
        return bytes[0];
    value = bytes[0] & 0x0f;
    for (unsigned i = 1; i < 4 && i < *count; i++)
        value |= (uint32_t)bytes[i] << (8 * i - 4);
    return value;
}

unsigned shortest_length(size_t rest)
{
    return rest + 1 < 1u << 6 ? 1 : rest + 2 < 1u << 12 ? 2 : rest + 3 < 1u << 20 ? 3 : 4;
}
