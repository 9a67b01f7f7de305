/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Machine hotram-1 on x86-64: memory layout, devices, reset, power.
 */
#include <cpuid.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "machine/state.h"
#include "machine/x86_acpi.h"
#include "machine/x86_layout.h"
#include "options/config.h"

/* Address bits of the guest's CPU: KVM passes the host's through. */
static unsigned physical_address_bits(void)
{
    unsigned a;
    unsigned b;
    unsigned c;
    unsigned d;

    return __get_cpuid(0x80000008, &a, &b, &c, &d) ? a & 0xff : 36;
}

bool machine_arch_layout(struct machine *machine, uint64_t *region_base, uint64_t *region_size,
                         struct error *error)
{
    const struct config *config = machine->config;
    unsigned bits = physical_address_bits();
    uint64_t limit = UINT64_C(1) << bits;
    uint64_t end;
    char size[SIZE_TEXT];

    if (config->ram_size < 2 * MIB)
        return error_set(error, "-m: %s of RAM are too few for a machine; the least is 2 MiB",
                         size_text(config->ram_size, size));
    machine->low_ram_end = config->ram_size < X86_LOW_RAM_END ? config->ram_size : X86_LOW_RAM_END;
    machine->high_ram_size = config->ram_size - machine->low_ram_end;
    /* As QEMU: from the next GiB above RAM, with a GiB of room for the alignment of each DIMM. */
    *region_base = X86_HIGH_RAM_START + ((machine->high_ram_size + GIB - 1) & ~(GIB - 1));
    *region_size = config->slots > 0 ? config->maxmem - config->ram_size + config->slots * GIB : 0;
    if (__builtin_add_overflow(*region_base, *region_size, &end) || *region_base < X86_HIGH_RAM_START ||
        machine->high_ram_size > limit || end > limit)
        return error_set(error,
                         "-m maxmem=%s,slots=%u needs guest addresses up to %s; this host's CPU has %u "
                         "physical address bits, which end at 0x%llx: use a smaller maxmem or fewer slots",
                         size_text(config->maxmem, size), config->slots,
                         size_text(*region_base + *region_size, (char[SIZE_TEXT]){ 0 }), bits,
                         (unsigned long long)limit);
    return true;
}

bool machine_arch_map_ram(struct machine *machine, struct error *error)
{
    uint8_t *memory = machine->ram->memory;

    return guest_memory_add(machine->memory, 0, machine->low_ram_end, memory, error) &&
           (machine->high_ram_size == 0 ||
            guest_memory_add(machine->memory, X86_HIGH_RAM_START, machine->high_ram_size,
                             memory + machine->low_ram_end, error));
}

/* ---- devices ---- */

static void set_sci(void *opaque, bool high)
{
    struct machine *machine = opaque;

    vm_irq_line(&machine->vm, X86_IRQ_SCI, high);
}

static void set_serial_irq(void *opaque, bool high)
{
    struct machine *machine = opaque;

    vm_irq_line(&machine->vm, X86_IRQ_COM1, high);
}

static void set_rtc_irq(void *opaque, bool high)
{
    struct machine *machine = opaque;

    vm_irq_line(&machine->vm, X86_IRQ_RTC, high);
}

static void guest_powers_off(void *opaque)
{
    machine_request(opaque, REQUEST_POWER_OFF);
}

static void guest_resets(void *opaque)
{
    machine_request(opaque, REQUEST_RESET);
}

static const struct pm_ops pm_ops = {
    .sci = set_sci,
    .power_off = guest_powers_off,
    .reset = guest_resets,
};

void machine_arch_devices(struct machine *machine)
{
    const struct config *config = machine->config;
    int64_t offset = config->rtc_base == RTC_DATE ? config->rtc_date - time(NULL) : 0;

    pm_init(&machine->pm, &machine->ports, &pm_ops, machine);
    rtc_init(&machine->rtc, &machine->ports, machine->loop, config->rtc_base == RTC_LOCALTIME, offset,
             set_rtc_irq, machine);
    serial_init(&machine->serial, &machine->ports, X86_PORT_COM1, machine->loop, set_serial_irq, machine);
}

bool machine_attach_serial(struct machine *machine, struct chardev *chardev, struct error *error)
{
    return serial_attach(&machine->serial, chardev, error);
}

uint16_t machine_arch_hotplug_port(void)
{
    return X86_PORT_MEMHP;
}

void machine_arch_raise_hotplug(void *opaque)
{
    struct machine *machine = opaque;

    pm_raise_gpe(&machine->pm, HOTRAM_GPE_MEMORY);
}

void machine_arch_reset_devices(struct machine *machine)
{
    pm_reset(&machine->pm);
    rtc_reset(&machine->rtc);
    serial_reset(&machine->serial);
}

void machine_arch_powerdown(struct machine *machine)
{
    pm_press_power_button(&machine->pm);
}

/* ---- start ---- */

static bool write_tables(struct machine *machine, uint64_t *rsdp, struct error *error)
{
    const size_t capacity = X86_BIOS_AREA_END - X86_BIOS_AREA;
    struct x86_acpi_config config = {
        .cpus = machine->config->cpus,
        .slots = machine->config->slots,
        .low_ram_end = machine->low_ram_end,
        .high_ram_size = machine->high_ram_size,
    };
    uint8_t *tables;
    bool built;

    hotplug_region(machine->hotplug, &config.hotplug_base, &config.hotplug_size);
    tables = calloc(1, capacity);
    if (!tables)
        return error_set(error, "out of memory");
    built = x86_acpi_build(&config, tables, capacity, X86_BIOS_AREA, rsdp, error);
    if (built && !guest_memory_write(machine->memory, X86_BIOS_AREA, tables, capacity))
        built = error_set(error, "there is no RAM for the ACPI tables at 0x%llx",
                          (unsigned long long)X86_BIOS_AREA);
    free(tables);
    return built;
}

bool machine_arch_start(struct machine *machine, struct error *error)
{
    struct boot_machine machine_info = {
        .memory = machine->memory,
        .low_ram_end = machine->low_ram_end,
        .high_ram_size = machine->high_ram_size,
    };
    struct vcpu_entry entry = { 0 };

    if (!write_tables(machine, &machine_info.rsdp, error))
        return false;
    if (machine->boot.format != KERNEL_NONE && !boot_load(&machine->boot, &machine_info, &entry, error))
        return false;
    return vcpus_reset(&machine->vcpus, &entry, error);
}
