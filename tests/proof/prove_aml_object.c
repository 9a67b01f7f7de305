/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names, registers and locks: the named objects of hotram/aml.h and hotram/aml_device.h that are not blocks.
 * From every state of a writer, what each appends, byte by byte, or which error it is. All buffers, all
 * numbers, one path of every kind.
 *
 * proof: sources core/aml.c core/aml_term.c tests/proof/aml_expect.c tests/proof/aml_state.c
 * proof: options --unsigned-overflow-check -D TEXT=10u --unwind 17
 */
#include "aml_expect.h"

static bool name(const char *path)
{
    bool valid;

    expect_opcode(0x08);
    valid = expect_path(path);
    hotram_aml_name(&writer, path);
    return valid;
}

void prove_aml_name(void) /* slow */
{
    bool valid = with_some_path(name);

    prove_appended(AML_TERMS, valid);
    REACHABLE_INVALID();
}

static bool operation_region(const char *path)
{
    unsigned space = nondet_uint32();
    uint64_t offset = nondet_uint64();
    uint64_t length = nondet_bool() ? 4 : 28; /* a second number of 64 bits is too much for the solver */
    bool valid;

    expect_opcode(0x5b80);
    valid = expect_path(path);
    expect(space, 1);
    expect_integer(offset);
    expect_integer(length);
    hotram_aml_operation_region(&writer, path, (enum hotram_aml_space)space, offset, length);
    return valid;
}

void prove_aml_operation_region(void) /* slow */
{
    bool valid = with_some_path(operation_region);

    prove_appended(AML_TERMS, valid);
    REACHABLE_INVALID();
}

static bool mutex(const char *path)
{
    bool valid;

    expect_opcode(0x5b01);
    valid = expect_path(path);
    expect(0, 1);
    hotram_aml_mutex(&writer, path);
    return valid;
}

void prove_aml_mutex(void) /* slow */
{
    bool valid = with_some_path(mutex);

    prove_appended(AML_TERMS, valid);
    REACHABLE_INVALID();
}

static bool acquire(const char *path)
{
    bool valid;

    expect_opcode(0x5b23);
    valid = expect_path(path);
    expect(0xffff, 2);
    hotram_aml_acquire(&writer, path);
    return valid;
}

void prove_aml_acquire(void) /* slow */
{
    bool valid = with_some_path(acquire);

    prove_appended(AML_TERMS, valid);
    REACHABLE_INVALID();
}

static bool release(const char *path)
{
    bool valid;

    expect_opcode(0x5b27);
    valid = expect_path(path);
    hotram_aml_release(&writer, path);
    return valid;
}

void prove_aml_release(void) /* slow */
{
    bool valid = with_some_path(release);

    prove_appended(AML_TERMS, valid);
    REACHABLE_INVALID();
}

/* The offset stands between the two paths; one of them is fixed. */
static bool expect_field(unsigned opcode, const char *object, uint32_t offset, const char *path)
{
    bool valid;

    expect_opcode(opcode);
    valid = expect_path(object);
    expect_integer(offset);
    return expect_path(path) && valid;
}

static bool create_qword_field(const char *text)
{
    bool first = nondet_bool();
    uint32_t offset = nondet_uint32();
    bool valid;

    if (first) {
        valid = expect_field(0x8f, text, offset, "MIN");
        hotram_aml_create_qword_field(&writer, text, offset, "MIN");
    } else {
        valid = expect_field(0x8f, "^BUF", offset, text);
        hotram_aml_create_qword_field(&writer, "^BUF", offset, text);
    }
    return valid;
}

void prove_aml_create_qword_field(void) /* slow */
{
    bool valid = with_some_path(create_qword_field);

    prove_appended(AML_TERMS, valid);
    REACHABLE_INVALID();
}

static bool create_dword_field(const char *text)
{
    bool first = nondet_bool();
    uint32_t offset = nondet_uint32();
    bool valid;

    if (first) {
        valid = expect_field(0x8a, text, offset, "MIN");
        hotram_aml_create_dword_field(&writer, text, offset, "MIN");
    } else {
        valid = expect_field(0x8a, "^BUF", offset, text);
        hotram_aml_create_dword_field(&writer, "^BUF", offset, text);
    }
    return valid;
}

void prove_aml_create_dword_field(void) /* slow */
{
    bool valid = with_some_path(create_dword_field);

    prove_appended(AML_TERMS, valid);
    REACHABLE_INVALID();
}
