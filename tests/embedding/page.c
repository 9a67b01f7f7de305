/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The code of docs/embedding.md, with what that page leaves to the VMM, run as its text says: for a GPE and
 * for a GED, a DIMM comes, is refused, goes, survives a reset; a snapshot comes back the same.
 */
#include "embedding.h" /* made from docs/embedding.md */

#include <stdio.h>
#include <stdlib.h>

#define EXPECT(condition) ((condition) ? (void)0 : fail(__LINE__, #condition))

#define SIZE (UINT64_C(128) << 20)
#define ANY UINT32_MAX

/* Offsets in the register block (register-interface.md). */
enum { SELECTOR = 0x00, OST_EVENT = 0x04, OST_STATUS = 0x08, CONTROL = 0x14, FLAGS = CONTROL };

static struct hotplug vm;
static bool mapped[SLOTS];
static uint32_t mapping_fails = ANY; /* of this slot */
static bool sci;
static bool powered_off;
static uint32_t reported; /* slot, event, status: a byte each */
static uint32_t posted;
static void (*posted_work)(struct hotplug *hotplug, uint32_t slot);

static void fail(int line, const char *condition)
{
    fprintf(stderr, "page.c:%d: not so: %s\n", line, condition);
    exit(1);
}

/* ---- What is the VMM's ---- */

bool your_map(uint32_t slot, uint64_t addr, uint64_t size)
{
    EXPECT(!mapped[slot] && addr >= UINT64_C(8) << 30 && size % SIZE == 0);
    mapped[slot] = slot != mapping_fails;
    return mapped[slot];
}

void your_unmap(uint32_t slot)
{
    EXPECT(mapped[slot]);
    mapped[slot] = false;
}

void your_interrupt_level(bool high)
{
    sci = high;
}

void your_power_off(void)
{
    powered_off = true;
}

/* Later, and not under the lock: see work(). */
void your_post(void (*work)(struct hotplug *hotplug, uint32_t slot), struct hotplug *hotplug, uint32_t slot)
{
    EXPECT(hotplug == &vm && !posted_work);
    posted_work = work;
    posted = slot;
}

void your_report(uint32_t slot, uint32_t event, uint32_t status)
{
    reported = slot << 16 | event << 8 | status;
}

static void work(void)
{
    void (*run)(struct hotplug * hotplug, uint32_t slot) = posted_work;

    EXPECT(run);
    posted_work = NULL;
    run(&vm, posted);
}

/* ---- What is the guest's ---- */

static bool by_port;

static uint32_t guest_read(uint32_t offset, unsigned width)
{
    uint32_t value = 0;

    EXPECT(by_port ? port_access(&vm, (uint16_t)(PORT_MEMHP + offset), width, false, &value)
                   : mmio_access(&vm, MMIO_MEMHP + offset, width, false, &value));
    return value;
}

static void guest_write(uint32_t offset, unsigned width, uint32_t value)
{
    EXPECT(by_port ? port_access(&vm, (uint16_t)(PORT_MEMHP + offset), width, true, &value)
                   : mmio_access(&vm, MMIO_MEMHP + offset, width, true, &value));
}

static void guest_reports(uint32_t slot, uint32_t event, uint32_t status)
{
    guest_write(OST_EVENT, 4, event);
    guest_write(OST_STATUS, 4, status);
    EXPECT(reported == (slot << 16 | event << 8 | status));
}

static void guest_enables_event(void)
{
    uint32_t bit = 1 << HOTRAM_GPE_MEMORY;

    if (by_port)
        EXPECT(port_access(&vm, PORT_GPE + HOTRAM_GPE_LENGTH / 2, 1, true, &bit));
}

