/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Generic timer description table (ACPI 6.5, 5.2.25).
 */
#include <stdbool.h>

#include <hotram/acpi_arm.h>

#define GTDT_REVISION 3
#define NO_REGISTERS UINT64_MAX /* the counter's frames are not there */
#define ALL_FLAGS (HOTRAM_TIMER_EDGE | HOTRAM_TIMER_ACTIVE_LOW | HOTRAM_TIMER_ALWAYS_ON)

static bool is_valid(const struct hotram_acpi_timers *timers)
{
    uint32_t flags = timers->secure.flags | timers->non_secure.flags | timers->virtual_el1.flags |
                     timers->hypervisor.flags | timers->hypervisor_virtual.flags;

    return (flags & ~ALL_FLAGS) == 0;
}

static void timer(struct hotram_buffer *out, const struct hotram_acpi_timer *timer)
{
    hotram_buffer_u32(out, timer->gsi);
    hotram_buffer_u32(out, timer->gsi ? timer->flags : 0);
}

enum hotram_status hotram_acpi_gtdt(struct hotram_buffer *out, const struct hotram_acpi_ids *ids,
                                    const struct hotram_acpi_timers *timers)
{
    struct hotram_acpi_table table;

    if (!out || !ids || !timers || !is_valid(timers))
        return HOTRAM_E_ARGUMENT;
    hotram_acpi_table_begin(&table, out, "GTDT", GTDT_REVISION, ids);
    hotram_buffer_u64(out, NO_REGISTERS); /* CntControlBase */
    hotram_buffer_u32(out, 0);
    timer(out, &timers->secure);
    timer(out, &timers->non_secure);
    timer(out, &timers->virtual_el1);
    timer(out, &timers->hypervisor);
    hotram_buffer_u64(out, NO_REGISTERS); /* CntReadBase */
    hotram_buffer_zeros(out, 8);          /* platform timers: how many, where */
    timer(out, &timers->hypervisor_virtual);
    return hotram_acpi_table_end(&table);
}
