/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A program of libhotram and four functions, without a C library: a DIMM's whole life as the guest sees it at
 * the registers, a plan, and tables whose checksums have to be the same on every target.
 */
#include <hotram/acpi.h>
#include <hotram/acpi_arm.h>
#include <hotram/acpi_pci.h>
#include <hotram/acpi_set.h>
#include <hotram/block.h>
#include <hotram/dimm.h>
#include <hotram/ged.h>
#include <hotram/gpe.h>
#include <hotram/memhp.h>
#include <hotram/plan.h>
#include <hotram/pm1.h>
#include <hotram/state.h>

#include "system.h"

/* Offsets in the register block (docs/register-interface.md). */
#define SELECTOR 0x00
#define OST_EVENT 0x04
#define OST_STATUS 0x08
#define NODE 0x10
#define FLAGS 0x14

#define GIB (UINT64_C(1) << 30)
#define SLOTS 3

struct machine {
    struct hotram_bank bank;
    struct hotram_dimm slots[SLOTS];
    struct hotram_memhp block;
    struct hotram_gpe gpe;
    struct hotram_ged ged;
    uint32_t ost; /* last report: slot, event, status, a byte each */
    uint32_t ejected;
};

/* ---- Text ---- */

static void say(const char *text)
{
    size_t length = 0;

    while (text[length])
        length++;
    system_write(text, length);
}

static void say_number(uint32_t number)
{
    char text[8];

    for (unsigned i = 0; i < 8; i++)
        text[i] = "0123456789abcdef"[number >> (28 - 4 * i) & 0xf];
    system_write(text, sizeof text);
}

static _Noreturn void stop(const char *condition)
{
    say("not so: ");
    say(condition);
    say("\n");
    system_exit(1);
}

#define EXPECT(condition) ((condition) ? (void)0 : stop(#condition))

/* 32-bit FNV-1a (draft-eastlake-fnv): any byte that differs shows. */
static void say_sum(const char *name, uint32_t number, const struct hotram_buffer *out)
{
    uint32_t sum = 0x811c9dc5;

    EXPECT(hotram_buffer_status(out) == HOTRAM_OK);
    for (size_t i = 0; i < out->length; i++)
        sum = (sum ^ out->data[i]) * 0x01000193;
    say(name);
    say_number(number);
    say(": length ");
    say_number((uint32_t)out->length);
    say(", sum ");
    say_number(sum);
    say("\n");
}

/* ---- A DIMM's life ---- */

static void raise_event(void *opaque)
{
    struct machine *machine = opaque;

    hotram_gpe_raise(&machine->gpe, HOTRAM_GPE_MEMORY);
    hotram_ged_raise(&machine->ged, HOTRAM_GED_MEMORY);
}

static void note_ost(void *opaque, uint32_t slot, uint32_t event, uint32_t status)
{
    struct machine *machine = opaque;

    machine->ost = slot << 16 | event << 8 | status;
}

static void note_eject(void *opaque, uint32_t slot)
{
    struct machine *machine = opaque;

    machine->ejected = slot;
}

static const struct hotram_bank_ops ops = { raise_event, note_ost, note_eject };

static uint64_t read_pair(const struct machine *machine, uint32_t offset)
{
    return hotram_memhp_read(&machine->block, offset, 4) |
           (uint64_t)hotram_memhp_read(&machine->block, offset + 4, 4) << 32;
}

static void report(struct machine *machine, uint32_t event, uint32_t status)
{
    hotram_memhp_write(&machine->block, OST_EVENT, 4, event);
    hotram_memhp_write(&machine->block, OST_STATUS, 4, status);
}

/* What a guest does first when an event comes: see and clear it, and select the slot that it is about. */
static void take_event(struct machine *machine)
{
    EXPECT(hotram_gpe_level(&machine->gpe));
    hotram_gpe_write(&machine->gpe, 0, 1 << HOTRAM_GPE_MEMORY, 0);
    EXPECT(!hotram_gpe_level(&machine->gpe));
    EXPECT(hotram_ged_level(&machine->ged));
    EXPECT(hotram_ged_read(&machine->ged, 0, 4) == HOTRAM_GED_MEMORY);
    EXPECT(!hotram_ged_level(&machine->ged));
    EXPECT(hotram_ged_read(&machine->ged, 0, 4) == 0);
    EXPECT(hotram_memhp_read(&machine->block, HOTRAM_MEMHP_PENDING, 4) == 2);
    hotram_memhp_write(&machine->block, SELECTOR, 4, 2);
}

