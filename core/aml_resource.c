/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Resource descriptors (ACPI 6.5, 6.4).
 */
#include <hotram/aml.h>

#include "aml_writer.h"

#define CONSUMER 0x01u  /* the device uses the range, rather than passing it on (6.4.3.5) */
#define MEMORY_RANGE 0u /* resource types */
#define IO_RANGE 1u
#define BUS_RANGE 2u
#define ENTIRE_RANGE 3u /* ISA ports and others (6.4.3.5.5, table 6.56) */
#define MIN_FIXED 0x04u
#define MAX_FIXED 0x08u
#define READ_WRITE 0x01u /* memory flags (6.4.3.5.5, table 6.55) */
#define CACHEABLE 0x02u

void hotram_aml_io(struct hotram_aml *aml, uint16_t min, uint16_t max, uint8_t align, uint8_t length)
{
    if (!libhotram_aml_in(aml, AML_RESOURCES))
        return;
    hotram_buffer_u8(aml->out, 0x47);
    hotram_buffer_u8(aml->out, 1); /* decodes 16 bits */
    hotram_buffer_u16(aml->out, min);
    hotram_buffer_u16(aml->out, max);
    hotram_buffer_u8(aml->out, align);
    hotram_buffer_u8(aml->out, length);
}

void hotram_aml_irq_no_flags(struct hotram_aml *aml, unsigned irq)
{
    if (!libhotram_aml_in(aml, AML_RESOURCES))
        return;
    if (irq > 15) {
        libhotram_aml_fail(aml, HOTRAM_E_ARGUMENT);
        return;
    }
    hotram_buffer_u8(aml->out, 0x22);
    hotram_buffer_u16(aml->out, (uint16_t)(1u << irq));
}

void hotram_aml_memory32_fixed(struct hotram_aml *aml, uint32_t base, uint32_t length)
{
    if (!libhotram_aml_in(aml, AML_RESOURCES))
        return;
    hotram_buffer_u8(aml->out, 0x86);
    hotram_buffer_u16(aml->out, 9);
    hotram_buffer_u8(aml->out, READ_WRITE);
    hotram_buffer_u32(aml->out, base);
    hotram_buffer_u32(aml->out, length);
}

/* The front of an address space descriptor for memory. */
static void memory_header(struct hotram_aml *aml, uint8_t tag, uint16_t length)
{
    hotram_buffer_u8(aml->out, tag);
    hotram_buffer_u16(aml->out, length);
    hotram_buffer_u8(aml->out, 0); /* memory range */
    hotram_buffer_u8(aml->out, CONSUMER | MIN_FIXED | MAX_FIXED);
    hotram_buffer_u8(aml->out, CACHEABLE | READ_WRITE);
}

void hotram_aml_dword_memory(struct hotram_aml *aml, uint32_t min, uint32_t max, uint32_t length)
{
    if (!libhotram_aml_in(aml, AML_RESOURCES))
        return;
    memory_header(aml, 0x87, 23);
    hotram_buffer_u32(aml->out, 0); /* granularity */
    hotram_buffer_u32(aml->out, min);
    hotram_buffer_u32(aml->out, max);
    hotram_buffer_u32(aml->out, 0); /* translation */
    hotram_buffer_u32(aml->out, length);
}

void hotram_aml_qword_memory(struct hotram_aml *aml, uint64_t min, uint64_t max, uint64_t length)
{
    if (!libhotram_aml_in(aml, AML_RESOURCES))
        return;
    memory_header(aml, 0x8a, 43);
    hotram_buffer_u64(aml->out, 0); /* granularity */
    hotram_buffer_u64(aml->out, min);
    hotram_buffer_u64(aml->out, max);
    hotram_buffer_u64(aml->out, 0); /* translation */
    hotram_buffer_u64(aml->out, length);
}

/* The front of the address space descriptor of what a bridge passes on. */
static void window_header(struct hotram_aml *aml, uint8_t tag, uint8_t length, uint8_t type, uint8_t flags)
{
    hotram_buffer_u8(aml->out, tag);
    hotram_buffer_u16(aml->out, length);
    hotram_buffer_u8(aml->out, type);
    hotram_buffer_u8(aml->out, MIN_FIXED | MAX_FIXED); /* a producer */
    hotram_buffer_u8(aml->out, flags);
}

static void word_window(struct hotram_aml *aml, uint8_t type, uint8_t flags, uint16_t first, uint16_t last)
{
    if (!libhotram_aml_in(aml, AML_RESOURCES))
        return;
    if (last < first || last - first == UINT16_MAX) {
        libhotram_aml_fail(aml, HOTRAM_E_ARGUMENT);
        return;
    }
    window_header(aml, 0x88, 13, type, flags);
    hotram_buffer_u16(aml->out, 0); /* granularity */
    hotram_buffer_u16(aml->out, first);
    hotram_buffer_u16(aml->out, last);
    hotram_buffer_u16(aml->out, 0); /* translation */
    hotram_buffer_u16(aml->out, (uint16_t)(last - first + 1));
}

void hotram_aml_bus_window(struct hotram_aml *aml, uint8_t first, uint8_t last)
{
    word_window(aml, BUS_RANGE, 0, first, last);
}

void hotram_aml_io_window(struct hotram_aml *aml, uint16_t first, uint16_t last)
{
    word_window(aml, IO_RANGE, ENTIRE_RANGE, first, last);
}

void hotram_aml_memory_window(struct hotram_aml *aml, uint64_t first, uint64_t last)
{
    if (!libhotram_aml_in(aml, AML_RESOURCES))
        return;
    if (last < first || last - first == UINT64_MAX) {
        libhotram_aml_fail(aml, HOTRAM_E_ARGUMENT);
        return;
    }
    if (last <= UINT32_MAX && last - first < UINT32_MAX) {
        window_header(aml, 0x87, 23, MEMORY_RANGE, READ_WRITE);
        hotram_buffer_u32(aml->out, 0); /* granularity */
        hotram_buffer_u32(aml->out, (uint32_t)first);
        hotram_buffer_u32(aml->out, (uint32_t)last);
        hotram_buffer_u32(aml->out, 0); /* translation */
        hotram_buffer_u32(aml->out, (uint32_t)(last - first + 1));
        return;
    }
    window_header(aml, 0x8a, 43, MEMORY_RANGE, READ_WRITE);
    hotram_buffer_u64(aml->out, 0); /* granularity */
    hotram_buffer_u64(aml->out, first);
    hotram_buffer_u64(aml->out, last);
    hotram_buffer_u64(aml->out, 0); /* translation */
    hotram_buffer_u64(aml->out, last - first + 1);
}

void hotram_aml_interrupt(struct hotram_aml *aml, uint32_t gsi, unsigned flags)
{
    if (!libhotram_aml_in(aml, AML_RESOURCES))
        return;
    if (flags & ~(unsigned)(HOTRAM_AML_INTERRUPT_EDGE | HOTRAM_AML_INTERRUPT_ACTIVE_LOW |
                            HOTRAM_AML_INTERRUPT_SHARED)) {
        libhotram_aml_fail(aml, HOTRAM_E_ARGUMENT);
        return;
    }
    hotram_buffer_u8(aml->out, 0x89);
    hotram_buffer_u16(aml->out, 6);
    hotram_buffer_u8(aml->out, (uint8_t)(CONSUMER | flags));
    hotram_buffer_u8(aml->out, 1); /* number of interrupts */
    hotram_buffer_u32(aml->out, gsi);
}
