/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hotram_cpuhp_write() over any bank of CPUs, with any selector, command, offset, width and value. The bank's
 * own part is left out here: prove_cpu.c proves it, this only that it is called when it should be.
 *
 * proof: sources core/cpuhp.c
 * proof: options --unsigned-overflow-check --unwind 5
 */
#include <hotram/cpuhp.h>

#include "cpus.h"

/* The slot that command 0 finds, or none; any, since the bank is not asked for it. */
static uint32_t next_pending;

/* What an access leads to, as the page says and as it was. */
struct effect {
    uint32_t selector;
    uint8_t command;
    bool insert, removal; /* of the subject */
    uint32_t ost_event, ost_status;
    unsigned osts, ejected, searches;
};

static struct effect expected;

enum hotram_status hotram_cpus_eject(struct hotram_cpus *bank, uint32_t slot)
{
    PROVE(bank == &cpus && slot == subject);
    ejected++;
    return nondet_bool() ? HOTRAM_OK : HOTRAM_E_STATE;
}

static unsigned searches;

uint32_t hotram_cpus_pending(const struct hotram_cpus *bank, uint32_t from)
{
    PROVE(bank == &cpus && from == subject);
    searches++;
    return next_pending;
}

void libhotram_cpu_set_pending(struct hotram_cpus *bank, uint32_t slot, bool insert, bool removal)
{
    PROVE(bank == &cpus && slot == subject);
    slots[slot].insert_pending = insert;
    slots[slot].remove_pending = removal;
}

/* Called by nothing here. */
enum hotram_status hotram_cpus_finish(struct hotram_cpus *bank, uint32_t slot)
{
    (void)bank, (void)slot;
    PROVE(false);
    return HOTRAM_E_STATE;
}

bool hotram_cpus_present(const struct hotram_cpus *bank, uint32_t slot)
{
    (void)bank, (void)slot;
    PROVE(false);
    return false;
}

static void count_ost(void *opaque, uint32_t slot, uint32_t event, uint32_t status)
{
    PROVE(opaque == &cpus && slot == subject);
    osts++;
    seen_event = event;
    seen_status = status;
}

static const struct hotram_cpus_ops counting = { .ost = count_ost };

/* One aligned part of an access, which begins at this offset. */
static void expect_part(uint64_t offset, unsigned width, uint32_t value)
{
    const uint32_t part = width == 4 ? value : width == 2 ? value & 0xffff : value & 0xff;
    struct effect *e = &expected;

    if (offset == 0) {
        e->selector = part;
    } else if (e->selector >= SLOTS) {
        return;
    } else if (offset == 4 && part & 2) {
        e->insert = false;
    } else if (offset == 4 && part & 4) {
        e->removal = false;
    } else if (offset == 4 && part & 8) {
        e->ejected++;
    } else if (offset == 5 && part <= 3) {
        e->command = (uint8_t)part;
        if (part == 0)
            e->searches++;
        if (part == 0 && next_pending != HOTRAM_CPU_NONE)
            e->selector = next_pending;
    } else if (offset == 8 && e->command == 1) {
        e->ost_event = part;
    } else if (offset == 8 && e->command == 2) {
        e->ost_status = part;
        e->osts++;
    }
}

static void expect_write(uint64_t offset, unsigned width, uint32_t value)
{
    if (width == 1 || ((width == 2 || width == 4) && offset % width == 0)) {
        expect_part(offset, width, value);
    } else if (width == 2) {
        expect_part(offset, 1, value);
        expect_part(offset + 1, 1, value >> 8);
    } else if (width == 4 && offset % 2 == 0) {
        expect_part(offset, 2, value);
        expect_part(offset + 2, 2, value >> 16);
    } else if (width == 4) {
        expect_part(offset, 1, value);
        expect_part(offset + 1, 2, value >> 8);
        expect_part(offset + 3, 1, value >> 24);
    }
}

/* What it was, in the same form. */
static bool is_as_expected(const struct hotram_cpuhp *block, const struct hotram_cpu *cpu)
{
    return block->cpus == &cpus && block->selector == expected.selector &&
           block->command == expected.command && cpu->insert_pending == expected.insert &&
           cpu->remove_pending == expected.removal && cpu->ost_event == expected.ost_event &&
           cpu->ost_status == expected.ost_status && osts == expected.osts && ejected == expected.ejected &&
           searches == expected.searches;
}

static void prove_write(unsigned width)
{
    struct hotram_cpuhp block;
    const struct hotram_cpu *cpu;
    uint32_t offset = nondet_uint32(), value = nondet_uint32();
    bool has_block = nondet_bool();

    arbitrary_cpus();
    next_pending = nondet_uint32();
    searches = 0;
    ASSUME(next_pending < SLOTS || next_pending == HOTRAM_CPU_NONE);
    cpus.ops = &counting;
    block = (struct hotram_cpuhp){ .cpus = &cpus, .selector = subject, .command = nondet_uint8() };
    ASSUME(block.command <= 3);
    cpu = &slots[subject < SLOTS ? subject : 0];
    expected = (struct effect){ .selector = subject,
                                .command = block.command,
                                .insert = cpu->insert_pending,
                                .removal = cpu->remove_pending,
                                .ost_event = cpu->ost_event,
                                .ost_status = cpu->ost_status };
    if (has_block)
        expect_write(offset, width, value);
    hotram_cpuhp_write(has_block ? &block : NULL, offset, width, value);
    PROVE(is_as_expected(&block, cpu));
    PROVE(is_unchanged_but(subject) && cpus.first == first_before);
    PROVE(osts == 0 || (seen_event == cpu->ost_event && seen_status == cpu->ost_status));
    REACHABLE(!has_block);
    REACHABLE(has_block && offset == UINT32_MAX);
    REACHABLE(ejected == 1 || osts == 1 || searches == 1 || width > 4);
}

void prove_cpuhp_write_byte(void) /* slow */
{
    prove_write(1);
}

void prove_cpuhp_write_word(void) /* slow */
{
    prove_write(2);
}

/* At offset 5 the command and then the data. */
void prove_cpuhp_write_dword(void) /* slow */
{
    prove_write(4);
}

void prove_cpuhp_write_of_another_width(void) /* slow */
{
    unsigned width = nondet_uint32();

    ASSUME(width != 1 && width != 2 && width != 4);
    prove_write(width);
}
