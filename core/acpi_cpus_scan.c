/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How the guest finds the processors with pending events: the scan, and the event that starts it.
 */
#include "acpi_cpus.h"

#include <hotram/cpuhp.h>

#include "acpi_store.h"

enum { SLOT, VALUE };

/* If (!(flags & (insert | remove))) { Break }: the selected slot is not one that the command has found. */
static void break_if_none(struct hotram_aml *aml)
{
    hotram_aml_if(aml);
    hotram_aml_op(aml, HOTRAM_AML_LNOT);
    hotram_aml_op(aml, HOTRAM_AML_AND);
    hotram_aml_local(aml, VALUE);
    hotram_aml_integer(aml, HOTRAM_CPUHP_INSERT | HOTRAM_CPUHP_REMOVE);
    hotram_aml_no_target(aml);
    hotram_aml_op(aml, HOTRAM_AML_BREAK);
    hotram_aml_end(aml);
}

/* CSCN (): as long as command 0 finds a slot, deliver its events. The search begins behind the last slot that
 * was found and comes round to slot 0, so a slot is selected only once: one that exists, since otherwise the
 * block ignores the command. The cost depends on what is pending, not on how many slots there are. */
void libhotram_cpus_scan(struct hotram_aml *aml)
{
    hotram_aml_method(aml, "CSCN", 0, false);
    hotram_aml_acquire(aml, CPUS_LOCK);
    libhotram_store_integer(aml, 0, "CSEL");
    hotram_aml_while(aml);
    hotram_aml_integer(aml, 1);
    {
        libhotram_store_integer(aml, HOTRAM_CPUHP_NEXT_EVENT, "CCMD");
        libhotram_load(aml, "CFLG", VALUE);
        break_if_none(aml);
        libhotram_load(aml, "CDAT", SLOT);
        libhotram_deliver(aml, SLOT, VALUE, HOTRAM_CPUHP_INSERT, NOTIFY_DEVICE_CHECK, "CFLG", "CTFY");
        libhotram_deliver(aml, SLOT, VALUE, HOTRAM_CPUHP_REMOVE, NOTIFY_EJECT_REQUEST, "CFLG", "CTFY");
    }
    hotram_aml_end(aml);
    hotram_aml_release(aml, CPUS_LOCK);
    hotram_aml_end(aml);
}

/* If (Arg0 < limit) { */
static void if_below(struct hotram_aml *aml, uint32_t limit)
{
    hotram_aml_if(aml);
    hotram_aml_op(aml, HOTRAM_AML_LLESS);
    hotram_aml_arg(aml, 0);
    hotram_aml_integer(aml, limit);
}

/* Notify (container.device, Arg1) */
static void notify(struct hotram_aml *aml, uint32_t container, uint32_t index)
{
    char path[sizeof CPUS_SCOPE "." + CPUS_PATH_SIZE] = CPUS_SCOPE ".";

    libhotram_cpus_path(path + sizeof CPUS_SCOPE, container, index);
    hotram_aml_op(aml, HOTRAM_AML_NOTIFY);
    hotram_aml_path(aml, path);
    hotram_aml_arg(aml, 1);
}

/* CTFY (slot, code): Notify takes a name, so the slot is searched for: by halves, so that finding one of 256
 * takes 8 tests, one of 4096 takes 12.
 *
 * The halves are those of ranges whose length is a power of two: [first, first + 2^(level + 1)) is divided at
 * first + 2^level, if there is a slot. A slot ends the upper halves of as many levels as it has zeros at its
 * end, then the lower half before it; and it begins as many lower halves. */
void libhotram_cpus_notification(struct hotram_aml *aml, const struct hotram_acpi_cpu_devices *config)
{
    uint32_t container = 0, index = 0;
    unsigned open = 0;

    hotram_aml_method(aml, "CTFY", 2, false);
    for (uint32_t slot = 0; slot < config->count; slot++) {
        unsigned level = 0;

        for (; slot > 0 && (slot >> level & 1) == 0; level++, open--)
            hotram_aml_end(aml);
        if (slot > 0) {
            hotram_aml_end(aml);
            hotram_aml_else(aml);
        } else {
            while (UINT32_C(1) << level < config->count)
                level++;
        }
        while (level-- > 0) {
            if ((UINT32_C(1) << level) < config->count - slot) {
                if_below(aml, slot + (UINT32_C(1) << level));
                open++;
            }
        }
        notify(aml, container, index);
        if (++index == config->container) {
            index = 0;
            container++;
        }
    }
    while (open-- > 0)
        hotram_aml_end(aml);
    hotram_aml_end(aml);
}

enum hotram_status hotram_acpi_cpu_gpe(struct hotram_aml *aml, unsigned event)
{
    if (!aml || event > 0xff)
        return HOTRAM_E_ARGUMENT;
    libhotram_gpe_method(aml, event, CPUS_SCAN);
    return HOTRAM_OK;
}
