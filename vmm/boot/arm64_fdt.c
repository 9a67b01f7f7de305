/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devicetree Specification 0.4, and the bindings in Linux's Documentation/devicetree/bindings; linux,uefi-*:
 * Documentation/arch/arm/uefi.rst and drivers/firmware/efi/fdtparams.c.
 */
#include "boot/arm64_fdt.h"

#include <assert.h>
#include <libfdt.h>
#include <stdio.h>
#include <string.h>

#include "boot/arm64_fdt_parts.h"
#include "device/device.h"
#include "layout/arm64.h"

#define UART_CLOCK 24000000 /* Hz */
#define CLOCKS_MAX 2        /* that a device names */
#define MPIDR_AFFINITY UINT64_C(0xff00ffffff)
#define SECURE_BOOT_DISABLED 2 /* Linux 6.1 as Debian has it does not start without */

static void write_chosen(struct fdt_tree *tree, const struct arm64_fdt_chosen *chosen)
{
    tree_string(tree, "bootargs", chosen->cmdline);
    if (chosen->initrd_start < chosen->initrd_end) {
        tree_u64(tree, "linux,initrd-start", chosen->initrd_start);
        tree_u64(tree, "linux,initrd-end", chosen->initrd_end);
    }
    tree_u64(tree, "kaslr-seed", chosen->kaslr_seed);
    tree_bytes(tree, "rng-seed", chosen->rng_seed, sizeof chosen->rng_seed);
}

bool arm64_fdt_stub(void *buffer, size_t size, const struct arm64_fdt_chosen *chosen,
                    const struct efi_tables *efi, struct error *error)
{
    struct fdt_tree tree;

    /* No other node: with one more, Linux takes the tree for the description of the machine. */
    tree_start(&tree, buffer, size);
    tree_begin(&tree, "chosen");
    write_chosen(&tree, chosen);
    tree_u64(&tree, "linux,uefi-system-table", efi->system_table);
    tree_u64(&tree, "linux,uefi-mmap-start", efi->memory_map);
    tree_cell(&tree, "linux,uefi-mmap-size", efi->memory_map_size);
    tree_cell(&tree, "linux,uefi-mmap-desc-size", efi->descriptor_size);
    tree_cell(&tree, "linux,uefi-mmap-desc-ver", efi->descriptor_version);
    tree_cell(&tree, "linux,uefi-secure-boot", SECURE_BOOT_DISABLED);
    tree_end(&tree);
    return tree_finish(&tree, size, error);
}

/* ---- the whole machine ---- */

static void write_memory_node(struct fdt_tree *tree, uint64_t address, uint64_t size, const uint32_t *node)
{
    tree_begin_at(tree, "memory", address);
    tree_string(tree, "device_type", "memory");
    tree_ranges(tree, "reg", (const uint64_t[]){ address, size }, 2);
    if (node)
        tree_cell(tree, "numa-node-id", *node);
    tree_end(tree);
}

static void write_memory(struct fdt_tree *tree, const struct arm64_fdt_machine *machine)
{
    const struct numa_config *numa = machine->numa;
    uint64_t address = ARM64_RAM;

    if (numa->nodes == 0)
        write_memory_node(tree, address, machine->ram_size, NULL);
    for (uint32_t node = 0; node < numa->nodes; address += numa->ram[node++])
        if (numa->ram[node] > 0)
            write_memory_node(tree, address, numa->ram[node], &node);
}

/* Documentation/devicetree/bindings/numa.txt */
static void write_distances(struct fdt_tree *tree, const struct numa_config *numa)
{
    void *at;
    int error;

    if (numa->nodes == 0 || !numa->distances_given)
        return;
    tree_begin(tree, "distance-map");
    tree_string(tree, "compatible", "numa-distance-map-v1");
    error = fdt_property_placeholder(tree->fdt, "distance-matrix", (int)(numa->nodes * numa->nodes * 12),
                                     &at);
    tree_error(tree, error);
    for (uint32_t from = 0; error == 0 && from < numa->nodes; from++)
        for (uint32_t to = 0; to < numa->nodes; to++, at = (uint8_t *)at + 12) {
            fdt32_st(at, from);
            fdt32_st((uint8_t *)at + 4, to);
            fdt32_st((uint8_t *)at + 8, numa->distance[from][to]);
        }
    tree_end(tree);
}