static void plug(struct machine *machine)
{
    const struct hotram_dimm_request request = {
        .slot = 2,
        .slot_given = true,
        .size = 5 * GIB, /* more than 32 bits hold */
        .align = GIB,
        .node = 7,
    };
    struct hotram_dimm_result result;

    EXPECT(hotram_bank_reserve(&machine->bank, &request, &result) == HOTRAM_OK);
    EXPECT(result.slot == 2 && result.addr == 6 * GIB);
    EXPECT(hotram_bank_commit(&machine->bank, 2, true) == HOTRAM_OK);
    take_event(machine);
    EXPECT(hotram_memhp_read(&machine->block, FLAGS, 1) == (HOTRAM_MEMHP_ENABLED | HOTRAM_MEMHP_INSERT));
    EXPECT(read_pair(machine, 0x00) == 6 * GIB && read_pair(machine, 0x08) == 5 * GIB);
    EXPECT(hotram_memhp_read(&machine->block, NODE, 4) == 7);
    EXPECT(hotram_memhp_read(&machine->block, 0x02, 4) == 0x0001ffff); /* not aligned: in parts */
    hotram_memhp_write(&machine->block, FLAGS, 1, HOTRAM_MEMHP_INSERT);
    report(machine, 1, 0);
    EXPECT(machine->ost == 0x020100);
    EXPECT(hotram_memhp_read(&machine->block, FLAGS, 1) == HOTRAM_MEMHP_ENABLED);
}

static void unplug(struct machine *machine)
{
    EXPECT(hotram_bank_request_removal(&machine->bank, 2) == HOTRAM_OK);
    take_event(machine);
    EXPECT(hotram_memhp_read(&machine->block, FLAGS, 1) == (HOTRAM_MEMHP_ENABLED | HOTRAM_MEMHP_REMOVE));
    hotram_memhp_write(&machine->block, FLAGS, 1, HOTRAM_MEMHP_REMOVE);
    report(machine, 3, 0x84);
    EXPECT(machine->ost == 0x020384);
    hotram_memhp_write(&machine->block, FLAGS, 1, HOTRAM_MEMHP_EJECT);
    EXPECT(machine->ejected == 2);
    EXPECT(read_pair(machine, 0x00) == 0 && read_pair(machine, 0x08) == 0);
    EXPECT(hotram_bank_finish(&machine->bank, 2) == HOTRAM_OK);
    report(machine, 3, 0);
    EXPECT(machine->ost == 0x020300);
    EXPECT(hotram_memhp_read(&machine->block, HOTRAM_MEMHP_PENDING, 4) == HOTRAM_SLOT_ANY);
    EXPECT(hotram_bank_next(&machine->bank, HOTRAM_SLOT_ANY) == HOTRAM_SLOT_ANY);
}

/* From the DIMM of 5 GiB at 6 GiB to 3 GiB: no removal leaves that, so they come first. */
static void plan_size(const struct machine *machine)
{
    static uint64_t scratch[8192];
    static struct hotram_plan plan;
    const struct hotram_plan_request request = {
        .bank = &machine->bank,
        .target = 3 * GIB,
        .align = GIB,
    };
    struct hotram_plan_node nodes[] = { { GIB, GIB, 0 }, { 2 * GIB, 0, 0 } };

    EXPECT(hotram_plan_scratch(&request) <= sizeof scratch);
    EXPECT(hotram_plan(&request, scratch, sizeof scratch, &plan) == HOTRAM_OK);
    EXPECT(plan.count == 2 && plan.reached == 3 * GIB && plan.below == plan.above);
    EXPECT(plan.steps[0].action == HOTRAM_PLAN_PLUG && plan.steps[0].size == 3 * GIB);
    EXPECT(plan.steps[0].addr == 11 * GIB && plan.steps[1].slot == 2);
    EXPECT(hotram_plan_spread(nodes, 2, 7 * GIB, GIB) == HOTRAM_OK);
    EXPECT(nodes[0].target == 4 * GIB && nodes[1].target == 3 * GIB);
}

