/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The device tree of an arm64 machine without ACPI, read as Linux reads it.
 */
#include "../chips.h"
#include "../unit.h"

#include <libfdt.h>

#include "boot/arm64_fdt.h"
#include "kvm/vm.h"
#include "layout/arm64.h"

static uint8_t tree[ARM64_FDT_SIZE] __attribute__((aligned(8)));
static struct numa_config numa;
static uint64_t mpidr[CPUS_MAX];
static struct arm64_fdt_machine machine;
static const struct arm64_fdt_chosen chosen = { .cmdline = "quiet", .kaslr_seed = 1 };

void vm_irq_line(const struct vm *vm, unsigned gsi, bool high)
{
    (void)vm, (void)gsi, (void)high;
}

bool vm_set_kvm_slot(const struct vm *vm, unsigned kvm_slot, uint64_t guest_address, uint64_t size,
                     void *host, unsigned flags, struct error *error)
{
    (void)flags;
    (void)vm, (void)kvm_slot, (void)guest_address, (void)size, (void)host, (void)error;
    return true;
}

static int set_up(void **state)
{
    (void)state;
    memset(&numa, 0, sizeof numa);
    for (uint64_t i = 0; i < CPUS_MAX; i++)
        mpidr[i] = UINT64_C(1) << 31 | (i & 15) | i >> 4 << 8; /* bit 31 is always set, and no affinity */
    machine = (struct arm64_fdt_machine){
        .ram_size = GIB, .cpus = 1, .mpidr = mpidr, .cores = 1, .threads = 1, .gic_version = 3
    };
    machine.numa = &numa;
    machine.board = arm64_board();
    machine.board->pci->layout = (struct pci_layout){ .ecam = UINT64_C(0x4010000000),
                                                      .buses = ARM64_PCI_BUSES,
                                                      .io = ARM64_PCI_IO,
                                                      .low = { ARM64_PCI_LOW, ARM64_PCI_IO - 1 },
                                                      .high = { 512 * GIB, 1024 * GIB - 1 },
                                                      .gsi = ARM64_GSI_PCI };
    return 0;
}

static void build(void)
{
    struct error error = { 0 };

    if (!arm64_fdt_full(tree, sizeof tree, &chosen, &machine, &error))
        fail_msg("%s", error.text);
    assert_int_equal(fdt_check_full(tree, sizeof tree), 0);
}

/* A property's bytes are these 32-bit cells. */
static void expect_cells(const char *path, const char *name, const uint32_t *cells, unsigned count)
{
    int length;
    const uint8_t *value = fdt_getprop(tree, fdt_path_offset(tree, path), name, &length);

    if (!value || length != (int)count * 4)
        fail_msg("%s %s: %d bytes", path, name, length);
    for (unsigned i = 0; i < count; i++)
        if (fdt32_ld((const fdt32_t *)(value + i * 4)) != cells[i])
            fail_msg("%s %s[%u]: 0x%x", path, name, i, fdt32_ld((const fdt32_t *)(value + i * 4)));
}

#define CELLS(path, name, ...) \
    expect_cells(path, name, (const uint32_t[]){ __VA_ARGS__ }, sizeof((const uint32_t[]){ __VA_ARGS__ }) / 4)

static void expect_text(const char *path, const char *name, const char *text, size_t size)
{
    int length;
    const void *value = fdt_getprop(tree, fdt_path_offset(tree, path), name, &length);

    if (!value || length != (int)size || memcmp(value, text, size) != 0)
        fail_msg("%s %s: %d bytes, '%s'", path, name, length, value ? (const char *)value : "");
}

#define TEXT(path, name, text) expect_text(path, name, text, sizeof text)

static bool has(const char *path, const char *name)
{
    return fdt_getprop(tree, fdt_path_offset(tree, path), name, NULL) != NULL;
}

static unsigned nodes_named(const char *name)
{
    unsigned count = 0;
    int node;

    fdt_for_each_subnode(node, tree, 0)
        count += strncmp(fdt_get_name(tree, node, NULL), name, strlen(name)) == 0;
    return count;
}

static void a_small_machine(void **state)
{
    (void)state;
    build();
    CELLS("/", "#address-cells", 2);
    CELLS("/", "#size-cells", 2);
    TEXT("/memory@40000000", "device_type", "memory");
    CELLS("/memory@40000000", "reg", 0, 0x40000000, 0, 0x40000000);
    assert_false(has("/memory@40000000", "numa-node-id"));
    assert_false(has("/cpus/cpu@0", "numa-node-id"));
    assert_int_equal(nodes_named("distance-map"), 0);
    TEXT("/psci", "compatible", "arm,psci-1.0\0arm,psci-0.2");
    TEXT("/psci", "method", "hvc");
    TEXT("/chosen", "bootargs", "quiet");
    TEXT("/chosen", "stdout-path", "/serial@9000000");
    CELLS("/chosen", "kaslr-seed", 0, 1);
    assert_false(has("/chosen", "linux,initrd-start"));
}