/* Hear of an event and select its slot. */
static void guest_takes_event(uint32_t slot)
{
    uint32_t value = 1 << HOTRAM_GPE_MEMORY;

    if (by_port) {
        EXPECT(sci && port_access(&vm, PORT_GPE, 1, true, &value) && !sci);
    } else {
        EXPECT(sci && mmio_access(&vm, MMIO_GED, 4, false, &value) && value == HOTRAM_GED_MEMORY && !sci);
        EXPECT(mmio_access(&vm, MMIO_GED, 4, false, &value) && value == 0);
    }
    EXPECT(guest_read(HOTRAM_MEMHP_PENDING, 4) == slot);
    guest_write(SELECTOR, 4, slot);
}

/* ---- Tests ---- */

static void start(bool port)
{
    by_port = port;
    EXPECT(hotplug_init(&vm, port ? &gpe_ops : &ged_ops) == HOTRAM_OK);
    guest_enables_event();
}

static uint32_t plug(void)
{
    enum hotram_status why;
    uint32_t slot;

    EXPECT(hotplug_plug(&vm, SIZE, &slot, &why) && why == HOTRAM_OK && mapped[slot]);
    guest_takes_event(slot);
    EXPECT(guest_read(FLAGS, 1) == (HOTRAM_MEMHP_ENABLED | HOTRAM_MEMHP_INSERT));
    guest_write(CONTROL, 1, HOTRAM_MEMHP_INSERT);
    guest_reports(slot, 1, 0);
    return slot;
}

static void ask(uint32_t slot)
{
    EXPECT(hotplug_unplug(&vm, slot) == HOTRAM_OK);
    guest_takes_event(slot);
    EXPECT(guest_read(FLAGS, 1) == (HOTRAM_MEMHP_ENABLED | HOTRAM_MEMHP_REMOVE));
    guest_write(CONTROL, 1, HOTRAM_MEMHP_REMOVE);
}

static void test_life(void)
{
    enum hotram_status why;
    uint32_t slot;
    uint32_t value;

    mapping_fails = 0;
    EXPECT(!hotplug_plug(&vm, SIZE, &slot, &why) && why == HOTRAM_OK);
    EXPECT(guest_read(HOTRAM_MEMHP_PENDING, 4) == HOTRAM_SLOT_ANY);
    mapping_fails = ANY;
    EXPECT(!hotplug_plug(&vm, SIZE + 1, &slot, &why) && why == HOTRAM_E_SIZE);

    slot = plug();
    ask(slot);
    guest_reports(slot, 3, 0x82); /* refused */
    EXPECT(mapped[slot] && !posted_work);
    ask(slot);
    guest_write(CONTROL, 1, HOTRAM_MEMHP_EJECT);
    EXPECT(mapped[slot] && guest_read(FLAGS, 1) == 0);
    work();
    EXPECT(!mapped[slot] && hotram_bank_slot(&vm.bank, slot)->state == HOTRAM_DIMM_EMPTY);
    guest_reports(slot, 3, 0);

    EXPECT(!port_access(&vm, PORT_MEMHP + HOTRAM_MEMHP_EXTENT, 1, false, &value));
    EXPECT(!port_access(&vm, PORT_GPE + HOTRAM_GPE_LENGTH, 1, false, &value));
    EXPECT(!mmio_access(&vm, MMIO_MEMHP + HOTRAM_MEMHP_EXTENT, 1, false, &value));
    EXPECT(!mmio_access(&vm, MMIO_GED + HOTRAM_GED_LENGTH, 4, false, &value));
}

static void test_reset(void)
{
    uint32_t stays = plug();
    uint32_t goes = plug();

    EXPECT(hotplug_unplug(&vm, goes) == HOTRAM_OK);
    hotplug_reset(&vm);
    sci = false;
    work();
    EXPECT(mapped[stays] && !mapped[goes] && vm.block.selector == 0);
    EXPECT(guest_read(HOTRAM_MEMHP_PENDING, 4) == HOTRAM_SLOT_ANY);
    guest_enables_event();
    ask(stays);
    guest_write(CONTROL, 1, HOTRAM_MEMHP_EJECT);
    work();
}

/* ---- Snapshots ---- */

struct snapshot {
    uint8_t bytes[SAVED_MAX];
    size_t length;
};