static void sleep_by_pm1(void)
{
    struct hotram_pm1 pm1 = { 0 };

    EXPECT(hotram_pm1_raise(&pm1, HOTRAM_PM1_POWER_BUTTON) == HOTRAM_OK);
    EXPECT(!hotram_pm1_write(&pm1, 2, 2, HOTRAM_PM1_POWER_BUTTON) && hotram_pm1_level(&pm1));
    EXPECT(hotram_pm1_read(&pm1, HOTRAM_PM1_CONTROL, 2) == 1);
    EXPECT(hotram_pm1_write(&pm1, HOTRAM_PM1_CONTROL, 2, 0x3400) && hotram_pm1_sleep_type(&pm1) == 5);
    hotram_pm1_reset(&pm1);
    EXPECT(!hotram_pm1_level(&pm1));
}

/* ---- Saved, and restored on another machine ---- */

static bool attach_second(void *opaque, uint32_t slot)
{
    const struct machine *machine = opaque;

    return slot == 2 && hotram_bank_slot(&machine->bank, slot)->size == 5 * GIB;
}

static void detach_none(void *opaque, uint32_t slot)
{
    (void)opaque, (void)slot;
    stop("nothing is detached");
}

/* The sum is the same on every target: so are the bytes. */
static void move(const struct machine *machine)
{
    static struct machine other;
    static uint8_t room[HOTRAM_STATE_BANK_LENGTH(SLOTS) + 128];
    const struct hotram_bank_restoring how = { GIB, attach_second, detach_none, &other };
    struct hotram_pm1 pm1 = { 0 };
    struct hotram_buffer out;
    struct hotram_saved saved;
    struct hotram_restore_result result;

    EXPECT(hotram_buffer_init(&out, room, sizeof room) == HOTRAM_OK);
    EXPECT(hotram_memhp_save(&machine->block, &out) == HOTRAM_OK);
    EXPECT(hotram_gpe_save(&machine->gpe, &out) == HOTRAM_OK);
    EXPECT(hotram_ged_save(&machine->ged, &out) == HOTRAM_OK);
    EXPECT(hotram_pm1_save(&pm1, &out) == HOTRAM_OK);
    EXPECT(hotram_bank_save(&machine->bank, &out) == HOTRAM_OK);
    say_sum("saved ", 0, &out);

    EXPECT(hotram_bank_init(&other.bank, &machine->bank.config, other.slots, &ops, &other) == HOTRAM_OK);
    EXPECT(hotram_memhp_init(&other.block, &other.bank) == HOTRAM_OK);
    saved = (struct hotram_saved){ room, out.length };
    EXPECT(hotram_memhp_restore(&other.block, &saved, &result) == HOTRAM_OK);
    EXPECT(hotram_gpe_restore(&other.gpe, &saved, &result) == HOTRAM_OK);
    EXPECT(hotram_ged_restore(&other.ged, &saved, &result) == HOTRAM_OK);
    EXPECT(hotram_pm1_restore(&pm1, &saved, &result) == HOTRAM_OK);
    EXPECT(hotram_bank_restore(&other.bank, &saved, &how, &result) == HOTRAM_OK && saved.length == 0);
    EXPECT(hotram_state_field_text(result.field)[0] != '\0');
    EXPECT(read_pair(&other, 0x00) == 6 * GIB && read_pair(&other, 0x08) == 5 * GIB);
    EXPECT(other.block.selector == 2 && other.gpe.enable == 1 << HOTRAM_GPE_MEMORY);
}

static enum hotram_status no_terms(struct hotram_aml *aml, void *opaque)
{
    (void)aml, (void)opaque;
    return HOTRAM_OK;
}

static void write_least_tables(void)
{
    static const struct hotram_acpi_ids who = { "HOTRAM", "TEST    ", 1, "HOTR", 1 };
    static uint8_t room[2048];
    const struct hotram_acpi_set set = { .address = 0xe0000,
                                         .fadt = { .flags = HOTRAM_FADT_HW_REDUCED },
                                         .dsdt = no_terms };
    struct hotram_buffer out;

    EXPECT(hotram_buffer_init(&out, room, sizeof room) == HOTRAM_OK);
    EXPECT(hotram_acpi_set(&out, &who, &set) == HOTRAM_OK);
}

