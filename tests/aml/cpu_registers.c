/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The registers of hot-pluggable processors, and the host behind them. Commands, with numbers in hexadecimal:
 *
 *   cpus COUNT                  an empty bank and its register block
 *   cpu-plug SLOT cold|hot      as in hotram/cpu.h, like the next
 *   cpu-fix SLOT, cpu-ask SLOT, cpu-withdraw SLOT, cpu-finish SLOT
 *   cpu-slots                   log every slot that is not empty or has an event pending, as "slots" does
 *
 * The log has the lines of registers.c.
 */
#include <stdlib.h>
#include <string.h>

#include <hotram/cpuhp.h>
#include <hotram/ged.h>

#include "registers.h"

#define SLOTS_MAX 512u

static struct hotram_cpus cpus;
static struct hotram_cpu slots[SLOTS_MAX];
static struct hotram_cpuhp block;

static void on_raise(void *opaque)
{
    (void)opaque;
    registers_raise(HOTRAM_GED_CPU);
}

static void on_ost(void *opaque, uint32_t slot, uint32_t event, uint32_t status)
{
    (void)opaque;
    registers_note("@ost %x %x %x\n", slot, event, status);
}

static void on_eject(void *opaque, uint32_t slot)
{
    (void)opaque;
    registers_note("@eject %x\n", slot);
}

static const struct hotram_cpus_ops ops = { on_raise, on_ost, on_eject };

static enum hotram_status make_cpus(uint32_t count)
{
    enum hotram_status status = HOTRAM_E_ARGUMENT;

    if (count <= SLOTS_MAX)
        status = hotram_cpus_init(&cpus, slots, count, &ops, NULL);
    return status == HOTRAM_OK ? hotram_cpuhp_init(&block, &cpus) : status;
}

/* What acpiexec finds while it starts. */
__attribute__((constructor)) static void start(void)
{
    if (make_cpus(SLOTS_MAX) != HOTRAM_OK)
        registers_die("no CPUs");
}

static void note_slots(void)
{
    for (uint32_t slot = 0; slot < cpus.count; slot++) {
        const struct hotram_cpu *cpu = hotram_cpus_slot(&cpus, slot);

        if (cpu->state != HOTRAM_CPU_ABSENT || cpu->insert_pending || cpu->remove_pending)
            registers_note("@slot %x %x 0 0 0 %x %x %x\n", slot, cpu->state, cpu->insert_pending,
                           cpu->remove_pending, cpu->ost_status);
    }
}

bool cpu_registers_command(char **words, unsigned count, enum hotram_status *status)
{
    uint32_t slot = count > 1 ? (uint32_t)strtoul(words[1], NULL, 16) : 0;

    if (count == 2 && strcmp(words[0], "cpus") == 0)
        *status = make_cpus(slot);
    else if (count == 3 && strcmp(words[0], "cpu-plug") == 0)
        *status = hotram_cpus_plug(&cpus, slot, strcmp(words[2], "hot") == 0);
    else if (count == 2 && strcmp(words[0], "cpu-fix") == 0)
        *status = hotram_cpus_fix(&cpus, slot);
    else if (count == 2 && strcmp(words[0], "cpu-ask") == 0)
        *status = hotram_cpus_request_removal(&cpus, slot);
    else if (count == 2 && strcmp(words[0], "cpu-withdraw") == 0)
        *status = hotram_cpus_withdraw(&cpus, slot);
    else if (count == 2 && strcmp(words[0], "cpu-finish") == 0)
        *status = hotram_cpus_finish(&cpus, slot);
    else if (count == 1 && strcmp(words[0], "cpu-slots") == 0)
        note_slots();
    else
        return false;
    return true;
}

uint32_t cpu_registers_read(uint32_t offset, unsigned width)
{
    return hotram_cpuhp_read(&block, offset, width);
}

void cpu_registers_write(uint32_t offset, unsigned width, uint32_t value)
{
    hotram_cpuhp_write(&block, offset, width, value);
}