static void the_serial_port(void **state)
{
    int clock;

    (void)state;
    build();
    TEXT("/serial@9000000", "compatible", "arm,pl011\0arm,primecell");
    CELLS("/serial@9000000", "reg", 0, 0x09000000, 0, 0x1000);
    CELLS("/serial@9000000", "interrupts", 0, 1, 4);
    TEXT("/serial@9000000", "clock-names", "uartclk\0apb_pclk");
    clock = fdt_node_offset_by_compatible(tree, -1, "fixed-clock");
    assert_true(clock > 0);
    CELLS("/serial@9000000", "clocks", fdt_get_phandle(tree, clock), fdt_get_phandle(tree, clock));
    CELLS("/clock", "clock-frequency", 24000000);
}

static void the_clock(void **state)
{
    (void)state;
    build();
    TEXT("/rtc@9010000", "compatible", "arm,pl031\0arm,primecell");
    CELLS("/rtc@9010000", "reg", 0, 0x09010000, 0, 0x1000);
    CELLS("/rtc@9010000", "interrupts", 0, 2, 4);
    TEXT("/rtc@9010000", "clock-names", "apb_pclk");
    CELLS("/rtc@9010000", "clocks",
          fdt_get_phandle(tree, fdt_node_offset_by_compatible(tree, -1, "fixed-clock")));
}

static bool memory_chip_fdt(const struct device *device, struct tree_node *node)
{
    (void)device;
    *node = (struct tree_node){ .name = "flash",
                                .compatible = "cfi-flash",
                                .compatible_size = sizeof "cfi-flash",
                                .address = 0x4000000,
                                .size = 64 * MIB,
                                .bank_width = 4 };
    return true;
}

/* It has no interrupt. */
static void flash(void **state)
{
    static const struct device_type type = { .name = "cfi.pflash01", .fdt = memory_chip_fdt };
    static struct device device;

    (void)state;
    device_enlist_chip(&device, (struct board *)machine.board, &type);
    build();
    device_delist(&device);
    TEXT("/flash@4000000", "compatible", "cfi-flash");
    CELLS("/flash@4000000", "reg", 0, 0x4000000, 0, 0x4000000);
    CELLS("/flash@4000000", "bank-width", 4);
    assert_false(has("/flash@4000000", "interrupts"));
    assert_false(has("/serial@9000000", "bank-width"));
}

static void gic_and_timer(void **state)
{
    int gic;

    (void)state;
    machine.cpus = 3;
    build();
    gic = fdt_node_offset_by_compatible(tree, -1, "arm,gic-v3");
    assert_true(gic > 0);
    CELLS("/", "interrupt-parent", fdt_get_phandle(tree, gic));
    CELLS("/interrupt-controller@8000000", "reg", 0, 0x08000000, 0, 0x10000, 0, 0x080a0000, 0, 0x60000);
    CELLS("/timer", "interrupts", 1, 13, 4, 1, 14, 4, 1, 11, 4, 1, 10, 4);

    CELLS("/interrupt-controller@8000000", "#address-cells", 2);
    CELLS("/interrupt-controller@8000000", "#size-cells", 2);
    assert_true(has("/interrupt-controller@8000000", "ranges"));
    assert_int_equal(fdt_node_offset_by_compatible(tree, -1, "arm,gic-v3-its"), -FDT_ERR_NOTFOUND);
    machine.its = true;
    build();
    CELLS("/interrupt-controller@8000000/its@8080000", "reg", 0, 0x08080000, 0, 0x20000);
    CELLS("/interrupt-controller@8000000/its@8080000", "#msi-cells", 1);
    assert_true(has("/interrupt-controller@8000000/its@8080000", "msi-controller"));
    assert_int_not_equal(fdt_get_phandle(tree, fdt_node_offset_by_compatible(tree, -1, "arm,gic-v3-its")),
                         fdt_get_phandle(tree, fdt_node_offset_by_compatible(tree, -1, "arm,gic-v3")));
    machine.its = false;

    machine.gic_version = 2;
    build();
    gic = fdt_node_offset_by_compatible(tree, -1, "arm,cortex-a15-gic");
    assert_true(gic > 0);
    CELLS("/", "interrupt-parent", fdt_get_phandle(tree, gic));
    CELLS("/interrupt-controller@8000000", "reg", 0, 0x08000000, 0, 0x1000, 0, 0x08010000, 0, 0x2000);
    CELLS("/timer", "interrupts", 1, 13, 0x704, 1, 14, 0x704, 1, 11, 0x704, 1, 10, 0x704);
    CELLS("/interrupt-controller@8000000", "#interrupt-cells", 3);
    assert_true(has("/interrupt-controller@8000000", "interrupt-controller"));
}

