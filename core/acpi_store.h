/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Terms that the AML of the hotplug devices has at every step: stores, and the handler of a general-purpose
 * event. The writer's errors are reported by hotram_aml_finish().
 */
#ifndef CORE_ACPI_STORE_H
#define CORE_ACPI_STORE_H

#include <hotram/aml.h>

/* target = value */
static inline void libhotram_store_integer(struct hotram_aml *aml, uint64_t value, const char *target)
{
    hotram_aml_op(aml, HOTRAM_AML_STORE);
    hotram_aml_integer(aml, value);
    hotram_aml_path(aml, target);
}

/* target = Argn */
static inline void libhotram_store_arg(struct hotram_aml *aml, unsigned arg, const char *target)
{
    hotram_aml_op(aml, HOTRAM_AML_STORE);
    hotram_aml_arg(aml, arg);
    hotram_aml_path(aml, target);
}

/* Localn = source */
static inline void libhotram_load(struct hotram_aml *aml, const char *source, unsigned local)
{
    hotram_aml_op(aml, HOTRAM_AML_STORE);
    hotram_aml_path(aml, source);
    hotram_aml_local(aml, local);
}

/* Codes of device notifications (ACPI 6.5, 5.6.6, table 5.187). */
#define NOTIFY_DEVICE_CHECK 1
#define NOTIFY_EJECT_REQUEST 3

/* If (Localn & flag) { register = flag; notifier (Localm, code) }: n holds the flags of slot m. Each event
 * has its own test: with an else between them a removal that is pending beside an insertion would wait for
 * the next event. Cleared first, so that an event that is raised again from here on is not lost. */
static inline void libhotram_deliver(struct hotram_aml *aml, unsigned slot, unsigned flags, unsigned flag,
                                     unsigned code, const char *clear, const char *notifier)
{
    hotram_aml_if(aml);
    hotram_aml_op(aml, HOTRAM_AML_AND);
    hotram_aml_local(aml, flags);
    hotram_aml_integer(aml, flag);
    hotram_aml_no_target(aml);
    {
        libhotram_store_integer(aml, flag, clear);
        hotram_aml_path(aml, notifier);
        hotram_aml_local(aml, slot);
        hotram_aml_integer(aml, code);
    }
    hotram_aml_end(aml);
}

/* `\_GPE._Exx`, which calls a method; `event` is 0 .. 255. */
static inline void libhotram_gpe_method(struct hotram_aml *aml, unsigned event, const char *callee)
{
    static const char digits[] = "0123456789ABCDEF";
    const char name[5] = { '_', 'E', digits[event >> 4], digits[event & 0xf], '\0' };

    hotram_aml_scope(aml, "\\_GPE");
    hotram_aml_method(aml, name, 0, false);
    hotram_aml_path(aml, callee);
    hotram_aml_end(aml);
    hotram_aml_end(aml);
}

#endif