static void save(struct snapshot *snapshot)
{
    struct hotram_buffer out;

    EXPECT(hotram_buffer_init(&out, snapshot->bytes, sizeof snapshot->bytes) == HOTRAM_OK);
    EXPECT(hotplug_save(&vm, &out) == HOTRAM_OK);
    snapshot->length = out.length;
}

/* Into a VMM that has just begun. */
static enum hotram_status restore(const struct snapshot *snapshot, struct hotram_restore_result *why)
{
    struct hotram_saved saved = { snapshot->bytes, snapshot->length };
    enum hotram_status status;

    memset(mapped, 0, sizeof mapped);
    EXPECT(hotplug_init(&vm, by_port ? &gpe_ops : &ged_ops) == HOTRAM_OK);
    sci = false;
    reported = UINT32_MAX;
    status = hotplug_restore(&vm, &saved, why);
    EXPECT(!sci && reported == UINT32_MAX && !posted_work);
    EXPECT((saved.length == 0) == (status == HOTRAM_OK));
    return status;
}

static bool none_is_mapped(void)
{
    for (uint32_t slot = 0; slot < SLOTS; slot++)
        if (mapped[slot])
            return false;
    return true;
}

/* Slots that are empty, plugged, inserted and not yet seen, asked for and seen, asked for and not yet seen,
 * given back and not yet taken away. */
static void make_busy(void)
{
    enum hotram_status why;
    uint32_t slot;

    EXPECT(plug() == 0 && plug() == 1 && plug() == 2 && plug() == 3);
    ask(3);
    guest_write(CONTROL, 1, HOTRAM_MEMHP_EJECT);
    ask(1);
    guest_reports(1, 3, 0x84);
    EXPECT(hotplug_unplug(&vm, 2) == HOTRAM_OK);
    EXPECT(hotplug_plug(&vm, 2 * SIZE, &slot, &why) && slot == 4);
    guest_write(SELECTOR, 4, 1000);
}

static void test_snapshot(void)
{
    static struct snapshot before, after;
    struct hotram_restore_result why;

    make_busy();
    save(&before);
    posted_work = NULL; /* the other side has another one */

    EXPECT(restore(&before, &why) == HOTRAM_OK);
    EXPECT(mapped[0] && mapped[1] && mapped[2] && !mapped[3] && mapped[4] && !mapped[5]);
    EXPECT(vm.block.selector == 1000 && vm.slots[1].ost_event == 3);
    EXPECT(vm.slots[1].state == HOTRAM_DIMM_REMOVAL_REQUESTED && !vm.slots[1].remove_pending);
    EXPECT(vm.slots[2].remove_pending && vm.slots[4].insert_pending);
    EXPECT(vm.slots[3].state == HOTRAM_DIMM_EMPTY);
    EXPECT(by_port ? hotram_gpe_level(&vm.gpe) : hotram_ged_level(&vm.ged));
    save(&after);
    EXPECT(restore(&after, &why) == HOTRAM_OK);
    save(&before);
    EXPECT(before.length == after.length && memcmp(before.bytes, after.bytes, after.length) == 0);

    mapping_fails = 4;
    EXPECT(restore(&after, &why) == HOTRAM_E_ATTACH && why.slot == 4 && none_is_mapped());
    EXPECT(hotram_bank_next(&vm.bank, HOTRAM_SLOT_ANY) == HOTRAM_SLOT_ANY);
    mapping_fails = ANY;
    after.bytes[after.length - 10] ^= 1;
    EXPECT(restore(&after, &why) == HOTRAM_E_CHECKSUM && why.field == HOTRAM_FIELD_CHECKSUM &&
           none_is_mapped());
}

