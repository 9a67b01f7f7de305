/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The AML of the memory hotplug devices, over the register block of hotram/memhp.h.
 *
 * All register accesses from the selection of a slot to the last one that concerns it are under the mutex
 * MLCK. A Notify only queues work, so it may be done under the mutex too: the handler's own evaluation of
 * _STA or _EJ0 waits until the scan is through.
 */
#include <hotram/acpi.h>
#include <hotram/dimm.h>
#include <hotram/memhp.h>

#include "acpi_memory.h"
#include "acpi_store.h"

#define PRESENT_AND_WORKING 0x0f /* _STA (6.3.7) */
#define PRESENT_BUT_HIDDEN 0x0b

/* Offsets in an address space descriptor (6.4.3.5.1, 6.4.3.5.2). */
#define QWORD_MIN 14
#define QWORD_MAX 22
#define QWORD_LENGTH 38
#define DWORD_MIN 10
#define DWORD_MAX 14
#define DWORD_LENGTH 22

#define IO_PORTS 0x10000u

/* Take the lock and select the slot of Arg0. */
static void select_arg0(struct hotram_aml *aml)
{
    hotram_aml_acquire(aml, LOCK);
    libhotram_store_arg(aml, SLOT, "MSEL");
}

/* ---- The register block ---- */

/* What is read and what is written at an offset differ, so there are fields that overlap. */
static void registers(struct hotram_aml *aml, const struct hotram_acpi_memory_devices *config)
{
    hotram_aml_operation_region(aml, "HPMR", config->space, config->base, HOTRAM_MEMHP_EXTENT);

    hotram_aml_field(aml, "HPMR", HOTRAM_AML_DWORD_ACCESS | HOTRAM_AML_PRESERVE);
    hotram_aml_field_unit(aml, "MRBL", 32); /* 0x00 read: address, low */
    hotram_aml_field_unit(aml, "MRBH", 32); /* 0x04 read: address, high */
    hotram_aml_field_unit(aml, "MRLL", 32); /* 0x08 read: size, low */
    hotram_aml_field_unit(aml, "MRLH", 32); /* 0x0c read: size, high */
    hotram_aml_field_unit(aml, "MPX", 32);  /* 0x10 read: proximity domain */
    hotram_aml_field_gap(aml, 32);          /* 0x14: see below */
    hotram_aml_field_unit(aml, "MPND", 32); /* 0x18 read: first slot with a pending event */
    hotram_aml_end(aml);

    hotram_aml_field(aml, "HPMR", HOTRAM_AML_DWORD_ACCESS | HOTRAM_AML_PRESERVE);
    hotram_aml_field_unit(aml, "MSEL", 32); /* 0x00 write: slot selector */
    hotram_aml_field_unit(aml, "MOEV", 32); /* 0x04 write: OST event */
    hotram_aml_field_unit(aml, "MOSC", 32); /* 0x08 write: OST status */
    hotram_aml_end(aml);

    hotram_aml_field(aml, "HPMR", HOTRAM_AML_BYTE_ACCESS | HOTRAM_AML_WRITE_AS_ZEROS);
    hotram_aml_field_gap(aml, 0x14 * 8);
    hotram_aml_field_unit(aml, "MFLG", 8); /* 0x14 read: flags; write: control */
    hotram_aml_end(aml);
}

void libhotram_memory_slot_name(char name[5], uint32_t slot)
{
    static const char digits[] = "0123456789ABCDEF";

    name[0] = 'M';
    name[1] = 'P';
    name[2] = digits[slot >> 4 & 0xf];
    name[3] = digits[slot & 0xf];
    name[4] = '\0';
}

/* ---- What the slots' methods call ---- */

/* MRST (slot): _STA. */
static void status_method(struct hotram_aml *aml)
{
    hotram_aml_method(aml, "MRST", 1, false);
    select_arg0(aml);
    libhotram_load(aml, "MFLG", VALUE);
    hotram_aml_release(aml, LOCK);
    hotram_aml_if(aml);
    hotram_aml_op(aml, HOTRAM_AML_AND);
    hotram_aml_local(aml, VALUE);
    hotram_aml_integer(aml, HOTRAM_MEMHP_ENABLED);
    hotram_aml_no_target(aml);
    {
        hotram_aml_op(aml, HOTRAM_AML_RETURN);
        hotram_aml_integer(aml, PRESENT_AND_WORKING);
    }
    hotram_aml_end(aml);
    hotram_aml_op(aml, HOTRAM_AML_RETURN);
    hotram_aml_integer(aml, 0);
    hotram_aml_end(aml);
}