static void live(void)
{
    static struct machine machine; /* starts as zeroes, as after a reset */
    const struct hotram_bank_config config = {
        .base = 5 * GIB + 4096, /* first fit rounds it up */
        .size = 64 * GIB,
        .capacity = 16 * GIB,
        .granularity = UINT64_C(2) << 20,
        .slots = SLOTS,
    };

    machine.ejected = HOTRAM_SLOT_ANY;
    EXPECT(hotram_bank_init(&machine.bank, &config, machine.slots, &ops, &machine) == HOTRAM_OK);
    EXPECT(hotram_memhp_init(&machine.block, &machine.bank) == HOTRAM_OK);
    hotram_gpe_write(&machine.gpe, HOTRAM_GPE_LENGTH / 2, 1 << HOTRAM_GPE_MEMORY, 0);
    plug(&machine);
    plan_size(&machine);
    move(&machine);
    unplug(&machine);
    EXPECT(hotram_status_text(hotram_bank_finish(&machine.bank, 2))[0] != '\0');
    sleep_by_pm1();
    write_least_tables();
    EXPECT(hotram_block_size(HOTRAM_BLOCK_X86_64, 66 * GIB) == 2 * GIB);
    EXPECT(hotram_block_whole(2 * GIB, 68 * GIB, 4 * GIB));
    say("life: plugged, used, given back\n");
}

/* ---- Tables ---- */

static const struct hotram_acpi_ids ids = {
    .oem_id = "HOTRAM",
    .oem_table_id = "TEST    ",
    .oem_revision = 0x01020304,
    .creator_id = "HOTR",
    .creator_revision = 0x05060708,
};

static void write_dsdt(struct hotram_buffer *out, uint32_t slots)
{
    const struct hotram_acpi_memory_devices io = { HOTRAM_AML_SYSTEM_IO, 0xa00, slots };
    const struct hotram_acpi_ged ged = { .base = 0x09080000, .gsi = 41 };
    struct hotram_acpi_table table;
    struct hotram_aml aml;

    EXPECT(hotram_acpi_table_begin(&table, out, "DSDT", 2, &ids) == HOTRAM_OK);
    EXPECT(hotram_aml_begin(&aml, out) == HOTRAM_OK);
    EXPECT(hotram_acpi_memory_devices(&aml, &io) == HOTRAM_OK);
    EXPECT(hotram_acpi_memory_gpe(&aml, HOTRAM_GPE_MEMORY) == HOTRAM_OK);
    EXPECT(hotram_acpi_ged(&aml, &ged) == HOTRAM_OK);
    EXPECT(hotram_aml_finish(&aml, NULL) == HOTRAM_OK);
    EXPECT(hotram_acpi_table_end(&table) == HOTRAM_OK);
}

static void write_other_tables(struct hotram_buffer *out)
{
    static const uint64_t tables[] = { 0xe0000, UINT64_C(0x123456789a) };
    static const struct hotram_acpi_cpu cpus[] = { { 0, 0, 0, HOTRAM_CPU_ENABLED },
                                                   { 1, 300, 1, HOTRAM_CPU_ONLINE_CAPABLE } };
    static const struct hotram_acpi_memory memory[] = { { 0, GIB, 0, HOTRAM_SRAT_ENABLED },
                                                        { 4 * GIB, 64 * GIB, 1, HOTRAM_SRAT_HOTPLUGGABLE } };
    static const uint8_t distances[] = { 10, 20, 20, 10 };
    static const struct hotram_acpi_ecam ecam = { UINT64_C(0x4010000000), 0, 0, 255 };
    const struct hotram_acpi_fadt fadt = { .dsdt = UINT64_C(0x1122334455),
                                           .sci = 9,
                                           .pm1_event = 0x600,
                                           .pm1_control = 0x604,
                                           .gpe0 = 0x620,
                                           .gpe0_length = 4 };
    const struct hotram_acpi_madt madt = {
        .lapic = 0xfee00000, .ioapic = 0xfec00000, .cpus = cpus, .cpu_count = 2
    };

    EXPECT(hotram_acpi_rsdp(out, &ids, UINT64_C(0x8877665544)) == HOTRAM_OK);
    EXPECT(hotram_acpi_xsdt(out, &ids, tables, 2) == HOTRAM_OK);
    EXPECT(hotram_acpi_facs(out) == HOTRAM_OK);
    EXPECT(hotram_acpi_fadt(out, &ids, &fadt) == HOTRAM_OK);
    EXPECT(hotram_acpi_madt(out, &ids, &madt) == HOTRAM_OK);
    EXPECT(hotram_acpi_srat(out, &ids, cpus, 2, memory, 2) == HOTRAM_OK);
    EXPECT(hotram_acpi_slit(out, &ids, distances, 2) == HOTRAM_OK);
    EXPECT(hotram_acpi_mcfg(out, &ids, &ecam, 1) == HOTRAM_OK);
}

