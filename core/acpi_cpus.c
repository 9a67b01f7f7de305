/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The AML of hot-pluggable processors, over the register block of hotram/cpuhp.h.
 *
 * All register accesses from the selection of a slot to the last one that concerns it are under the mutex
 * CLCK. A Notify only queues work, so it may be done under the mutex too: the handler's own evaluation of
 * _STA or _EJ0 waits until the scan is through.
 */
#include "acpi_cpus.h"

#include <hotram/cpuhp.h>

#include "acpi_cpu.h"
#include "acpi_store.h"

/* _STA (6.3.7). On arm64, present is what may come: a guest that sees that bit change takes it for a
 * processor that it does not know. */
#define PRESENT_AND_WORKING 0xf
#define PRESENT_NOT_ENABLED 0xd
#define PRESENT_BUT_HIDDEN 0xb
#define ABSENT 0

#define IO_PORTS 0x10000u
#define CONTAINERS_MAX 256u
#define ENTRY_MAX 80u /* of the MADT: that of a GICC */

enum { SLOT, VALUE }; /* numbers of arguments and locals in the methods */

static const char digits[] = "0123456789ABCDEF";

void libhotram_cpus_path(char path[CPUS_PATH_SIZE], uint32_t container, uint32_t index)
{
    const char text[CPUS_PATH_SIZE] = {
        'C',
        'P',
        digits[container >> 4],
        digits[container & 0xf],
        '.',
        'C',
        digits[index >> 8],
        digits[index >> 4 & 0xf],
        digits[index & 0xf],
    };

    for (unsigned i = 0; i < CPUS_PATH_SIZE; i++)
        path[i] = text[i];
}

/* ---- The register block ---- */

static void registers(struct hotram_aml *aml, const struct hotram_acpi_cpu_devices *config)
{
    hotram_aml_operation_region(aml, "CHPR", config->space, config->base, HOTRAM_CPUHP_LENGTH);

    hotram_aml_field(aml, "CHPR", HOTRAM_AML_DWORD_ACCESS | HOTRAM_AML_PRESERVE);
    hotram_aml_field_unit(aml, "CSEL", 32); /* 0x0 write: slot selector */
    hotram_aml_field_gap(aml, 32);          /* 0x4: see below */
    hotram_aml_field_unit(aml, "CDAT", 32); /* 0x8: data of the command */
    hotram_aml_end(aml);

    hotram_aml_field(aml, "CHPR", HOTRAM_AML_BYTE_ACCESS | HOTRAM_AML_WRITE_AS_ZEROS);
    hotram_aml_field_gap(aml, 4 * 8);
    hotram_aml_field_unit(aml, "CFLG", 8); /* 0x4 read: flags; write: control */
    hotram_aml_field_unit(aml, "CCMD", 8); /* 0x5 write: command */
    hotram_aml_end(aml);
}

/* The controller's own identity: a generic container (PNP0A06), hidden, that uses the register block. */
static void controller(struct hotram_aml *aml, const struct hotram_acpi_cpu_devices *config)
{
    hotram_aml_name(aml, "_HID");
    hotram_aml_eisaid(aml, "PNP0A06");
    hotram_aml_name(aml, "_UID");
    hotram_aml_string(aml, "CPU hotplug");
    hotram_aml_name(aml, "_STA");
    hotram_aml_integer(aml, PRESENT_BUT_HIDDEN);
    hotram_aml_name(aml, "_CRS");
    hotram_aml_resource_template(aml);
    if (config->space == HOTRAM_AML_SYSTEM_IO)
        hotram_aml_io(aml, (uint16_t)config->base, (uint16_t)config->base, 0, HOTRAM_CPUHP_LENGTH);
    else
        hotram_aml_memory32_fixed(aml, config->base, HOTRAM_CPUHP_LENGTH);
    hotram_aml_end(aml);
}

/* ---- What the processors' methods call ---- */

/* Take the lock and select the slot of Arg0. */
static void select_arg0(struct hotram_aml *aml)
{
    hotram_aml_acquire(aml, CPUS_LOCK);
    libhotram_store_arg(aml, SLOT, "CSEL");
}

