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
