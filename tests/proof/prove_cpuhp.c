/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hotram/cpuhp.h: reading the register block over any bank of CPUs, with any selector, command, offset and
 * width. What is expected is written down here from docs/register-interface.md, another way than core/cpuhp.c
 * does.
 *
 * proof: sources core/cpuhp.c core/cpu.c
 * proof: options --unsigned-overflow-check --unwind 5
 */
#include <hotram/cpuhp.h>

#include "cpus.h"

static struct hotram_cpuhp block;
static uint8_t command;

static void arbitrary_block(void)
{
    arbitrary_cpus();
    command = nondet_uint8();
    ASSUME(command <= 3);
    block = (struct hotram_cpuhp){ .cpus = &cpus, .selector = subject, .command = command };
}

/* The table of reads: what starts at an offset, 4 bytes of it. */
static uint64_t dword(uint64_t offset)
{
    const struct hotram_cpu *cpu;

    if (offset >= 12)
        return 0xffffffff;
    if (subject >= SLOTS)
        return 0;
    cpu = &before[subject];
    if (offset == 4)
        return is_present(cpu) + 2u * cpu->insert_pending + 4u * cpu->remove_pending;
    if (offset == 0)
        return command == 3 ? cpu->hardware_id >> 32 : 0;
    if (offset == 8)
        return command == 0 ? subject : command == 3 ? cpu->hardware_id & 0xffffffff : 0;
    return 0;
}

static uint64_t byte(uint64_t offset)
{
    return dword(offset) & 0xff;
}

static uint64_t word(uint64_t offset)
{
    return dword(offset) & 0xffff;
}

/* What an access reads: aligned parts, each decoded on its own offset. */
static uint64_t expected_read(uint64_t offset, unsigned width)
{
    if (width == 1)
        return byte(offset);
    if (width == 2)
        return offset % 2 == 0 ? word(offset) : byte(offset) | byte(offset + 1) << 8;
    if (width != 4)
        return 0xffffffff;
    if (offset % 4 == 0)
        return dword(offset);
    if (offset % 4 == 2)
        return word(offset) | word(offset + 2) << 16;
    return byte(offset) | word(offset + 1) << 8 | byte(offset + 3) << 24;
}

void prove_cpuhp_init(void)
{
    struct hotram_cpuhp *given = nondet_bool() ? &block : NULL;
    struct hotram_cpus *bank = nondet_bool() ? &cpus : NULL;
    enum hotram_status status;

    arbitrary_block();
    status = hotram_cpuhp_init(given, bank);
    PROVE(status == (given && bank ? HOTRAM_OK : HOTRAM_E_ARGUMENT));
    if (status == HOTRAM_OK)
        PROVE(block.cpus == bank && block.selector == 0 && block.command == 0);
    else
        PROVE(block.selector == subject && block.command == command);
    PROVE(is_unchanged());
    REACHABLE(status == HOTRAM_OK);
    REACHABLE(!given);
    REACHABLE(given && !bank);
}

void prove_cpuhp_read(void)
{
    uint32_t offset = nondet_uint32(), value;
    unsigned width = nondet_uint32();
    bool has_block = nondet_bool();

    arbitrary_block();
    value = hotram_cpuhp_read(has_block ? &block : NULL, offset, width);
    PROVE(IMPLIES(width == 1, value <= 0xff));
    PROVE(IMPLIES(width == 2, value <= 0xffff));
    if (has_block)
        PROVE(value == expected_read(offset, width));
    else
        PROVE(value == (width == 1 ? 0xffu : width == 2 ? 0xffffu : 0xffffffffu));
    PROVE(is_unchanged() && block.selector == subject && block.command == command);
    PROVE(raised + osts + ejected == 0);
    REACHABLE(!has_block);
    REACHABLE(has_block && width == 4 && offset == 4 && value == 7);
    REACHABLE(has_block && width == 4 && offset == 0 && value == 0x12345678);
    REACHABLE(has_block && width == 4 && offset == 1 && value == 0x07000000);
    REACHABLE(has_block && subject >= SLOTS && value == 0);
    REACHABLE(has_block && width == 4 && offset == UINT32_MAX);
}

/* The guest's eject with the bank's part of it, which prove_cpuhp_write.c leaves out. */
void prove_cpu_eject_by_guest(void)
{
    bool goes;

    arbitrary_block();
    ASSUME(subject < SLOTS);
    goes = before[subject].state == HOTRAM_CPU_PLUGGED ||
           before[subject].state == HOTRAM_CPU_REMOVAL_REQUESTED;
    hotram_cpuhp_write(&block, 4, 1, 8);
    PROVE(cpus_hold() && is_unchanged_but(subject) && ejected == goes && osts + raised == 0);
    PROVE(slots[subject].state == (!goes            ? before[subject].state
                                   : finish_at_once ? HOTRAM_CPU_ABSENT
                                                    : HOTRAM_CPU_EJECTING));
    PROVE(!goes || hotram_cpuhp_read(&block, 4, 1) == 0);
    REACHABLE(goes && before[subject].insert_pending);
    REACHABLE(before[subject].state == HOTRAM_CPU_FIXED);
}
