/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The resource descriptors of hotram/aml_device.h: from every state of a writer, what each appends, byte by
 * byte, or which error it is. All buffers, all numbers.
 *
 * proof: sources core/aml.c core/aml_resource.c tests/proof/aml_expect.c tests/proof/aml_state.c
 * proof: options --unsigned-overflow-check --unwind 9 --unwindset arbitrary_writer.0:17
 */
#include "aml_expect.h"

void prove_aml_io(void)
{
    uint16_t min = nondet_uint16(), max = nondet_uint16();
    uint8_t align = nondet_uint8(), length = nondet_uint8();

    arbitrary_writer();
    expect(0x47, 1); /* small item, name 8, 7 bytes */
    expect(1, 1);
    expect(min, 2);
    expect(max, 2);
    expect(align, 1);
    expect(length, 1);
    hotram_aml_io(&writer, min, max, align, length);
    prove_appended(AML_RESOURCES, true);
}

void prove_aml_irq_no_flags(void)
{
    unsigned irq = nondet_uint32();

    arbitrary_writer();
    expect(0x22, 1); /* small item, name 4, 2 bytes */
    expect(irq <= 15 ? 1u << irq : 0, 2);
    hotram_aml_irq_no_flags(&writer, irq);
    prove_appended(AML_RESOURCES, irq <= 15);
    REACHABLE_INVALID();
}

void prove_aml_memory32_fixed(void)
{
    uint32_t base = nondet_uint32(), length = nondet_uint32();

    arbitrary_writer();
    expect(0x86, 1);
    expect(9, 2);
    expect(1, 1); /* can be written */
    expect(base, 4);
    expect(length, 4);
    hotram_aml_memory32_fixed(&writer, base, length);
    prove_appended(AML_RESOURCES, true);
}

/* An address space descriptor of memory with numbers of so many bytes: the front has 6, then come five. */
static void expect_memory(uint8_t tag, size_t size, uint64_t min, uint64_t max, uint64_t length)
{
    expect(tag, 1);
    expect(3 + 5 * size, 2);
    expect(0, 1);    /* memory */
    expect(0x0d, 1); /* consumer, both ends fixed */
    expect(0x03, 1); /* cacheable, can be written */
    expect(0, size);
    expect(min, size);
    expect(max, size);
    expect(0, size);
    expect(length, size);
}

/* Whether the number is where the header says. */
static bool is_expected_at(unsigned place, uint64_t value, unsigned size)
{
    return watched < place || watched >= place + size ||
           expected.byte == (value >> 8 * (watched - place) & 0xff);
}

void prove_aml_dword_memory(void)
{
    uint32_t min = nondet_uint32(), max = nondet_uint32(), length = nondet_uint32();

    arbitrary_writer();
    expect_memory(0x87, 4, min, max, length);
    hotram_aml_dword_memory(&writer, min, max, length);
    prove_appended(AML_RESOURCES, true);
    PROVE(is_expected_at(10, min, 4) && is_expected_at(14, max, 4) && is_expected_at(22, length, 4));
}

void prove_aml_qword_memory(void) /* slow */
{
    uint64_t min = nondet_uint64(), max = nondet_uint64(), length = nondet_uint64();

    arbitrary_writer();
    expect_memory(0x8a, 8, min, max, length);
    hotram_aml_qword_memory(&writer, min, max, length);
    prove_appended(AML_RESOURCES, true);
    PROVE(is_expected_at(14, min, 8) && is_expected_at(22, max, 8) && is_expected_at(38, length, 8));
}

void prove_aml_interrupt(void)
{
    uint32_t gsi = nondet_uint32();
    unsigned flags = nondet_uint32();

    arbitrary_writer();
    expect(0x89, 1);
    expect(6, 2);
    expect(1 | (uint64_t)flags, 1); /* consumer */
    expect(1, 1);
    expect(gsi, 4);
    hotram_aml_interrupt(&writer, gsi, flags);
    prove_appended(AML_RESOURCES, (flags & ~0xeu) == 0);
    REACHABLE_INVALID();
}

/* ---- What a bridge passes on (6.4.3.5): descriptors of a producer ---- */

/* The front has 6 bytes, then come granularity, both ends, translation and length. */
static void expect_window(uint8_t tag, size_t size, uint8_t type, uint8_t flags, uint64_t first,
                          uint64_t last, bool valid)
{
    expect(tag, 1);
    expect(3 + 5 * size, 2);
    expect(type, 1);
    expect(0x0c, 1); /* producer, positive decode, both ends fixed */
    expect(flags, 1);
    expect(0, size);
    expect(first, size);
    expect(last, size);
    expect(0, size);
    expect(valid ? last - first + 1 : 0, size);
}

void prove_aml_bus_window(void)
{
    uint8_t first = nondet_uint8(), last = nondet_uint8();

    arbitrary_writer();
    expect_window(0x88, 2, 2, 0, first, last, first <= last);
    hotram_aml_bus_window(&writer, first, last);
    prove_appended(AML_RESOURCES, first <= last);
    REACHABLE(appended.count == 16 && first == 0 && last == UINT8_MAX);
    REACHABLE_INVALID();
}

void prove_aml_io_window(void)
{
    uint16_t first = nondet_uint16(), last = nondet_uint16();
    bool valid = first <= last && !(first == 0 && last == UINT16_MAX);

    arbitrary_writer();
    expect_window(0x88, 2, 1, 3, first, last, valid);
    hotram_aml_io_window(&writer, first, last);
    prove_appended(AML_RESOURCES, valid);
    REACHABLE(appended.count == 16 && first == 1 && last == UINT16_MAX);
    REACHABLE_INVALID();
}

/* 32 bits wide where both ends and the length have room there. */
void prove_aml_memory_window(void) /* slow */
{
    uint64_t first = nondet_uint64(), last = nondet_uint64();
    bool valid = first <= last && !(first == 0 && last == UINT64_MAX);
    bool narrow = last < UINT64_C(1) << 32 && !(first == 0 && last == UINT32_MAX);

    arbitrary_writer();
    expect_window(narrow ? 0x87 : 0x8a, narrow ? 4 : 8, 0, 1, first, last, valid);
    hotram_aml_memory_window(&writer, first, last);
    prove_appended(AML_RESOURCES, valid);
    REACHABLE(appended.count == 26 && last == UINT32_MAX);
    REACHABLE(appended.count == 46 && first == 0 && last == UINT32_MAX);
    REACHABLE(appended.count == 46 && last == UINT64_MAX);
    REACHABLE_INVALID();
}