/* CSTA (slot): _STA. */
static void status_method(struct hotram_aml *aml, unsigned absent)
{
    hotram_aml_method(aml, "CSTA", 1, false);
    select_arg0(aml);
    libhotram_load(aml, "CFLG", VALUE);
    hotram_aml_release(aml, CPUS_LOCK);
    hotram_aml_if(aml);
    hotram_aml_op(aml, HOTRAM_AML_AND);
    hotram_aml_local(aml, VALUE);
    hotram_aml_integer(aml, HOTRAM_CPUHP_ENABLED);
    hotram_aml_no_target(aml);
    {
        hotram_aml_op(aml, HOTRAM_AML_RETURN);
        hotram_aml_integer(aml, PRESENT_AND_WORKING);
    }
    hotram_aml_end(aml);
    hotram_aml_op(aml, HOTRAM_AML_RETURN);
    hotram_aml_integer(aml, absent);
    hotram_aml_end(aml);
}

/* COST (slot, event, status): _OST. */
static void ost_method(struct hotram_aml *aml)
{
    hotram_aml_method(aml, "COST", 3, false);
    select_arg0(aml);
    libhotram_store_integer(aml, HOTRAM_CPUHP_OST_EVENT, "CCMD");
    libhotram_store_arg(aml, 1, "CDAT");
    libhotram_store_integer(aml, HOTRAM_CPUHP_OST_STATUS, "CCMD");
    libhotram_store_arg(aml, 2, "CDAT");
    hotram_aml_release(aml, CPUS_LOCK);
    hotram_aml_end(aml);
}

/* CEJ0 (slot): _EJ0, whose own argument is always 1 (6.3.3). */
static void eject_method(struct hotram_aml *aml)
{
    hotram_aml_method(aml, "CEJ0", 1, false);
    select_arg0(aml);
    libhotram_store_integer(aml, HOTRAM_CPUHP_EJECT, "CFLG");
    hotram_aml_release(aml, CPUS_LOCK);
    hotram_aml_end(aml);
}

/* ---- Devices ---- */

/* The MADT's entry, as if the processor were enabled: an operating system that has accepted a processor with
 * _STA takes its ids from here, and refuses an entry that is not enabled. */
static void madt_entry(struct hotram_aml *aml, const struct hotram_acpi_cpu_devices *config, uint32_t slot)
{
    uint8_t bytes[ENTRY_MAX];
    struct hotram_buffer entry;

    hotram_buffer_init(&entry, bytes, sizeof bytes);
    if (config->cpus) {
        struct hotram_acpi_cpu cpu = config->cpus[slot];

        cpu.flags = HOTRAM_CPU_ENABLED;
        libhotram_madt_local_apic(&entry, &cpu);
    } else {
        libhotram_madt_gicc(&entry, config->gic, slot, HOTRAM_CPU_ENABLED);
    }
    hotram_aml_name(aml, "_MAT");
    hotram_aml_buffer(aml, bytes, entry.length);
}

/* Method (name, args) { [Return] callee (slot, Arg0 .. ) }: the first arguments are passed on. */
static void slot_method(struct hotram_aml *aml, uint32_t slot, const char *name, unsigned args,
                        const char *callee, unsigned passed, bool returns)
{
    hotram_aml_method(aml, name, args, false);
    if (returns)
        hotram_aml_op(aml, HOTRAM_AML_RETURN);
    hotram_aml_path(aml, callee);
    hotram_aml_integer(aml, slot);
    for (unsigned i = 0; i < passed; i++)
        hotram_aml_arg(aml, i);
    hotram_aml_end(aml);
}

#define METHOD(name) CPUS_SCOPE "." CPUS_CONTROLLER "." name

