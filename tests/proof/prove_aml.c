/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The AML writer's beginning and end, and the length of a block (20.2.4): from every state of a writer, all
 * HOTRAM_AML_DEPTH blocks included, on every buffer of up to CAPACITY bytes; every length of 28 bits.
 *
 * proof: sources core/aml.c core/aml_term.c core/buffer.c tests/proof/buffer.c tests/proof/aml_state.c
 * proof: options --unsigned-overflow-check --unwind 17
 */
#include "aml_state.h"

void prove_aml_begin(void)
{
    struct hotram_aml *given = nondet_bool() ? &writer : NULL;
    struct hotram_buffer *out = nondet_bool() ? &buffer : NULL;
    enum hotram_status status;

    arbitrary_writer();
    status = hotram_aml_begin(given, out);
    PROVE(status == (given && out ? HOTRAM_OK : HOTRAM_E_ARGUMENT));
    PROVE(is_written_only(before.length) && buffer.length == before.length);
    if (given)
        PROVE(writer.status == status && writer.out == out && writer.depth == 0);
    else
        prove_writer_alike(HOTRAM_AML_DEPTH);
    PROVE(IMPLIES(given, writer.start == (out ? buffer.length : 0)));
    REACHABLE(status == HOTRAM_OK);
    REACHABLE(given && !out);
    REACHABLE(!given && out);
}

/* What hotram_aml_finish() answers. */
static enum hotram_status finished(void)
{
    if (writer_before.status != HOTRAM_OK)
        return writer_before.status;
    if (writer_before.depth > 0)
        return HOTRAM_E_NESTING;
    return before.length > before.capacity ? HOTRAM_E_BUFFER : HOTRAM_OK;
}

void prove_aml_finish(void)
{
    size_t length = nondet_size(), length_before = length;
    bool asked = nondet_bool();
    enum hotram_status status;
    bool is_complete;

    arbitrary_writer();
    status = hotram_aml_finish(&writer, asked ? &length : NULL);
    is_complete = status == HOTRAM_OK || status == HOTRAM_E_BUFFER;
    PROVE(status == finished());
    PROVE(is_written_only(before.length) && buffer.length == before.length);
    prove_writer_holds();
    PROVE(writer.depth == writer_before.depth);
    prove_writer_alike(HOTRAM_AML_DEPTH);
    PROVE(writer.status == (status == HOTRAM_E_BUFFER ? HOTRAM_OK : status));
    PROVE(length == (!asked ? length_before : is_complete ? before.length - writer_before.start : 0));
    REACHABLE(status == HOTRAM_OK && asked && length > 0);
    REACHABLE(status == HOTRAM_E_BUFFER && !buffer.data);
    REACHABLE(status == HOTRAM_E_NESTING && writer_before.status == HOTRAM_OK);
    REACHABLE(status == HOTRAM_E_ARGUMENT);
}

void prove_aml_encode_length(void)
{
    static uint8_t bytes[4], bytes_before[4];
    uint32_t value = nondet_uint32();
    unsigned count, decoded_count;

    ASSUME(value < 1u << 28);
    for (unsigned i = 0; i < 4; i++)
        bytes[i] = bytes_before[i] = nondet_uint8();
    count = libhotram_aml_encode_length(bytes, value);
    PROVE(decode_length(bytes, &decoded_count) == value && decoded_count == count);
    PROVE(IMPLIES(count > 1, (bytes[0] & 0x30) == 0)); /* bits 5 and 4 are reserved then */
    PROVE(count == (value < 1u << 6 ? 1u : value < 1u << 12 ? 2u : value < 1u << 20 ? 3u : 4u));
    for (unsigned i = 0; i < 4; i++)
        PROVE(IMPLIES(i >= count, bytes[i] == bytes_before[i]));
    REACHABLE(count == 1);
    REACHABLE(count == 4);
}