/* Localn = high << 32 | low */
static void load_pair(struct hotram_aml *aml, const char *high, const char *low, unsigned local)
{
    hotram_aml_op(aml, HOTRAM_AML_OR);
    hotram_aml_op(aml, HOTRAM_AML_SHIFT_LEFT);
    hotram_aml_path(aml, high);
    hotram_aml_integer(aml, 32);
    hotram_aml_no_target(aml);
    hotram_aml_path(aml, low);
    hotram_aml_local(aml, local);
}

static void store_local(struct hotram_aml *aml, unsigned local, const char *target)
{
    hotram_aml_op(aml, HOTRAM_AML_STORE);
    hotram_aml_local(aml, local);
    hotram_aml_path(aml, target);
}

static void return_path(struct hotram_aml *aml, const char *path)
{
    hotram_aml_op(aml, HOTRAM_AML_RETURN);
    hotram_aml_path(aml, path);
}

/* If (maximum < 4 GiB) { return a DWordMemory } */
static void return_range_below_4g(struct hotram_aml *aml)
{
    hotram_aml_if(aml);
    hotram_aml_op(aml, HOTRAM_AML_LLESS);
    hotram_aml_local(aml, MAXIMUM);
    hotram_aml_integer(aml, UINT64_C(1) << 32);
    {
        hotram_aml_name(aml, "MR32");
        hotram_aml_resource_template(aml);
        hotram_aml_dword_memory(aml, 0, 0xfffffffe, 0xffffffff);
        hotram_aml_end(aml);
        hotram_aml_create_dword_field(aml, "MR32", DWORD_MIN, "MIN");
        hotram_aml_create_dword_field(aml, "MR32", DWORD_MAX, "MAX");
        hotram_aml_create_dword_field(aml, "MR32", DWORD_LENGTH, "LEN");
        store_local(aml, VALUE, "MIN");
        store_local(aml, MAXIMUM, "MAX");
        store_local(aml, LENGTH, "LEN");
        return_path(aml, "MR32");
    }
    hotram_aml_end(aml);
}

static void return_range_above_4g(struct hotram_aml *aml)
{
    hotram_aml_name(aml, "MR64");
    hotram_aml_resource_template(aml);
    hotram_aml_qword_memory(aml, 0, UINT64_MAX - 1, UINT64_MAX);
    hotram_aml_end(aml);
    hotram_aml_create_qword_field(aml, "MR64", QWORD_MIN, "MINQ");
    hotram_aml_create_qword_field(aml, "MR64", QWORD_MAX, "MAXQ");
    hotram_aml_create_qword_field(aml, "MR64", QWORD_LENGTH, "LENQ");
    store_local(aml, VALUE, "MINQ");
    store_local(aml, MAXIMUM, "MAXQ");
    store_local(aml, LENGTH, "LENQ");
    return_path(aml, "MR64");
}

/* If (!length) { return a template without descriptors }: an empty slot has no range. */
static void return_no_range(struct hotram_aml *aml)
{
    hotram_aml_if(aml);
    hotram_aml_op(aml, HOTRAM_AML_LEQUAL);
    hotram_aml_local(aml, LENGTH);
    hotram_aml_integer(aml, 0);
    {
        hotram_aml_op(aml, HOTRAM_AML_RETURN);
        hotram_aml_resource_template(aml);
        hotram_aml_end(aml);
    }
    hotram_aml_end(aml);
}

/* MCRS (slot): _CRS. Serialized, since it creates names. The templates hold the widest range until it is
 * filled in, which keeps them valid on their own. */
static void resources_method(struct hotram_aml *aml)
{
    hotram_aml_method(aml, "MCRS", 1, true);
    select_arg0(aml);
    load_pair(aml, "MRBH", "MRBL", VALUE);
    load_pair(aml, "MRLH", "MRLL", LENGTH);
    hotram_aml_release(aml, LOCK);
    return_no_range(aml);
    hotram_aml_op(aml, HOTRAM_AML_ADD);
    hotram_aml_local(aml, VALUE);
    hotram_aml_op(aml, HOTRAM_AML_SUBTRACT);
    hotram_aml_local(aml, LENGTH);
    hotram_aml_integer(aml, 1);
    hotram_aml_no_target(aml);
    hotram_aml_local(aml, MAXIMUM);
    return_range_below_4g(aml);
    return_range_above_4g(aml);
    hotram_aml_end(aml);
}

