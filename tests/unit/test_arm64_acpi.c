/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ACPI tables of machine hotram-1, arm64, as a guest finds them.
 */
#include "chips.h"
#include "unit.h"

#include <hotram/dimm.h>

#include "layout/arm64.h"
#include "machine/arm64_acpi.h"

#define BASE (ARM64_RAM + 128 * MIB)

static const struct numa_config one_node = { .nodes = 1, .ram = { 4 * GIB } };
static const struct numa_config no_nodes;
static const struct hotram_acpi_memory region[] = {
    { .base = 5 * GIB, .size = 6 * GIB, .node = 0, .flags = HOTRAM_SRAT_ENABLED | HOTRAM_SRAT_HOTPLUGGABLE },
};

static uint64_t mpidr[CPUS_MAX];

/* Its board is set at the start. */
static struct arm64_acpi_config machine = {
    .gic_version = 3,
    .sockets = 1,
    .cores = 4,
    .threads = 1,
    .mpidr = mpidr,
    .slots = 3,
    .console = true,
    .numa = &one_node,
    .hotplug = region,
    .hotplug_count = 1,
};

static uint8_t area[ARM64_ACPI_SIZE_MAX];

static uint64_t get(const uint8_t *bytes, size_t offset, unsigned length)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < length; i++)
        value |= (uint64_t)bytes[offset + i] << (8 * i);
    return value;
}

static void build(const struct arm64_acpi_config *config)
{
    struct error error;
    uint64_t rsdp = 0;

    memset(area, 0xdd, sizeof area);
    if (!arm64_acpi_build(config, area, sizeof area, BASE, &rsdp, &error))
        fail_msg("%s", error.text);
    assert_int_equal(rsdp, BASE);
}

static const uint8_t *at(uint64_t address)
{
    assert_between(address, BASE, BASE + sizeof area - 1);
    return area + (address - BASE);
}

/* A table of the XSDT, or NULL. */
static const uint8_t *find(const char *signature)
{
    const uint8_t *xsdt = at(get(area, 24, 8));

    for (size_t i = 36; i < get(xsdt, 4, 4); i += 8)
        if (memcmp(at(get(xsdt, i, 8)), signature, 4) == 0)
            return at(get(xsdt, i, 8));
    return NULL;
}

static const uint8_t *dsdt(void)
{
    return at(get(find("FACP"), 140, 8));
}

static bool contains_bytes(const uint8_t *table, const void *bytes, size_t length)
{
    for (size_t i = 36; i + length <= get(table, 4, 4); i++)
        if (memcmp(table + i, bytes, length) == 0)
            return true;
    return false;
}

static bool contains(const uint8_t *table, const char *text)
{
    return contains_bytes(table, text, strlen(text));
}

static void expect_checksum(const uint8_t *table, size_t length)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < length; i++)
        sum = (uint8_t)(sum + table[i]);
    assert_int_equal(sum, 0);
}

/* The tables of the XSDT are these and no others, in this order. */
static void expect_tables(const char *signatures)
{
    const uint8_t *xsdt = at(get(area, 24, 8));

    assert_memory_equal(area, "RSD PTR ", 8);
    expect_checksum(area, 20);
    expect_checksum(area, 36);
    expect_checksum(xsdt, get(xsdt, 4, 4));
    assert_int_equal(get(xsdt, 4, 4), 36 + 8 * (strlen(signatures) / 4));
    for (size_t i = 0; i < strlen(signatures) / 4; i++) {
        const uint8_t *table = at(get(xsdt, 36 + 8 * i, 8));

        assert_int_equal(get(xsdt, 36 + 8 * i, 8) % ACPI_TABLE_ALIGN, 0);
        assert_memory_equal(table, signatures + 4 * i, 4);
        assert_memory_equal(table + 10, "HOTRAMHOTRAM-1", 14);
        expect_checksum(table, get(table, 4, 4));
    }
    expect_checksum(dsdt(), get(dsdt(), 4, 4));
}

/* ---- What is there ---- */

static void the_machine_has_the_tables_that_its_options_ask_for(void **state)
{
    struct arm64_acpi_config config = machine;
    struct numa_config numa = one_node;

    (void)state;
    build(&config);
    expect_tables("FACPAPICGTDTPPTTSPCRDBG2SRATMCFG");
    config.numa = &numa;
    numa.distances_given = true;
    build(&config);
    expect_tables("FACPAPICGTDTPPTTSPCRDBG2SRATSLITMCFG");
    config.console = false;
    config.slots = 0;
    config.numa = &no_nodes;
    build(&config);
    expect_tables("FACPAPICGTDTPPTTDBG2MCFG");
}

