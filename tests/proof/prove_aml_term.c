/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The operands and operators of hotram/aml.h: from every state of a writer, what each appends, byte by byte,
 * or which error it is. All buffers, strings of up to TEXT bytes of any value, all numbers.
 *
 * proof: sources core/aml.c core/aml_term.c tests/proof/aml_expect.c tests/proof/aml_state.c
 * proof: options --unsigned-overflow-check --unwind 11 --unwindset arbitrary_writer.0:17
 */
#include "aml_expect.h"

void prove_aml_integer(void)
{
    uint64_t value = nondet_uint64();

    arbitrary_writer();
    expect_integer(value);
    hotram_aml_integer(&writer, value);
    prove_appended(AML_TERMS, true);
    REACHABLE(expected.count == 1 && value > 1);
    REACHABLE(expected.count == 2);
    REACHABLE(expected.count == 9);
}

void prove_aml_string(void) /* slow */
{
    const char *string = arbitrary_text();
    bool valid = string;

    arbitrary_writer();
    expect(0x0d, 1);
    for (unsigned i = 0; valid && i < TEXT && string[i] != '\0'; i++) {
        valid = (string[i] & 0x80) == 0;
        expect((uint8_t)string[i], 1);
    }
    expect(0, 1);
    hotram_aml_string(&writer, string);
    prove_appended(AML_TERMS, valid);
    REACHABLE_INVALID();
    REACHABLE(valid && expected.count == TEXT + 2);
    REACHABLE(valid && expected.count == 2);
}

/* The value of a hexadecimal digit, capitals only; 16 if it is none. */
static unsigned digit(char c)
{
    if (c >= 'A' && c <= 'F')
        return (unsigned)c - 'A' + 10;
    return c >= '0' && c <= '9' ? (unsigned)c - '0' : 16;
}

/* The bit fields of 19.6.37, then the bytes of the number in the other order. */
static bool expect_eisaid(const char *id)
{
    uint32_t number = 0;
    unsigned length = 0;

    while (id && length < TEXT && id[length] != '\0')
        length++;
    if (length != 7)
        return false;
    for (unsigned i = 0; i < 7; i++) {
        if (i < 3 ? id[i] < 'A' || id[i] > 'Z' : digit(id[i]) > 15)
            return false;
        if (i < 3)
            number |= (uint32_t)(id[i] - 0x40) << (26 - 5 * i);
        else
            number |= digit(id[i]) << (24 - 4 * i);
    }
    expect(0x0c, 1);
    for (unsigned i = 0; i < 4; i++)
        expect(number >> (24 - 8 * i), 1);
    return true;
}

void prove_aml_eisaid(void)
{
    const char *id = arbitrary_text();
    bool valid;

    arbitrary_writer();
    valid = expect_eisaid(id);
    hotram_aml_eisaid(&writer, id);
    prove_appended(AML_TERMS, valid);
    REACHABLE_INVALID();
}

void prove_aml_arg(void)
{
    unsigned number = nondet_uint32();

    arbitrary_writer();
    expect(0x68 + (uint64_t)number, 1);
    hotram_aml_arg(&writer, number);
    prove_appended(AML_TERMS, number <= 6);
    REACHABLE_INVALID();
}

void prove_aml_local(void)
{
    unsigned number = nondet_uint32();

    arbitrary_writer();
    expect(0x60 + (uint64_t)number, 1);
    hotram_aml_local(&writer, number);
    prove_appended(AML_TERMS, number <= 7);
    REACHABLE_INVALID();
}

void prove_aml_no_target(void)
{
    arbitrary_writer();
    expect(0, 1);
    hotram_aml_no_target(&writer);
    prove_appended(AML_TERMS, true);
}

/* Also values that are not in the enum: two bytes if they do not fit in one. */
void prove_aml_op(void)
{
    unsigned op = nondet_uint32();

    arbitrary_writer();
    expect_opcode(op);
    hotram_aml_op(&writer, (enum hotram_aml_operator)op);
    prove_appended(AML_TERMS, true);
    REACHABLE(op == HOTRAM_AML_ADD);
    REACHABLE(op == HOTRAM_AML_LNOT_EQUAL && expected.count == 2);
}