static void begin_numbered(struct fdt_tree *tree, const char *name, uint32_t number)
{
    char text[24];

    snprintf(text, sizeof text, "%s%u", name, (unsigned)number);
    tree_begin(tree, text);
}

/* A core that has one thread is a CPU itself. */
static void write_core(struct fdt_tree *tree, const struct arm64_fdt_machine *machine, uint32_t cpu)
{
    begin_numbered(tree, "core", cpu / machine->threads % machine->cores);
    if (machine->threads == 1)
        tree_cell(tree, "cpu", PHANDLE_CPU + cpu);
    for (uint32_t i = 0; machine->threads > 1 && i < machine->threads && cpu + i < machine->cpus; i++) {
        begin_numbered(tree, "thread", i);
        tree_cell(tree, "cpu", PHANDLE_CPU + cpu + i);
        tree_end(tree);
    }
    tree_end(tree);
}

/* Documentation/devicetree/bindings/cpu/cpu-topology.txt: cores are in clusters, of which each socket has
 * one. */
static void write_cpu_map(struct fdt_tree *tree, const struct arm64_fdt_machine *machine)
{
    const uint32_t package = machine->cores * machine->threads;

    tree_begin(tree, "cpu-map");
    for (uint32_t first = 0; first < machine->cpus; first += package) {
        begin_numbered(tree, "socket", first / package);
        tree_begin(tree, "cluster0");
        for (uint32_t cpu = first; cpu < first + package && cpu < machine->cpus; cpu += machine->threads)
            write_core(tree, machine, cpu);
        tree_end(tree);
        tree_end(tree);
    }
    tree_end(tree);
}

static void write_cpus(struct fdt_tree *tree, const struct arm64_fdt_machine *machine)
{
    tree_begin(tree, "cpus");
    tree_cell(tree, "#address-cells", 2);
    tree_cell(tree, "#size-cells", 0);
    for (uint32_t i = 0; i < machine->cpus; i++) {
        uint64_t affinity = machine->mpidr[i] & MPIDR_AFFINITY;

        tree_begin_at(tree, "cpu", affinity);
        tree_string(tree, "device_type", "cpu");
        tree_string(tree, "compatible", "arm,armv8");
        tree_u64(tree, "reg", affinity);
        tree_string(tree, "enable-method", "psci");
        if (machine->numa->nodes > 0)
            tree_cell(tree, "numa-node-id", machine->numa->cpu_node[i]);
        tree_cell(tree, "phandle", PHANDLE_CPU + i);
        tree_end(tree);
    }
    write_cpu_map(tree, machine);
    tree_end(tree);
}

static void write_psci(struct fdt_tree *tree)
{
    static const char compatible[] = "arm,psci-1.0\0arm,psci-0.2";

    tree_begin(tree, "psci");
    tree_bytes(tree, "compatible", compatible, sizeof compatible);
    tree_string(tree, "method", "hvc");
    tree_end(tree);
}

static void write_timer(struct fdt_tree *tree, const struct arm64_fdt_machine *machine)
{
    /* A GICv2 wants to be told of the CPUs that have the private interrupt, one bit each. */
    uint32_t how = LEVEL_HIGH | (machine->gic_version == 2 ? ((1u << machine->cpus) - 1) << 8 : 0);
    const uint32_t interrupts[] = {
        PPI, ARM64_GSI_TIMER_SECURE - PPI_FIRST,  how, PPI, ARM64_GSI_TIMER - PPI_FIRST,     how,
        PPI, ARM64_GSI_TIMER_VIRTUAL - PPI_FIRST, how, PPI, ARM64_GSI_TIMER_HYP - PPI_FIRST, how,
    };

    tree_begin(tree, "timer");
    tree_string(tree, "compatible", "arm,armv8-timer");
    tree_cells(tree, "interrupts", interrupts, sizeof interrupts / sizeof interrupts[0]);
    tree_flag(tree, "always-on");
    tree_end(tree);
}

/* A PCI host's msi-map leads here. */
static void write_its(struct fdt_tree *tree)
{
    tree_begin_at(tree, "its", ARM64_ITS);
    tree_string(tree, "compatible", "arm,gic-v3-its");
    tree_flag(tree, "msi-controller");
    tree_cell(tree, "#msi-cells", 1);
    tree_ranges(tree, "reg", (const uint64_t[]){ ARM64_ITS, ARM64_ITS_SIZE }, 2);
    tree_cell(tree, "phandle", PHANDLE_ITS);
    tree_end(tree);
}

