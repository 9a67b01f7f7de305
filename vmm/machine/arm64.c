/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Machine hotram-1 on arm64: devices, reset, power.
 */
#include <stdlib.h>
#include <string.h>

#include "device/ged.h"
#include "device/pl011.h"
#include "machine/arm64_layout.h"
#include "machine/dimms_at_boot.h"
#include "machine/state.h"

struct arch_devices {
    struct pl011 serial;
    struct ged ged;
};

static void set_serial_irq(void *opaque, bool high)
{
    struct machine *machine = opaque;

    vm_irq_line(&machine->vm, ARM64_GSI_PL011, high);
}

static void set_ged_irq(void *opaque, bool high)
{
    struct machine *machine = opaque;

    vm_irq_line(&machine->vm, ARM64_GSI_GED, high);
}

bool machine_arch_create_devices(struct machine *machine, struct error *error)
{
    struct arch_devices *devices = calloc(1, sizeof *devices);

    if (!devices)
        return error_set(error, "out of memory");
    machine->devices = devices;
    pl011_init(&devices->serial, &machine->ports, ARM64_PL011, machine->loop, set_serial_irq, machine);
    ged_init(&devices->ged, &machine->ports, ARM64_GED, set_ged_irq, machine);
    return true;
}

void machine_arch_destroy_devices(struct machine *machine)
{
    if (!machine->devices)
        return;
    line_stop(&machine->devices->serial.line);
    free(machine->devices);
    machine->devices = NULL;
}

bool machine_attach_serial(struct machine *machine, struct chardev *chardev, struct error *error)
{
    return line_attach(&machine->devices->serial.line, chardev, error);
}

enum bus machine_arch_hotplug_bus(uint64_t *address)
{
    *address = ARM64_MEMHP;
    return BUS_MEMORY;
}

void machine_arch_raise_hotplug(void *opaque)
{
    struct machine *machine = opaque;

    ged_raise(&machine->devices->ged, HOTRAM_GED_MEMORY);
}

void machine_arch_reset_devices(struct machine *machine)
{
    pl011_reset(&machine->devices->serial);
    ged_reset(&machine->devices->ged);
}

void machine_arch_powerdown(struct machine *machine)
{
    ged_raise(&machine->devices->ged, HOTRAM_GED_POWER_BUTTON);
}