static void the_fadt_is_hardware_reduced_and_speaks_psci(void **state)
{
    const uint8_t *fadt;

    (void)state;
    build(&machine);
    fadt = find("FACP");
    assert_int_equal(get(fadt, 112, 4), 0x00100030);
    assert_int_equal(get(fadt, 129, 2), 3);
    assert_memory_equal(dsdt(), "DSDT", 4);
    assert_int_equal(get(fadt, 40, 4), get(fadt, 140, 8));
    for (unsigned i = 46; i < 96; i++) /* neither SCI nor fixed hardware */
        assert_int_equal(fadt[i], 0);
    for (unsigned i = 116; i < 129; i++)
        assert_int_equal(fadt[i], 0);
    assert_int_equal(get(fadt, 36, 4) | get(fadt, 132, 8), 0); /* nor FACS */
}

static void tables_above_4_gib_are_found(void **state)
{
    const uint64_t base = 8 * GIB;
    struct error error;
    uint64_t rsdp;

    (void)state;
    assert_true(arm64_acpi_build(&machine, area, sizeof area, base, &rsdp, &error));
    assert_int_equal(rsdp, base);
    for (const uint8_t *table = area; table < area + sizeof area; table++) /* the FADT */
        if (memcmp(table, "FACP", 4) == 0) {
            assert_int_equal(get(table, 40, 4), 0);
            assert_memory_equal(area + (get(table, 140, 8) - base), "DSDT", 4);
            return;
        }
    fail();
}

static void devices_are_where_the_layout_has_them(void **state)
{
    /* OperationRegion (name, SystemMemory, address, length); Interrupt (level, active high) {41} */
    static const uint8_t block[] = { 0x5b, 0x80, 'H', 'P', 'M', 'R', 0, 0x0c, 0, 0, 0x07, 0x09, 0x0a, 28 };
    static const uint8_t selector[] = { 0x5b, 0x80, 'E', 'R', 'E', 'G', 0, 0x0c, 0, 0, 0x08, 0x09, 0x0a, 4 };
    static const uint8_t interrupt[] = { 0x89, 6, 0, 1, 1, 41, 0, 0, 0 };

    (void)state;
    build(&machine);
    assert_true(contains_bytes(dsdt(), block, sizeof block));
    assert_true(contains_bytes(dsdt(), selector, sizeof selector));
    assert_true(contains_bytes(dsdt(), interrupt, sizeof interrupt));
    assert_true(contains(dsdt(), "COM0"));
    assert_true(contains(dsdt(), "PWRB"));
    assert_true(contains(dsdt(), "MP02"));
    assert_false(contains(dsdt(), "MP03"));
    assert_true(contains(dsdt(), "C003"));
    assert_false(contains(dsdt(), "C004"));
    assert_int_equal(get(find("SPCR"), 44, 8), ARM64_PL011);
    assert_int_equal(get(find("SPCR"), 54, 4), ARM64_GSI_PL011);
    assert_int_equal(get(find("DBG2"), 70, 8), ARM64_PL011);
}

static void without_slots_the_event_device_has_the_button_only(void **state)
{
    struct arm64_acpi_config config = machine;

    (void)state;
    config.slots = 0;
    build(&config);
    assert_false(contains(dsdt(), "MHPD"));
    assert_false(contains(dsdt(), "MSCN"));
    assert_true(contains(dsdt(), "_EVT"));
    assert_true(contains(dsdt(), "PWRB"));
}

static void timers_have_the_layout_s_interrupts(void **state)
{
    static const uint8_t expected[] = {
        29, 0, 0, 0, 2, 0, 0, 0, 30, 0, 0, 0, 6, 0, 0, 0, 27, 0, 0, 0, 6, 0, 0, 0, 26, 0, 0, 0, 2, 0, 0, 0,
    };

    (void)state;
    build(&machine);
    assert_memory_equal(find("GTDT") + 48, expected, sizeof expected);
}

/* ---- CPUs ---- */