/* MPXM (slot): _PXM. */
static void proximity_method(struct hotram_aml *aml)
{
    hotram_aml_method(aml, "MPXM", 1, false);
    select_arg0(aml);
    libhotram_load(aml, "MPX", VALUE);
    hotram_aml_release(aml, LOCK);
    hotram_aml_op(aml, HOTRAM_AML_RETURN);
    hotram_aml_local(aml, VALUE);
    hotram_aml_end(aml);
}

/* MOST (slot, event, status): _OST. */
static void ost_method(struct hotram_aml *aml)
{
    hotram_aml_method(aml, "MOST", 3, false);
    select_arg0(aml);
    libhotram_store_arg(aml, 1, "MOEV");
    libhotram_store_arg(aml, 2, "MOSC");
    hotram_aml_release(aml, LOCK);
    hotram_aml_end(aml);
}

/* MEJ0 (slot): _EJ0, whose own argument is always 1 (6.3.3). */
static void eject_method(struct hotram_aml *aml)
{
    hotram_aml_method(aml, "MEJ0", 1, false);
    select_arg0(aml);
    libhotram_store_integer(aml, HOTRAM_MEMHP_EJECT, "MFLG");
    hotram_aml_release(aml, LOCK);
    hotram_aml_end(aml);
}

/* ---- Devices ---- */

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

/* A slot (9.11). The argument of MCRS and the others is the slot itself, which is also the _UID. */
static void slot_device(struct hotram_aml *aml, uint32_t slot)
{
    char name[5];

    libhotram_memory_slot_name(name, slot);
    hotram_aml_device(aml, name);
    hotram_aml_name(aml, "_HID");
    hotram_aml_eisaid(aml, "PNP0C80");
    hotram_aml_name(aml, "_UID");
    hotram_aml_integer(aml, slot);
    slot_method(aml, slot, "_STA", 0, "MRST", 0, true);
    slot_method(aml, slot, "_CRS", 0, "MCRS", 0, true);
    slot_method(aml, slot, "_PXM", 0, "MPXM", 0, true);
    slot_method(aml, slot, "_OST", 3, "MOST", 2, false);
    slot_method(aml, slot, "_EJ0", 1, "MEJ0", 0, false);
    hotram_aml_end(aml);
}

/* The container's own identity: a generic container (PNP0A06), hidden, that uses the register block. */
static void controller(struct hotram_aml *aml, const struct hotram_acpi_memory_devices *config)
{
    hotram_aml_name(aml, "_HID");
    hotram_aml_eisaid(aml, "PNP0A06");
    hotram_aml_name(aml, "_UID");
    hotram_aml_string(aml, "Memory hotplug");
    hotram_aml_name(aml, "_STA");
    hotram_aml_integer(aml, PRESENT_BUT_HIDDEN);
    hotram_aml_name(aml, "_CRS");
    hotram_aml_resource_template(aml);
    if (config->space == HOTRAM_AML_SYSTEM_IO)
        hotram_aml_io(aml, (uint16_t)config->base, (uint16_t)config->base, 0, HOTRAM_MEMHP_EXTENT);
    else
        hotram_aml_memory32_fixed(aml, config->base, HOTRAM_MEMHP_EXTENT);
    hotram_aml_end(aml);
}

static bool is_valid(const struct hotram_acpi_memory_devices *config)
{
    uint64_t end = (uint64_t)config->base + HOTRAM_MEMHP_EXTENT;

    if (config->slots == 0 || config->slots > HOTRAM_SLOTS_MAX)
        return false;
    if (config->space == HOTRAM_AML_SYSTEM_IO)
        return end <= IO_PORTS;
    return config->space == HOTRAM_AML_SYSTEM_MEMORY && end <= UINT64_C(1) << 32;
}

enum hotram_status hotram_acpi_memory_devices(struct hotram_aml *aml,
                                              const struct hotram_acpi_memory_devices *config)
{
    if (!aml || !config || !is_valid(config))
        return HOTRAM_E_ARGUMENT;
    hotram_aml_scope(aml, SCOPE);
    hotram_aml_device(aml, CONTROLLER);
    controller(aml, config);
    registers(aml, config);
    hotram_aml_mutex(aml, LOCK);
    status_method(aml);
    resources_method(aml);
    proximity_method(aml);
    ost_method(aml);
    eject_method(aml);
    for (uint32_t slot = 0; slot < config->slots; slot++)
        slot_device(aml, slot);
    libhotram_memory_notification(aml, config->slots);
    libhotram_memory_scan(aml, config->slots);
    hotram_aml_end(aml);
    hotram_aml_end(aml);
    return HOTRAM_OK;
}
