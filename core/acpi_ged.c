/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Generic Event Device (ACPI 6.5, 5.6.9): the operating system runs _EVT when the interrupt comes.
 */
#include <hotram/acpi.h>
#include <hotram/ged.h>

#include "acpi_cpus.h"
#include "acpi_memory.h"
#include "acpi_store.h"

#define NOTIFY_BUTTON_PRESSED 0x80 /* of a control method power button (4.8.2.2.1.2) */

/* If (Local0 & event): opens the block of what the event needs. */
static void if_event(struct hotram_aml *aml, uint32_t event)
{
    hotram_aml_if(aml);
    hotram_aml_op(aml, HOTRAM_AML_AND);
    hotram_aml_local(aml, 0);
    hotram_aml_integer(aml, event);
    hotram_aml_no_target(aml);
}

/* _EVT (gsi): reading the selector clears it, so it is read once. */
static void event_method(struct hotram_aml *aml, const struct hotram_acpi_ged *config)
{
    hotram_aml_method(aml, "_EVT", 1, true);
    libhotram_load(aml, "ESEL", 0);
    if (!config->without_memory) {
        if_event(aml, HOTRAM_GED_MEMORY);
        hotram_aml_path(aml, SCOPE "." CONTROLLER ".MSCN");
        hotram_aml_end(aml);
    }
    if (config->cpus) {
        if_event(aml, HOTRAM_GED_CPU);
        hotram_aml_path(aml, CPUS_SCAN);
        hotram_aml_end(aml);
    }
    if (config->power_button) {
        if_event(aml, HOTRAM_GED_POWER_BUTTON);
        hotram_aml_op(aml, HOTRAM_AML_NOTIFY);
        hotram_aml_path(aml, config->power_button);
        hotram_aml_integer(aml, NOTIFY_BUTTON_PRESSED);
        hotram_aml_end(aml);
    }
    hotram_aml_end(aml);
}

enum hotram_status hotram_acpi_power_button(struct hotram_aml *aml, const char *path)
{
    if (!aml || !path)
        return HOTRAM_E_ARGUMENT;
    hotram_aml_device(aml, path);
    hotram_aml_name(aml, "_HID");
    hotram_aml_eisaid(aml, "PNP0C0C");
    hotram_aml_name(aml, "_UID");
    hotram_aml_integer(aml, 0);
    hotram_aml_end(aml);
    return HOTRAM_OK;
}

enum hotram_status hotram_acpi_ged(struct hotram_aml *aml, const struct hotram_acpi_ged *config)
{
    if (!aml || !config || config->base > UINT32_MAX - (HOTRAM_GED_LENGTH - 1) ||
        (config->without_memory && !config->power_button && !config->cpus))
        return HOTRAM_E_ARGUMENT;
    hotram_aml_scope(aml, SCOPE);
    hotram_aml_device(aml, "GED");
    hotram_aml_name(aml, "_HID");
    hotram_aml_string(aml, "ACPI0013");
    hotram_aml_name(aml, "_UID");
    hotram_aml_integer(aml, 0);
    hotram_aml_name(aml, "_CRS");
    hotram_aml_resource_template(aml);
    hotram_aml_interrupt(aml, config->gsi, HOTRAM_AML_INTERRUPT_LEVEL | HOTRAM_AML_INTERRUPT_ACTIVE_HIGH);
    hotram_aml_end(aml);
    hotram_aml_operation_region(aml, "EREG", HOTRAM_AML_SYSTEM_MEMORY, config->base, HOTRAM_GED_LENGTH);
    hotram_aml_field(aml, "EREG", HOTRAM_AML_DWORD_ACCESS | HOTRAM_AML_WRITE_AS_ZEROS);
    hotram_aml_field_unit(aml, "ESEL", 32);
    hotram_aml_end(aml);
    event_method(aml, config);
    hotram_aml_end(aml);
    hotram_aml_end(aml);
    return HOTRAM_OK;
}