/* `name` is its name in the container. */
static void processor(struct hotram_aml *aml, const struct hotram_acpi_cpu_devices *config, uint32_t slot,
                      const char *name)
{
    hotram_aml_device(aml, name);
    hotram_aml_name(aml, "_HID");
    hotram_aml_string(aml, "ACPI0007");
    hotram_aml_name(aml, "_UID");
    hotram_aml_integer(aml, slot);
    if (config->nodes) {
        hotram_aml_name(aml, "_PXM");
        hotram_aml_integer(aml, config->cpus ? config->cpus[slot].node : config->gic->cpus[slot].node);
    }
    slot_method(aml, slot, "_STA", 0, METHOD("CSTA"), 0, true);
    madt_entry(aml, config, slot);
    slot_method(aml, slot, "_OST", 3, METHOD("COST"), 2, false);
    if (slot >= config->fixed)
        slot_method(aml, slot, "_EJ0", 1, METHOD("CEJ0"), 0, false);
    hotram_aml_end(aml);
}

static void container(struct hotram_aml *aml, const struct hotram_acpi_cpu_devices *config, uint32_t number,
                      uint32_t first)
{
    const char name[5] = { 'C', 'P', digits[number >> 4], digits[number & 0xf], '\0' };

    hotram_aml_device(aml, name);
    hotram_aml_name(aml, "_HID");
    hotram_aml_string(aml, "ACPI0010");
    hotram_aml_name(aml, "_UID");
    hotram_aml_integer(aml, number);
    for (uint32_t index = 0; index < config->container; index++) {
        char path[CPUS_PATH_SIZE];

        libhotram_cpus_path(path, number, index);
        processor(aml, config, first + index, path + 5);
    }
    hotram_aml_end(aml);
}

/* ---- Checks ---- */

static bool has_place(const struct hotram_acpi_cpu_devices *config)
{
    uint64_t end = (uint64_t)config->base + HOTRAM_CPUHP_LENGTH;

    if (config->space == HOTRAM_AML_SYSTEM_IO)
        return end <= IO_PORTS;
    return config->space == HOTRAM_AML_SYSTEM_MEMORY && end <= UINT64_C(1) << 32;
}

/* Counted, since some processors cannot divide: the function for that would be one more to link. */
static bool has_containers(const struct hotram_acpi_cpu_devices *config)
{
    uint32_t containers = 0, cpus = 0;

    if (config->container == 0 || config->container > config->count)
        return false;
    for (; cpus < config->count; cpus += config->container)
        containers++;
    return cpus == config->count && containers <= CONTAINERS_MAX;
}

static bool has_numbers(const struct hotram_acpi_cpu_devices *config)
{
    return config->count >= 1 && config->count <= HOTRAM_HOT_CPUS_MAX && config->fixed >= 1 &&
           config->fixed <= config->count && has_containers(config);
}

static bool is_valid(const struct hotram_acpi_cpu_devices *config)
{
    if (!has_place(config) || !has_numbers(config) || !config->cpus == !config->gic)
        return false;
    if (config->gic && (config->gic->cpu_count != config->count || !libhotram_gic_is_valid(config->gic)))
        return false;
    for (uint32_t i = 0; i < config->count; i++)
        if ((config->cpus ? config->cpus[i].uid : config->gic->cpus[i].uid) != i)
            return false;
    return true;
}

enum hotram_status hotram_acpi_cpu_devices(struct hotram_aml *aml,
                                           const struct hotram_acpi_cpu_devices *config)
{
    uint32_t number = 0;

    if (!aml || !config || !is_valid(config))
        return HOTRAM_E_ARGUMENT;
    hotram_aml_scope(aml, CPUS_SCOPE);
    hotram_aml_device(aml, CPUS_CONTROLLER);
    controller(aml, config);
    registers(aml, config);
    hotram_aml_mutex(aml, CPUS_LOCK);
    status_method(aml, config->gic ? PRESENT_NOT_ENABLED : ABSENT);
    ost_method(aml);
    eject_method(aml);
    libhotram_cpus_notification(aml, config);
    libhotram_cpus_scan(aml);
    hotram_aml_end(aml);
    for (uint32_t first = 0; first < config->count; first += config->container)
        container(aml, config, number++, first);
    hotram_aml_end(aml);
    return HOTRAM_OK;
}
