/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What stands in the block of a field: from every state of a writer, what is appended, byte by byte, or which
 * error it is. All buffers, names of up to TEXT bytes of any value, all numbers.
 *
 * proof: sources core/aml.c core/aml_term.c tests/proof/aml_expect.c tests/proof/aml_state.c
 * proof: options --unsigned-overflow-check -D TEXT=6u --unwind 9 --unwindset arbitrary_writer.0:17
 */
#include "aml_expect.h"

/* A length of 28 bits, as PkgLength has it. */
static bool expect_bits(uint32_t bits)
{
    unsigned count = bits < 1u << 6 ? 1 : bits < 1u << 12 ? 2 : bits < 1u << 20 ? 3 : 4;

    if (count == 1)
        expect(bits, 1);
    else
        expect((count - 1) << 6 | (bits & 0xf) | (uint64_t)(bits >> 4) << 8, count);
    return bits < 1u << 28;
}

void prove_aml_field_unit(void)
{
    const char *name = arbitrary_text();
    uint32_t bits = nondet_uint32();
    unsigned length = 0;
    bool valid;

    arbitrary_writer();
    while (name && length < TEXT && is_segment_char(name[length], length)) {
        expect((uint8_t)name[length], 1);
        length++;
    }
    valid = length > 0 && name[length] == '\0';
    for (unsigned i = length; i < 4; i++)
        expect('_', 1);
    valid = expect_bits(bits) && valid;
    hotram_aml_field_unit(&writer, name, bits);
    prove_appended(AML_FIELDS, valid);
    REACHABLE_INVALID();
    REACHABLE(valid && length == 1);
    REACHABLE(valid && length == 4);
}

void prove_aml_field_gap(void)
{
    uint32_t bits = nondet_uint32();
    bool valid;

    arbitrary_writer();
    expect(0, 1);
    valid = expect_bits(bits);
    hotram_aml_field_gap(&writer, bits);
    prove_appended(AML_FIELDS, valid);
    REACHABLE_INVALID();
    REACHABLE(valid && expected.count == 2);
    REACHABLE(valid && expected.count == 5);
}