static void the_madt_has_each_cpu_behind_its_gic(void **state)
{
    struct arm64_acpi_config config = machine;
    const uint8_t *madt;

    (void)state;
    config.cores = 18;
    build(&config);
    madt = find("APIC");
    assert_int_equal(get(madt, 4, 4), 44 + 24 + 18 * 80 + 16);
    assert_int_equal(get(madt, 44 + 8, 8), ARM64_GICD);
    assert_int_equal(madt[44 + 20], 3);
    for (unsigned cpu = 0; cpu < 18; cpu++) {
        const uint8_t *gicc = madt + 68 + (size_t)80 * cpu;

        assert_int_equal(get(gicc, 0, 2), 0x500b);
        assert_int_equal(get(gicc, 8, 4), cpu);
        assert_int_equal(get(gicc, 12, 4), 1);
        assert_int_equal(get(gicc, 32, 8), 0);
        assert_int_equal(get(gicc, 60, 8), 0);
        assert_int_equal(get(gicc, 68, 8), cpu < 16 ? cpu : 0x100 + cpu - 16);
    }
    assert_int_equal(get(madt, 68 + 18 * 80, 2), 0x100e);
    assert_int_equal(get(madt, 68 + 18 * 80 + 4, 8), ARM64_GICR);
    assert_int_equal(get(madt, 68 + 18 * 80 + 12, 4), 18 * 0x20000);

    config.its = true;
    build(&config);
    madt = find("APIC");
    assert_int_equal(get(madt, 4, 4), 44 + 24 + 18 * 80 + 16 + 20);
    assert_int_equal(get(madt, 68 + 18 * 80 + 16, 2), 0x140f);
    assert_int_equal(get(madt, 68 + 18 * 80 + 16 + 8, 8), ARM64_ITS);

    config.its = false;
    config.gic_version = 2;
    config.cores = 8;
    build(&config);
    madt = find("APIC");
    assert_int_equal(get(madt, 4, 4), 44 + 24 + 8 * 80);
    assert_int_equal(madt[44 + 20], 2);
    for (unsigned cpu = 0; cpu < 8; cpu++)
        assert_int_equal(get(madt, 68 + (size_t)80 * cpu + 32, 8), ARM64_GICC);
}

struct node {
    uint32_t flags, parent, uid;
};

static void expect_topology(const struct node *nodes, unsigned count)
{
    const uint8_t *pptt = find("PPTT");

    assert_int_equal(get(pptt, 4, 4), 36 + 20 * count);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(get(pptt, 36 + 20 * i, 4), 0x1400);
        assert_int_equal(get(pptt, 40 + 20 * i, 4), nodes[i].flags);
        assert_int_equal(get(pptt, 44 + 20 * i, 4), nodes[i].parent);
        assert_int_equal(get(pptt, 48 + 20 * i, 4), nodes[i].uid);
    }
}

static void sockets_cores_and_threads_are_a_tree(void **state)
{
    static const struct node cores[] = {
        { 0x13, 0, 0 }, { 0x0a, 36, 0 }, { 0x0a, 36, 1 }, { 0x13, 0, 1 }, { 0x0a, 96, 2 }, { 0x0a, 96, 3 },
    };
    static const struct node threads[] = {
        { 0x13, 0, 0 },  { 0x10, 36, 0 },  { 0x0e, 56, 0 },  { 0x0e, 56, 1 },
        { 0x10, 36, 0 }, { 0x0e, 116, 2 }, { 0x0e, 116, 3 },
    };
    struct arm64_acpi_config config = machine;

    (void)state;
    config.sockets = 2;
    config.cores = 2;
    build(&config);
    expect_topology(cores, COUNT_OF(cores));
    assert_true(contains(dsdt(), "CP01"));
    assert_false(contains(dsdt(), "CP02"));
    assert_true(contains(dsdt(), "C001"));
    assert_false(contains(dsdt(), "C002")); /* two in each socket */
    config.sockets = 1;
    config.threads = 2;
    build(&config);
    expect_topology(threads, COUNT_OF(threads));
}

/* ---- Nodes ---- */