static void test_aml(enum hotram_status (*add)(struct hotram_aml *aml))
{
    static uint8_t bytes[16384];
    struct hotram_buffer out;
    struct hotram_aml aml;
    size_t length;

    EXPECT(hotram_buffer_init(&out, bytes, sizeof bytes) == HOTRAM_OK);
    EXPECT(hotram_aml_begin(&aml, &out) == HOTRAM_OK && add(&aml) == HOTRAM_OK);
    EXPECT(hotram_aml_finish(&aml, &length) == HOTRAM_OK && length > 0);
}

/* The tables as a guest finds them. */
static void test_tables(void)
{
    static uint8_t memory[65536];
    const struct hotram_bank_config bank = { .base = UINT64_C(8) << 30, .size = UINT64_C(64) << 30 };
    uint64_t xsdt;
    uint32_t length;

    EXPECT(write_tables(memory, sizeof memory, UINT64_C(1) << 30, &bank) == HOTRAM_OK);
    EXPECT(memcmp(memory, "RSD PTR ", 8) == 0);
    memcpy(&xsdt, memory + 24, sizeof xsdt);
    memcpy(&length, memory + (xsdt - 0xe0000) + 4, sizeof length);
    EXPECT(length == 36 + 2 * 8); /* FADT and SRAT */
    EXPECT(write_tables(memory, 100, UINT64_C(1) << 30, &bank) == HOTRAM_E_BUFFER);
}

static uint32_t pm1_access(uint32_t offset, bool write, uint32_t value)
{
    EXPECT(port_access(&vm, (uint16_t)(PORT_PM1 + offset), 2, write, &value));
    return value;
}

/* The PM1 registers and the GPE block share the line: each holds it as long as it asks. */
static void test_pm1(void)
{
    static struct snapshot saved;
    struct hotram_restore_result result;
    uint32_t bit = 1 << HOTRAM_GPE_MEMORY;
    enum hotram_status why;
    uint32_t slot;

    start(true);
    EXPECT(pm1_access(HOTRAM_PM1_CONTROL, false, 0) == 1); /* SCI_EN */
    pm1_access(2, true, HOTRAM_PM1_POWER_BUTTON);
    EXPECT(!sci);
    press_power_button(&vm);
    EXPECT(sci && pm1_access(0, false, 0) == HOTRAM_PM1_POWER_BUTTON);
    EXPECT(hotplug_plug(&vm, SIZE, &slot, &why));
    EXPECT(port_access(&vm, PORT_GPE, 1, true, &bit) && sci);
    save(&saved);
    pm1_access(0, true, HOTRAM_PM1_POWER_BUTTON);
    EXPECT(!sci);

    EXPECT(restore(&saved, &result) == HOTRAM_OK);
    EXPECT(pm1_access(0, false, 0) == HOTRAM_PM1_POWER_BUTTON && sci);
    hotplug_reset(&vm);
    EXPECT(pm1_access(0, false, 0) == 0 && !sci);

    pm1_access(HOTRAM_PM1_CONTROL, true, 0x2000 | (SLEEP_S5 - 1) << 10); /* another sleeping state */
    EXPECT(!powered_off);
    pm1_access(HOTRAM_PM1_CONTROL, true, 0x2000 | SLEEP_S5 << 10);
    EXPECT(powered_off);
    memset(mapped, 0, sizeof mapped);
}

/* ---- CPUs ---- */

static struct cpu_hotplug cpus;
static bool prepared[CPUS];
static void (*posted_cpu_work)(struct cpu_hotplug *cpus, uint32_t slot);

bool your_prepare_vcpu(uint32_t slot)
{
    EXPECT(!prepared[slot]);
    prepared[slot] = true;
    return slot != CPUS - 1; /* the host has no more */
}

void your_stop_vcpu(uint32_t slot)
{
    EXPECT(prepared[slot]);
    prepared[slot] = false;
}

void your_post_cpu(void (*run)(struct cpu_hotplug *of, uint32_t slot), struct cpu_hotplug *of, uint32_t slot)
{
    EXPECT(of == &cpus && !posted_cpu_work);
    posted_cpu_work = run;
    posted = slot;
}