/* Its addresses are the root's, and so an interrupt-map that leads to it has two cells of address in each
 * row.
 */
static void write_gic(struct fdt_tree *tree, const struct arm64_fdt_machine *machine)
{
    const uint64_t v2[] = { ARM64_GICD, 4 * KIB, ARM64_GICC, 8 * KIB };
    const uint64_t v3[] = { ARM64_GICD, 64 * KIB, ARM64_GICR, machine->cpus * ARM64_GICR_STRIDE };

    tree_begin_at(tree, "interrupt-controller", ARM64_GICD);
    tree_string(tree, "compatible", machine->gic_version == 2 ? "arm,cortex-a15-gic" : "arm,gic-v3");
    tree_ranges(tree, "reg", machine->gic_version == 2 ? v2 : v3, 4);
    tree_flag(tree, "interrupt-controller");
    tree_cell(tree, "#interrupt-cells", 3);
    tree_cell(tree, "#address-cells", 2);
    tree_cell(tree, "#size-cells", 2);
    tree_flag(tree, "ranges");
    tree_cell(tree, "phandle", PHANDLE_GIC);
    if (machine->its)
        write_its(tree);
    tree_end(tree);
}

static void write_clock(struct fdt_tree *tree)
{
    tree_begin(tree, "clock");
    tree_string(tree, "compatible", "fixed-clock");
    tree_cell(tree, "#clock-cells", 0);
    tree_cell(tree, "clock-frequency", UART_CLOCK);
    tree_cell(tree, "phandle", PHANDLE_CLOCK);
    tree_end(tree);
}

/* Where the guest's console is, for /chosen. */
static void write_console(void *opaque, const struct tree_node *node)
{
    char path[64];

    if (!node->console)
        return;
    snprintf(path, sizeof path, "/%s@%llx", node->name, (unsigned long long)node->address);
    tree_string(opaque, "stdout-path", path);
}

struct device_writer {
    struct fdt_tree *tree;
    bool its; /* where messages of PCI functions go */
};

static void write_device(void *opaque, const struct tree_node *node)
{
    const struct device_writer *writer = opaque;
    struct fdt_tree *tree = writer->tree;
    uint32_t clocks[CLOCKS_MAX];

    if (node->pci) {
        arm64_fdt_pci(tree, node->pci, writer->its);
        return;
    }
    tree_begin_at(tree, node->name, node->address);
    tree_bytes(tree, "compatible", node->compatible, node->compatible_size);
    tree_ranges(tree, "reg", (const uint64_t[]){ node->address, node->size }, 2);
    if (node->gsi)
        tree_cells(tree, "interrupts", (const uint32_t[]){ SPI, node->gsi - SPI_FIRST, LEVEL_HIGH }, 3);
    if (node->bank_width > 0)
        tree_cell(tree, "bank-width", node->bank_width);
    if (node->clocks > 0) {
        assert(node->clocks <= CLOCKS_MAX);
        for (unsigned i = 0; i < node->clocks; i++)
            clocks[i] = PHANDLE_CLOCK;
        tree_cells(tree, "clocks", clocks, node->clocks);
        tree_bytes(tree, "clock-names", node->clock_names, node->clock_names_size);
    }
    tree_end(tree);
}

bool arm64_fdt_full(void *buffer, size_t size, const struct arm64_fdt_chosen *chosen,
                    const struct arm64_fdt_machine *machine, struct error *error)
{
    struct fdt_tree tree;

    tree_start(&tree, buffer, size);
    tree_string(&tree, "compatible", "linux,dummy-virt");
    tree_string(&tree, "model", "hotram-1");
    tree_cell(&tree, "interrupt-parent", PHANDLE_GIC);
    tree_flag(&tree, "dma-coherent");
    tree_begin(&tree, "chosen");
    write_chosen(&tree, chosen);
    devices_fdt(machine->board, write_console, &tree);
    tree_end(&tree);
    write_memory(&tree, machine);
    write_distances(&tree, machine->numa);
    write_cpus(&tree, machine);
    write_psci(&tree);
    write_timer(&tree, machine);
    write_gic(&tree, machine);
    write_clock(&tree);
    devices_fdt(machine->board, write_device, &(struct device_writer){ &tree, machine->its });
    return tree_finish(&tree, size, error);
}