static void each_node_has_its_part_of_ram_and_its_cpus(void **state)
{
    static const struct numa_config numa = {
        .nodes = 4,
        .ram = { 1 * GIB, 0, 256 * MIB, 5 * GIB },
        .cpu_node = { 0, 1, 3, 2 },
        .distances_given = true,
        .distance = { { 10, 21, 22, 23 }, { 24, 10, 25, 26 }, { 27, 28, 10, 29 }, { 30, 31, 32, 10 } },
    };
    static const uint8_t by_node[] = { 0, 1, 3, 2 };
    static const struct hotram_acpi_memory expected[] = {
        { ARM64_RAM, 1 * GIB, 0, 1 },
        { ARM64_RAM + 1 * GIB, 256 * MIB, 2, 1 },
        { ARM64_RAM + 1 * GIB + 256 * MIB, 5 * GIB, 3, 1 },
        { 5 * GIB, 6 * GIB, 0, 3 },
    };
    struct arm64_acpi_config config = machine;
    const uint8_t *srat;

    (void)state;
    config.numa = &numa;
    build(&config);
    srat = find("SRAT");
    assert_int_equal(get(srat, 4, 4), 48 + 18 * 4 + 40 * COUNT_OF(expected));
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(get(srat, 48 + 18 * i, 2), 0x1203);
        assert_int_equal(get(srat, 50 + 18 * i, 4), i); /* the nodes rise */
        assert_int_equal(get(srat, 54 + 18 * i, 4), by_node[i]);
        assert_int_equal(get(srat, 58 + 18 * i, 4), 1);
    }
    for (unsigned i = 0; i < COUNT_OF(expected); i++) {
        const uint8_t *entry = srat + 48 + 72 + (size_t)40 * i;

        assert_int_equal(get(entry, 0, 2), 0x2801);
        assert_int_equal(get(entry, 2, 4), expected[i].node);
        assert_int_equal(get(entry, 8, 8), expected[i].base);
        assert_int_equal(get(entry, 16, 8), expected[i].size);
        assert_int_equal(get(entry, 28, 4), expected[i].flags);
    }
    assert_int_equal(get(find("SLIT"), 36, 8), 4);
    assert_memory_equal(find("SLIT") + 44, "\x0a\x15\x16\x17\x18\x0a\x19\x1a\x1b\x1c\x0a\x1d\x1e\x1f\x20\x0a",
                        16);
}

/* ---- Limits and bad input ---- */

/* All limits at once: the tables still fit. */
static void the_largest_machine_fits(void **state)
{
    static struct hotram_acpi_memory ranges[ACPI_HOTPLUG_MAX];
    static struct numa_config numa = { .nodes = NUMA_NODES_MAX, .distances_given = true };
    struct arm64_acpi_config config = machine;

    (void)state;
    for (unsigned i = 0; i < COUNT_OF(ranges); i++)
        ranges[i] = (struct hotram_acpi_memory){ (5 + i) * GIB, 1 * GIB, i % NUMA_NODES_MAX, 3 };
    for (unsigned node = 0; node < NUMA_NODES_MAX; node++)
        numa.ram[node] = 32 * MIB;
    memset(numa.distance, 255, sizeof numa.distance);
    config.sockets = ARM64_GICV3_CPUS_MAX / 3; /* 41 sockets, 3 threads: the most nodes in the topology */
    config.cores = 1;
    config.threads = 3;
    config.slots = HOTRAM_SLOTS_MAX;
    config.numa = &numa;
    config.hotplug = ranges;
    config.hotplug_count = COUNT_OF(ranges);
    build(&config);
    expect_tables("FACPAPICGTDTPPTTSPCRDBG2SRATSLITMCFG");
    assert_int_equal(get(find("SRAT"), 4, 4),
                     48 + 18 * ARM64_GICV3_CPUS_MAX + 40 * (NUMA_NODES_MAX + ACPI_HOTPLUG_MAX));
    assert_int_equal(get(find("SLIT"), 4, 4), 44 + NUMA_NODES_MAX * NUMA_NODES_MAX);
    config.sockets = ARM64_GICV3_CPUS_MAX; /* a container for each CPU */
    config.threads = 1;
    build(&config);
    assert_true(contains(dsdt(), "CP7A"));
    assert_int_equal(get(find("PPTT"), 4, 4), 36 + 20 * 2 * ARM64_GICV3_CPUS_MAX);
}

static void refuse(const struct arm64_acpi_config *config, uint64_t address, const char *text)
{
    struct error error;
    uint64_t rsdp = 77;

    memset(area, 0xdd, sizeof area);
    assert_false(arm64_acpi_build(config, area, sizeof area, address, &rsdp, &error));
    if (!strstr(error.text, text))
        fail_msg("\"%s\" does not say \"%s\"", error.text, text);
    assert_int_equal(rsdp, 77);
    for (size_t i = 0; i < sizeof area; i++)
        assert_int_equal(area[i], 0xdd);
}