static uint32_t cpu_access(uint32_t offset, unsigned width, bool write, uint32_t value)
{
    EXPECT(cpu_port_access(&cpus, (uint16_t)(PORT_CPUHP + offset), width, write, &value));
    return value;
}

/* The next slot with an event, and its flags, by command 0. */
static uint32_t next_cpu_event(uint32_t *slot)
{
    cpu_access(5, 1, true, HOTRAM_CPUHP_NEXT_EVENT);
    *slot = cpu_access(8, 4, false, 0);
    return cpu_access(4, 1, false, 0);
}

static void eject_cpu(uint32_t slot)
{
    cpu_access(0, 4, true, slot);
    cpu_access(4, 1, true, HOTRAM_CPUHP_EJECT);
}

static void test_cpus(void)
{
    struct hotram_acpi_cpu list[CPUS];
    static uint8_t bytes[8192];
    struct hotram_buffer out;
    struct hotram_aml aml;
    uint32_t slot, value = 0;

    start(true);
    EXPECT(cpu_hotplug_init(&cpus, &vm) == HOTRAM_OK);
    EXPECT(!cpu_port_access(&cpus, PORT_CPUHP + HOTRAM_CPUHP_LENGTH, 1, false, &value));
    EXPECT(cpu_plug(&cpus, 2) == HOTRAM_OK && prepared[2]);
    EXPECT(cpu_plug(&cpus, 2) == HOTRAM_E_STATE && cpu_plug(&cpus, CPUS) == HOTRAM_E_SLOT_RANGE);
    EXPECT(cpu_plug(&cpus, CPUS - 1) == HOTRAM_E_STATE); /* no vCPU */
    EXPECT(hotram_gpe_read(&vm.gpe, 0) == 1 << HOTRAM_GPE_CPU);
    EXPECT(next_cpu_event(&slot) == 3 && slot == 2);
    cpu_access(4, 1, true, HOTRAM_CPUHP_INSERT);
    EXPECT(next_cpu_event(&slot) == 1);

    EXPECT(cpu_unplug(&cpus, 0) == HOTRAM_E_STATE && cpu_unplug(&cpus, 2) == HOTRAM_OK);
    eject_cpu(0); /* is ignored */
    EXPECT(!posted_cpu_work);
    eject_cpu(2);
    EXPECT(posted_cpu_work && posted == 2 && cpu_access(4, 1, false, 0) == 0);
    EXPECT(cpu_plug(&cpus, 2) == HOTRAM_E_STATE); /* not yet */
    posted_cpu_work(&cpus, posted);
    posted_cpu_work = NULL;
    EXPECT(!prepared[2] && cpu_plug(&cpus, 2) == HOTRAM_OK);

    list_cpus(&cpus, list);
    EXPECT(list[0].flags == HOTRAM_CPU_ENABLED && list[2].flags == HOTRAM_CPU_ENABLED);
    EXPECT(list[1].flags == HOTRAM_CPU_ONLINE_CAPABLE && list[3].uid == 3);
    hotram_buffer_init(&out, bytes, sizeof bytes);
    hotram_aml_begin(&aml, &out);
    cpu_aml(&aml, list);
    EXPECT(hotram_aml_finish(&aml, NULL) == HOTRAM_OK);

    cpu_reset(&cpus); /* the insertion is no event any more */
    EXPECT(next_cpu_event(&slot) == 1 && slot == 0 && !posted_cpu_work);
    EXPECT(cpu_unplug(&cpus, 2) == HOTRAM_OK);
    cpu_reset(&cpus);
    EXPECT(posted_cpu_work && posted == 2);
    posted_cpu_work(&cpus, posted);
    EXPECT(!hotram_cpus_present(&cpus.bank, 2));
}

int main(void)
{
    test_cpus();
    test_tables();
    test_pm1();
    for (unsigned port = 0; port < 2; port++) {
        start(port);
        test_life();
        test_reset();
        test_snapshot();
    }
    test_aml(add_port_aml);
    test_aml(add_mmio_aml);
    return 0;
}
