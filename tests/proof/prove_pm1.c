/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hotram/pm1.h, whole: every function from every state of the registers, with every argument.
 *
 * proof: sources core/pm1.c
 * proof: options --unwind 5 --unsigned-overflow-check
 */
#include <hotram/pm1.h>

#include "proof.h"

/* ACPI 6.5, tables 4.11 to 4.13: bits that have an enable bit; SCI_EN, SLP_EN. */
#define EVENTS (1u << 0 | 1u << 5 | 1u << 8 | 1u << 9 | 1u << 10)
#define SCI_EN (1u << 0)
#define SLP_EN (1u << 13)

static struct hotram_pm1 registers, before;

static struct hotram_pm1 *registers_or_null(void)
{
    registers = before = (struct hotram_pm1){ .status = nondet_uint16(),
                                              .enable = nondet_uint16(),
                                              .control = nondet_uint16() };
    return nondet_bool() ? &registers : NULL;
}

static bool is_unchanged(void)
{
    return registers.status == before.status && registers.enable == before.enable &&
           registers.control == before.control;
}

/* The byte at an offset, as the guest reads it: status, enable, control. */
static uint8_t byte_of(const struct hotram_pm1 *pm1, uint32_t offset)
{
    switch (offset) {
    case 0:
        return pm1->status & 0xff;
    case 1:
        return pm1->status / 256;
    case 2:
        return pm1->enable & 0xff;
    case 3:
        return pm1->enable / 256;
    case 4:
        return (pm1->control & 0xff) | SCI_EN;
    case 5:
        return pm1->control / 256;
    }
    return 0xff;
}

static bool is_guests(unsigned width)
{
    return width == 1 || width == 2 || width == 4;
}

void prove_pm1_raise(void)
{
    struct hotram_pm1 *pm1 = registers_or_null();
    unsigned events = nondet_uint32();
    enum hotram_status status = hotram_pm1_raise(pm1, events);
    bool good = pm1 && (events & ~(1u << 8 | 1u << 15)) == 0;

    PROVE(status == (good ? HOTRAM_OK : HOTRAM_E_ARGUMENT));
    PROVE(IMPLIES(!good, is_unchanged()));
    PROVE(IMPLIES(good, registers.status == (before.status | events) && registers.enable == before.enable &&
                            registers.control == before.control));
    REACHABLE(good && !is_unchanged());
    REACHABLE(!good && pm1);
}

void prove_pm1_read(void)
{
    struct hotram_pm1 *pm1 = registers_or_null();
    uint32_t offset = nondet_uint32(), byte = nondet_uint32();
    unsigned width = nondet_uint32();
    uint32_t value = hotram_pm1_read(pm1, offset, width);

    ASSUME(byte < 4);
    if (!pm1 || !is_guests(width))
        PROVE(value == UINT32_MAX);
    else if (byte >= width)
        PROVE((value >> 8 * byte & 0xff) == 0);
    else if (offset < HOTRAM_PM1_LENGTH)
        PROVE((value >> 8 * byte & 0xff) == byte_of(pm1, offset + byte));
    else
        PROVE((value >> 8 * byte & 0xff) == 0xff);
    PROVE(is_unchanged());
    REACHABLE(pm1 && offset == 4 && width == 2 && value == 0x1401);
    REACHABLE(pm1 && offset == UINT32_MAX && width == 4);
    REACHABLE(pm1 && offset == 3 && width == 4 && byte == 3);
}

/* What is written to the byte at `offset`, if any. */
static bool reaches(uint32_t offset, unsigned width, uint32_t value, uint32_t at, uint8_t *byte)
{
    if (!is_guests(width) || offset >= HOTRAM_PM1_LENGTH || at < offset || at - offset >= width)
        return false;
    *byte = value >> 8 * (at - offset) & 0xff;
    return true;
}

void prove_pm1_write(void)
{
    struct hotram_pm1 *pm1 = registers_or_null();
    uint32_t offset = nondet_uint32(), value = nondet_uint32(), at = nondet_uint32();
    unsigned width = nondet_uint32();
    bool sleeps = hotram_pm1_write(pm1, offset, width, value);
    uint8_t byte = 0, was, now, high = 0;
    bool written;

    ASSUME(at < HOTRAM_PM1_LENGTH);
    written = pm1 && reaches(offset, width, value, at, &byte);
    was = byte_of(&before, at);
    now = byte_of(&registers, at);
    if (!written)
        PROVE(now == was);
    else if (at < 2)
        PROVE(now == (was & ~byte));
    else if (at < 4)
        PROVE(now == (byte & (at == 2 ? EVENTS & 0xff : EVENTS / 256)));
    else
        PROVE(now == (at == 4 ? byte | SCI_EN : byte & ~(SLP_EN / 256)));
    /* SLP_EN is heard in the moment in which it is written, and not kept. */
    PROVE(sleeps == (pm1 && reaches(offset, width, value, 5, &high) && (high & SLP_EN / 256)));
    PROVE(IMPLIES(sleeps, hotram_pm1_sleep_type(pm1) == (high / 4 & 7u)));
    REACHABLE(sleeps && hotram_pm1_sleep_type(pm1) == 5 && width == 2);
    REACHABLE(sleeps && offset == 5 && width == 1);
    REACHABLE(written && at == 1 && now != was);
    REACHABLE(written && at == 3 && offset == 0 && width == 4 && now != was);
    REACHABLE(pm1 && !written && width == 3);
}

void prove_pm1_level(void)
{
    struct hotram_pm1 *pm1 = registers_or_null();
    uint32_t bit = nondet_uint32();
    bool level = hotram_pm1_level(pm1);

    ASSUME(bit < 16);
    PROVE(IMPLIES(pm1 && (EVENTS >> bit & 1) && (registers.status >> bit & registers.enable >> bit & 1),
                  level));
    PROVE(IMPLIES(level, pm1 && (registers.status & registers.enable & EVENTS)));
    PROVE(is_unchanged());
    REACHABLE(level);
    REACHABLE(!level && pm1 && registers.status == UINT16_MAX);
}

void prove_pm1_rest(void)
{
    struct hotram_pm1 *pm1 = registers_or_null();

    PROVE(hotram_pm1_sleep_type(pm1) == (pm1 ? registers.control / 1024 % 8u : 0));
    PROVE(is_unchanged());
    hotram_pm1_reset(pm1);
    PROVE(IMPLIES(pm1, registers.status == 0 && registers.enable == 0 && registers.control == 0));
    PROVE(IMPLIES(!pm1, is_unchanged()));
    REACHABLE(pm1 && !is_unchanged());
    REACHABLE(!pm1 && before.status != 0);
}