#define REFUSE(member, value, text) \
    do { \
        struct arm64_acpi_config wrong = machine; \
\
        wrong.member = (value); \
        refuse(&wrong, BASE, text); \
    } while (0)

static void the_machine_refuses_what_makes_no_sense(void **state)
{
    struct arm64_acpi_config eight = machine;

    (void)state;
    REFUSE(gic_version, 1, "version must be 2 or 3, not 1");
    REFUSE(gic_version, 4, "version must be 2 or 3, not 4");
    REFUSE(sockets, 0, "sockets (0) * cores (4)");
    REFUSE(cores, 0, "cores (0)");
    REFUSE(threads, 0, "threads (0)");
    REFUSE(cores, 124, "1 to 123 CPUs");
    REFUSE(threads, 31, "1 to 123 CPUs");
    REFUSE(threads, UINT32_MAX, "threads (4294967295)");
    REFUSE(sockets, 0x40000001, "sockets (1073741825)"); /* times 4 is 4 in 32 bits */
    REFUSE(slots, HOTRAM_SLOTS_MAX + 1, "257");
    REFUSE(hotplug_count, 0, "region");
    REFUSE(hotplug_count, ACPI_HOTPLUG_MAX + 1, "514");
    REFUSE(numa, &no_nodes, "in no node");
    refuse(&machine, BASE + 8, "0x48000008");
    eight.gic_version = 2;
    eight.cores = 9;
    refuse(&eight, BASE, "1 to 8 CPUs, the limit of a GICv2");
}

static void the_machine_says_how_much_room_it_needs(void **state)
{
    char expected[128];
    struct error error;
    uint64_t rsdp = 77;
    size_t needed = sizeof area;
    uint8_t *exact;

    (void)state;
    build(&machine);
    while (area[needed - 1] == 0xdd)
        needed--;
    for (size_t capacity = 0; capacity < needed; capacity += capacity < needed - 80 ? 37 : 1) {
        uint8_t *data = malloc(capacity + 64);

        memset(data, 0xdd, capacity + 64);
        assert_false(arm64_acpi_build(&machine, data, capacity, BASE, &rsdp, &error));
        snprintf(expected, sizeof expected, "ACPI tables: %zu bytes are needed, but only %zu are available",
                 needed, capacity);
        assert_string_equal(error.text, expected);
        assert_int_equal(rsdp, 77);
        for (size_t i = capacity; i < capacity + 64; i++)
            assert_int_equal(data[i], 0xdd);
        free(data);
    }
    exact = malloc(needed);
    assert_true(arm64_acpi_build(&machine, exact, needed, BASE, &rsdp, &error));
    assert_memory_equal(exact, area, needed);
    free(exact);
    assert_false(arm64_acpi_build(&machine, NULL, needed, BASE, &rsdp, &error));
}

/* As KVM gives it: 16 to a cluster, and bit 31, which is always 1 and no affinity. */
static int make_mpidr(void **state)
{
    (void)state;
    for (uint32_t cpu = 0; cpu < CPUS_MAX; cpu++)
        mpidr[cpu] = UINT64_C(0x80000000) | cpu / 16 << 8 | cpu % 16;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_machine_has_the_tables_that_its_options_ask_for),
        cmocka_unit_test(the_fadt_is_hardware_reduced_and_speaks_psci),
        cmocka_unit_test(tables_above_4_gib_are_found),
        cmocka_unit_test(devices_are_where_the_layout_has_them),
        cmocka_unit_test(without_slots_the_event_device_has_the_button_only),
        cmocka_unit_test(timers_have_the_layout_s_interrupts),
        cmocka_unit_test(the_madt_has_each_cpu_behind_its_gic),
        cmocka_unit_test(sockets_cores_and_threads_are_a_tree),
        cmocka_unit_test(each_node_has_its_part_of_ram_and_its_cpus),
        cmocka_unit_test(the_largest_machine_fits),
        cmocka_unit_test(the_machine_refuses_what_makes_no_sense),
        cmocka_unit_test(the_machine_says_how_much_room_it_needs),
    };

    machine.board = arm64_board();
    return cmocka_run_group_tests_name("arm64-acpi", tests, make_mpidr, NULL);
}