static void write_arm_tables(struct hotram_buffer *out)
{
    static const struct hotram_acpi_gic_cpu cpus[] = {
        { 0, 0, 0x1, HOTRAM_CPU_ENABLED }, { 300, 1, UINT64_C(0xff00000100), HOTRAM_CPU_ONLINE_CAPABLE }
    };
    static const struct hotram_acpi_memory memory = { GIB, 64 * GIB, 1, HOTRAM_SRAT_ENABLED };
    static const struct hotram_acpi_registers redistributors = { UINT64_C(0x11080a0000), 0x40000 };
    static const struct hotram_acpi_gic gic = { .version = 3,
                                                .distributor = 0x08000000,
                                                .redistributors = &redistributors,
                                                .redistributor_count = 1,
                                                .cpus = cpus,
                                                .cpu_count = 2 };
    static const struct hotram_acpi_timers timers = { .virtual_el1 = { 27, HOTRAM_TIMER_ALWAYS_ON } };
    static const struct hotram_acpi_topology nodes[] = {
        { HOTRAM_TOPOLOGY_ROOT, 0, HOTRAM_TOPOLOGY_PACKAGE },
        { 0, 300, HOTRAM_TOPOLOGY_LEAF | HOTRAM_TOPOLOGY_UID },
    };
    static const struct hotram_acpi_pl011 pl011 = { "\\_SB.COM0", 0x09000000, 33, 0 };
    static const struct hotram_acpi_root_complex root = { 0, 64 };
    const struct hotram_acpi_iort iort = { 1, &root, 1 };
    const struct hotram_acpi_processors processors = { "\\_SB.CP00", 0, cpus, 2 };
    struct hotram_aml aml;

    EXPECT(hotram_acpi_madt_gic(out, &ids, &gic) == HOTRAM_OK);
    EXPECT(hotram_acpi_srat_gic(out, &ids, cpus, 2, &memory, 1) == HOTRAM_OK);
    EXPECT(hotram_acpi_gtdt(out, &ids, &timers) == HOTRAM_OK);
    EXPECT(hotram_acpi_pptt(out, &ids, nodes, 2) == HOTRAM_OK);
    EXPECT(hotram_acpi_spcr(out, &ids, &pl011) == HOTRAM_OK);
    EXPECT(hotram_acpi_dbg2(out, &ids, &pl011) == HOTRAM_OK);
    EXPECT(hotram_acpi_iort(out, &ids, &iort) == HOTRAM_OK);
    EXPECT(hotram_aml_begin(&aml, out) == HOTRAM_OK);
    EXPECT(hotram_acpi_processors(&aml, &processors) == HOTRAM_OK);
    EXPECT(hotram_acpi_pl011(&aml, &pl011) == HOTRAM_OK);
    EXPECT(hotram_acpi_power_button(&aml, "\\_SB.PWRB") == HOTRAM_OK);
    EXPECT(hotram_aml_finish(&aml, NULL) == HOTRAM_OK);
}

static void write_tables(void)
{
    static uint8_t area[128 << 10];
    static const uint32_t slots[] = { SLOTS, HOTRAM_SLOTS_MAX };
    struct hotram_buffer out;

    for (unsigned i = 0; i < sizeof slots / sizeof *slots; i++) {
        EXPECT(hotram_buffer_init(&out, area, sizeof area) == HOTRAM_OK);
        write_dsdt(&out, slots[i]);
        say_sum("DSDT, slots ", slots[i], &out);
    }
    EXPECT(hotram_buffer_init(&out, area, sizeof area) == HOTRAM_OK);
    write_other_tables(&out);
    say_sum("other tables ", 8, &out);
    EXPECT(hotram_buffer_init(&out, area, sizeof area) == HOTRAM_OK);
    write_arm_tables(&out);
    say_sum("arm64 tables ", 7, &out);
}

/* Called from _start. */
_Noreturn void run(void);

_Noreturn void run(void)
{
    live();
    write_tables();
    system_exit(0);
}

START_AT(run);
