/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The blocks of AML are opened: from every state of a writer, all HOTRAM_AML_DEPTH blocks included, what each
 * function appends, byte by byte, and the block that it notes for the length; or which error it is. All
 * buffers, all numbers, one path of every kind.
 *
 * proof: sources core/aml.c core/aml_term.c tests/proof/aml_expect.c tests/proof/aml_state.c
 * proof: options --unsigned-overflow-check -D TEXT=10u --unwind 17
 */
#include "aml_expect.h"

static bool scope(const char *path)
{
    bool valid;

    expect_opcode(0x10);
    valid = expect_path(path);
    hotram_aml_scope(&writer, path);
    return valid;
}

void prove_aml_scope(void) /* slow */
{
    bool valid = with_some_path(scope);

    prove_opened(valid, 1, AML_TERMS);
    REACHABLE_INVALID();
}

static bool device(const char *path)
{
    bool valid;

    expect_opcode(0x5b82);
    valid = expect_path(path);
    hotram_aml_device(&writer, path);
    return valid;
}

void prove_aml_device(void) /* slow */
{
    bool valid = with_some_path(device);

    prove_opened(valid, 2, AML_TERMS);
    REACHABLE_INVALID();
}

static bool method(const char *path)
{
    unsigned args = nondet_uint32();
    bool serialized = nondet_bool();
    bool valid;

    expect_opcode(0x14);
    valid = expect_path(path) && args <= 7;
    expect((args & 7) + (serialized ? 8 : 0), 1); /* MethodFlags: bits 0-2 and bit 3 */
    hotram_aml_method(&writer, path, args, serialized);
    return valid;
}

void prove_aml_method(void) /* slow */
{
    bool valid = with_some_path(method);

    prove_opened(valid, 1, AML_TERMS);
    REACHABLE_INVALID();
}

static bool field(const char *path)
{
    unsigned flags = nondet_uint32();
    bool valid;

    expect_opcode(0x5b81);
    valid = expect_path(path) && flags <= 0xff;
    expect(flags, 1);
    hotram_aml_field(&writer, path, flags);
    return valid;
}

void prove_aml_field(void) /* slow */
{
    bool valid = with_some_path(field);

    prove_opened(valid, 2, AML_FIELDS);
    REACHABLE_INVALID();
}

void prove_aml_if(void)
{
    arbitrary_writer();
    expect_opcode(0xa0);
    hotram_aml_if(&writer);
    prove_opened(true, 1, AML_TERMS);
}

void prove_aml_else(void)
{
    arbitrary_writer();
    expect_opcode(0xa1);
    hotram_aml_else(&writer);
    prove_opened(true, 1, AML_TERMS);
}

void prove_aml_while(void)
{
    arbitrary_writer();
    expect_opcode(0xa2);
    hotram_aml_while(&writer);
    prove_opened(true, 1, AML_TERMS);
}

void prove_aml_package(void)
{
    unsigned count = nondet_uint32();

    arbitrary_writer();
    expect_opcode(0x12);
    expect(count, 1);
    hotram_aml_package(&writer, count);
    prove_opened(count <= 255, 1, AML_TERMS);
    REACHABLE_INVALID();
}

void prove_aml_resource_template(void)
{
    arbitrary_writer();
    expect_opcode(0x11);
    hotram_aml_resource_template(&writer);
    prove_opened(true, 1, AML_RESOURCES);
}
