/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How the guest finds the slots with pending events: the scan, and the event that starts it.
 */
#include <hotram/acpi.h>
#include <hotram/memhp.h>

#include "acpi_memory.h"
#include "acpi_store.h"

#define GROUP_BITS 4 /* slots in a group of the notification method: 16 */

/* Deliver the pending events of the slot in Local0, whose flags are read once. */
static void scan_slot(struct hotram_aml *aml)
{
    hotram_aml_op(aml, HOTRAM_AML_STORE);
    hotram_aml_local(aml, SLOT);
    hotram_aml_path(aml, "MSEL");
    libhotram_load(aml, "MFLG", VALUE);
    libhotram_deliver(aml, SLOT, VALUE, HOTRAM_MEMHP_INSERT, NOTIFY_DEVICE_CHECK, "MFLG", "MTFY");
    libhotram_deliver(aml, SLOT, VALUE, HOTRAM_MEMHP_REMOVE, NOTIFY_EJECT_REQUEST, "MFLG", "MTFY");
}

/* MSCN (): as long as the pending register names a slot, deliver that slot's events. The cost depends on what
 * is pending, not on how many slots there are. */
void libhotram_memory_scan(struct hotram_aml *aml, uint32_t slots)
{
    hotram_aml_method(aml, "MSCN", 0, false);
    hotram_aml_acquire(aml, LOCK);
    libhotram_load(aml, "MPND", SLOT);
    hotram_aml_while(aml);
    hotram_aml_op(aml, HOTRAM_AML_LLESS);
    hotram_aml_local(aml, SLOT);
    hotram_aml_integer(aml, slots);
    {
        scan_slot(aml);
        libhotram_load(aml, "MPND", SLOT);
    }
    hotram_aml_end(aml);
    hotram_aml_release(aml, LOCK);
    hotram_aml_end(aml);
}

/* If (Arg0 == slot) { Notify (MPxx, Arg1) } */
static void notify_slot(struct hotram_aml *aml, uint32_t slot)
{
    char name[5];

    libhotram_memory_slot_name(name, slot);
    hotram_aml_if(aml);
    hotram_aml_op(aml, HOTRAM_AML_LEQUAL);
    hotram_aml_arg(aml, 0);
    hotram_aml_integer(aml, slot);
    {
        hotram_aml_op(aml, HOTRAM_AML_NOTIFY);
        hotram_aml_path(aml, name);
        hotram_aml_arg(aml, 1);
    }
    hotram_aml_end(aml);
}

/* MTFY (slot, code): Notify takes a name, so there is a test for every slot; in groups, so that finding one
 * of 256 takes at most 32. */
void libhotram_memory_notification(struct hotram_aml *aml, uint32_t slots)
{
    hotram_aml_method(aml, "MTFY", 2, false);
    hotram_aml_op(aml, HOTRAM_AML_SHIFT_RIGHT);
    hotram_aml_arg(aml, 0);
    hotram_aml_integer(aml, GROUP_BITS);
    hotram_aml_local(aml, 0);
    for (uint32_t first = 0; first < slots; first += 1u << GROUP_BITS) {
        hotram_aml_if(aml);
        hotram_aml_op(aml, HOTRAM_AML_LEQUAL);
        hotram_aml_local(aml, 0);
        hotram_aml_integer(aml, first >> GROUP_BITS);
        for (uint32_t slot = first; slot < slots && slot < first + (1u << GROUP_BITS); slot++)
            notify_slot(aml, slot);
        hotram_aml_end(aml);
    }
    hotram_aml_end(aml);
}

enum hotram_status hotram_acpi_memory_gpe(struct hotram_aml *aml, unsigned event)
{
    if (!aml || event > 0xff)
        return HOTRAM_E_ARGUMENT;
    libhotram_gpe_method(aml, event, SCOPE "." CONTROLLER ".MSCN");
    return HOTRAM_OK;
}