/* Documentation/devicetree/bindings/pci/host-generic-pci.yaml */
static void the_pci_host_bridge(void **state)
{
    static const char *const path = "/pcie@4010000000";
    const uint32_t *map;
    int length;

    (void)state;
    build();
    TEXT(path, "compatible", "pci-host-ecam-generic");
    TEXT(path, "device_type", "pci");
    CELLS(path, "reg", 0x40, 0x10000000, 0, 0x10000000);
    CELLS(path, "bus-range", 0, 255);
    CELLS(path, "ranges", 0x01000000, 0, 0, 0, 0x3eff0000, 0, 0x10000, 0x02000000, 0, 0x10000000, 0,
          0x10000000, 0, 0x2eff0000, 0x03000000, 0x80, 0, 0x80, 0, 0x80, 0);
    CELLS(path, "interrupt-map-mask", 0x1800, 0, 0, 7);
    map = fdt_getprop(tree, fdt_path_offset(tree, path), "interrupt-map", &length);
    assert_int_equal(length, 16 * 10 * 4);
    for (unsigned i = 0; i < 16; i++) { /* QEMU's virt: SPI 3 + (pin + slot) % 4 */
        const unsigned slot = i / 4, pin = i % 4;
        const uint32_t row[] = { slot << 11, 0, 0, pin + 1, 1, 0, 0, 0, 3 + (slot + pin) % 4, 4 };

        for (unsigned j = 0; j < 10; j++)
            assert_int_equal(fdt32_ld((const fdt32_t *)&map[10 * i + j]), row[j]);
    }
    assert_false(has(path, "msi-map"));
    machine.its = true;
    build();
    CELLS(path, "msi-map", 0,
          fdt_get_phandle(tree, fdt_node_offset_by_compatible(tree, -1, "arm,gic-v3-its")), 0, 0x10000);
}

static void cpus_by_their_affinity(void **state)
{
    int node;
    unsigned count = 0;

    (void)state;
    machine.cpus = 18;
    mpidr[17] = UINT64_C(0x3180020100);
    build();
    fdt_for_each_subnode(node, tree, fdt_path_offset(tree, "/cpus")) count++;
    assert_int_equal(count, 18 + 1); /* and cpu-map */
    CELLS("/cpus/cpu@f", "reg", 0, 15);
    CELLS("/cpus/cpu@100", "reg", 0, 0x100);
    CELLS("/cpus/cpu@3100020100", "reg", 0x31, 0x00020100);
    TEXT("/cpus/cpu@100", "enable-method", "psci");
    TEXT("/cpus/cpu@100", "device_type", "cpu");
}

/* The CPU to which a place in the map refers, by its affinity; -1: the place does not exist. */
static int cpu_at(const char *format, unsigned socket, unsigned core, unsigned thread)
{
    char path[96];
    const fdt32_t *cpu, *reg;
    int node, size;

    snprintf(path, sizeof path, format, socket, core, thread);
    node = fdt_path_offset(tree, path);
    if (node < 0)
        return -1;
    cpu = fdt_getprop(tree, node, "cpu", &size);
    if (!cpu)
        return -1;
    assert_int_equal(size, 4);
    reg = fdt_getprop(tree, fdt_node_offset_by_phandle(tree, fdt32_to_cpu(*cpu)), "reg", NULL);
    assert_non_null(reg);
    return (int)fdt32_to_cpu(reg[1]);
}

/* The names that Linux reads (drivers/base/arch_topology.c, parse_socket() and what it calls), which takes a
 * core with a CPU of its own for one without threads, and stops at the first number that is missing. */
static void sockets_cores_and_threads(void **state)
{
    static const char threads[] = "/cpus/cpu-map/socket%u/cluster0/core%u/thread%u";
    static const char cores[] = "/cpus/cpu-map/socket%u/cluster0/core%u";

    (void)state;
    machine.cpus = 12;
    machine.cores = 3;
    machine.threads = 2;
    build();
    for (unsigned cpu = 0; cpu < 12; cpu++)
        assert_int_equal(cpu_at(threads, cpu / 6, cpu / 2 % 3, cpu % 2), cpu);
    assert_int_equal(cpu_at(threads, 0, 0, 2), -1);
    assert_int_equal(cpu_at(threads, 0, 3, 0), -1);
    assert_int_equal(cpu_at(threads, 2, 0, 0), -1);
    assert_int_equal(cpu_at(cores, 0, 0, 0), -1);
    machine.threads = 1;
    machine.cpus = 5; /* one could come later */
    build();
    for (unsigned cpu = 0; cpu < 5; cpu++)
        assert_int_equal(cpu_at(cores, cpu / 3, cpu % 3, 0), cpu);
    assert_int_equal(cpu_at(cores, 1, 2, 0), -1);
    assert_int_equal(cpu_at(threads, 0, 0, 0), -1);
}

static void memory_of_several_nodes(void **state)
{
    (void)state;
    machine.cpus = 2;
    machine.ram_size = 6 * GIB;
    numa.nodes = 3;
    numa.ram[0] = 5 * GIB; /* node 1 has none */
    numa.ram[2] = GIB;
    numa.cpu_node[1] = 2;
    build();
    assert_int_equal(nodes_named("memory@"), 2);
    CELLS("/memory@40000000", "reg", 0, 0x40000000, 1, 0x40000000);
    CELLS("/memory@40000000", "numa-node-id", 0);
    CELLS("/memory@180000000", "reg", 1, 0x80000000, 0, 0x40000000);
    CELLS("/memory@180000000", "numa-node-id", 2);
    CELLS("/cpus/cpu@0", "numa-node-id", 0);
    CELLS("/cpus/cpu@1", "numa-node-id", 2);
    assert_int_equal(nodes_named("distance-map"), 0);
}

static void distances(void **state)
{
    (void)state;
    machine.ram_size = 2 * GIB;
    numa = (struct numa_config){
        .nodes = 2,
        .ram = { GIB, GIB },
        .distances_given = true,
        .distance = { { 10, 20 }, { 30, 10 } },
    };
    build();
    TEXT("/distance-map", "compatible", "numa-distance-map-v1");
    CELLS("/distance-map", "distance-matrix", 0, 0, 10, 0, 1, 20, 1, 0, 30, 1, 1, 10);
}

static void the_largest_machine_fits(void **state)
{
    (void)state;
    machine.cpus = CPUS_MAX;
    numa.nodes = NUMA_NODES_MAX;
    numa.distances_given = true;
    memset(numa.distance, 10, sizeof numa.distance);
    machine.ram_size = NUMA_NODES_MAX * (UINT64_C(1) << 40);
    for (unsigned i = 0; i < NUMA_NODES_MAX; i++)
        numa.ram[i] = UINT64_C(1) << 40;
    build();
    assert_int_equal(nodes_named("memory@"), NUMA_NODES_MAX);
    assert_true(fdt_totalsize(tree) <= ARM64_FDT_SIZE);
}

static void a_buffer_that_is_too_small(void **state)
{
    static uint8_t guarded[4096 + 64] __attribute__((aligned(8)));
    size_t needed;

    (void)state;
    build();
    needed = fdt_totalsize(tree);
    assert_true(needed < 4096);
    for (size_t size = 0; size < needed; size++) {
        struct error error = { 0 };

        memset(guarded, 0x5a, sizeof guarded);
        assert_false(arm64_fdt_full(guarded, size, &chosen, &machine, &error));
        if (!strstr(error.text, "the guest's device tree does not fit into"))
            fail_msg("'%s'", error.text);
        for (size_t i = size; i < sizeof guarded; i++)
            assert_int_equal(guarded[i], 0x5a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_small_machine, set_up),
        cmocka_unit_test_setup(the_serial_port, set_up),
        cmocka_unit_test_setup(the_clock, set_up),
        cmocka_unit_test_setup(flash, set_up),
        cmocka_unit_test_setup(gic_and_timer, set_up),
        cmocka_unit_test_setup(the_pci_host_bridge, set_up),
        cmocka_unit_test_setup(cpus_by_their_affinity, set_up),
        cmocka_unit_test_setup(sockets_cores_and_threads, set_up),
        cmocka_unit_test_setup(memory_of_several_nodes, set_up),
        cmocka_unit_test_setup(distances, set_up),
        cmocka_unit_test_setup(the_largest_machine_fits, set_up),
        cmocka_unit_test_setup(a_buffer_that_is_too_small, set_up),
    };

    return cmocka_run_group_tests_name("arm64_fdt", tests, NULL, NULL);
}
