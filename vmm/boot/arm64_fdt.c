/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devicetree Specification 0.4, and the bindings in Linux's Documentation/devicetree/bindings; linux,uefi-*:
 * Documentation/arch/arm/uefi.rst and drivers/firmware/efi/fdtparams.c.
 */
#include "boot/arm64_fdt.h"

#include <libfdt.h>
#include <stdio.h>
#include <string.h>

#include "layout/arm64.h"

#define PHANDLE_GIC 1
#define PHANDLE_CLOCK 2
#define UART_CLOCK 24000000 /* Hz */
#define MPIDR_AFFINITY UINT64_C(0xff00ffffff)
#define SECURE_BOOT_DISABLED 2 /* Linux 6.1 as Debian has it does not start without */

/* Interrupt specifiers of the GIC's bindings. */
#define SPI 0
#define PPI 1
#define SPI_FIRST 32
#define PPI_FIRST 16
#define LEVEL_HIGH 4u

/* A tree that is being written; the first error stays. */
struct tree {
    void *fdt;
    int error;
};

static void note(struct tree *tree, int error)
{
    if (tree->error == 0)
        tree->error = error;
}

static void begin(struct tree *tree, const char *name)
{
    note(tree, fdt_begin_node(tree->fdt, name));
}

/* A node whose name has an address. */
static void begin_at(struct tree *tree, const char *name, uint64_t address)
{
    char text[64];

    snprintf(text, sizeof text, "%s@%llx", name, (unsigned long long)address);
    begin(tree, text);
}

static void end(struct tree *tree)
{
    note(tree, fdt_end_node(tree->fdt));
}

static void bytes(struct tree *tree, const char *name, const void *value, size_t size)
{
    note(tree, fdt_property(tree->fdt, name, value, (int)size));
}

static void string(struct tree *tree, const char *name, const char *value)
{
    bytes(tree, name, value, strlen(value) + 1);
}

static void flag(struct tree *tree, const char *name)
{
    bytes(tree, name, NULL, 0);
}

static void cell(struct tree *tree, const char *name, uint32_t value)
{
    note(tree, fdt_property_u32(tree->fdt, name, value));
}

static void u64(struct tree *tree, const char *name, uint64_t value)
{
    note(tree, fdt_property_u64(tree->fdt, name, value));
}

static void cells(struct tree *tree, const char *name, const uint32_t *value, unsigned count)
{
    void *to;
    int error = fdt_property_placeholder(tree->fdt, name, (int)(count * sizeof *value), &to);

    note(tree, error);
    for (unsigned i = 0; error == 0 && i < count; i++)
        fdt32_st((uint8_t *)to + i * sizeof *value, value[i]);
}

/* Ranges of two cells each for address and size: all buses here are the root's. */
static void ranges(struct tree *tree, const char *name, const uint64_t *value, unsigned count)
{
    void *to;
    int error = fdt_property_placeholder(tree->fdt, name, (int)(count * sizeof *value), &to);

    note(tree, error);
    for (unsigned i = 0; error == 0 && i < count; i++)
        fdt64_st((uint8_t *)to + i * sizeof *value, value[i]);
}

static void start(struct tree *tree, void *buffer, size_t size)
{
    *tree = (struct tree){ .fdt = buffer };
    note(tree, fdt_create(buffer, (int)size));
    note(tree, fdt_finish_reservemap(buffer));
    begin(tree, "");
    cell(tree, "#address-cells", 2);
    cell(tree, "#size-cells", 2);
}

static bool finish(struct tree *tree, size_t size, struct error *error)
{
    end(tree);
    note(tree, fdt_finish(tree->fdt));
    return tree->error == 0 || error_set(error, "the guest's device tree does not fit into %zu bytes: %s",
                                         size, fdt_strerror(tree->error));
}

static void write_chosen(struct tree *tree, const struct arm64_fdt_chosen *chosen)
{
    string(tree, "bootargs", chosen->cmdline);
    if (chosen->initrd_start < chosen->initrd_end) {
        u64(tree, "linux,initrd-start", chosen->initrd_start);
        u64(tree, "linux,initrd-end", chosen->initrd_end);
    }
    u64(tree, "kaslr-seed", chosen->kaslr_seed);
    bytes(tree, "rng-seed", chosen->rng_seed, sizeof chosen->rng_seed);
}

bool arm64_fdt_stub(void *buffer, size_t size, const struct arm64_fdt_chosen *chosen,
                    const struct efi_tables *efi, struct error *error)
{
    struct tree tree;

    /* No other node: with one more, Linux takes the tree for the description of the machine. */
    start(&tree, buffer, size);
    begin(&tree, "chosen");
    write_chosen(&tree, chosen);
    u64(&tree, "linux,uefi-system-table", efi->system_table);
    u64(&tree, "linux,uefi-mmap-start", efi->memory_map);
    cell(&tree, "linux,uefi-mmap-size", efi->memory_map_size);
    cell(&tree, "linux,uefi-mmap-desc-size", efi->descriptor_size);
    cell(&tree, "linux,uefi-mmap-desc-ver", efi->descriptor_version);
    cell(&tree, "linux,uefi-secure-boot", SECURE_BOOT_DISABLED);
    end(&tree);
    return finish(&tree, size, error);
}

/* ---- the whole machine ---- */

static void write_memory_node(struct tree *tree, uint64_t address, uint64_t size, const uint32_t *node)
{
    begin_at(tree, "memory", address);
    string(tree, "device_type", "memory");
    ranges(tree, "reg", (const uint64_t[]){ address, size }, 2);
    if (node)
        cell(tree, "numa-node-id", *node);
    end(tree);
}

static void write_memory(struct tree *tree, const struct arm64_fdt_machine *machine)
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
static void write_distances(struct tree *tree, const struct numa_config *numa)
{
    void *at;
    int error;

    if (numa->nodes == 0 || !numa->distances_given)
        return;
    begin(tree, "distance-map");
    string(tree, "compatible", "numa-distance-map-v1");
    error = fdt_property_placeholder(tree->fdt, "distance-matrix", (int)(numa->nodes * numa->nodes * 12),
                                     &at);
    note(tree, error);
    for (uint32_t from = 0; error == 0 && from < numa->nodes; from++)
        for (uint32_t to = 0; to < numa->nodes; to++, at = (uint8_t *)at + 12) {
            fdt32_st(at, from);
            fdt32_st((uint8_t *)at + 4, to);
            fdt32_st((uint8_t *)at + 8, numa->distance[from][to]);
        }
    end(tree);
}

static void write_cpus(struct tree *tree, const struct arm64_fdt_machine *machine)
{
    begin(tree, "cpus");
    cell(tree, "#address-cells", 2);
    cell(tree, "#size-cells", 0);
    for (uint32_t i = 0; i < machine->cpus; i++) {
        uint64_t affinity = machine->mpidr[i] & MPIDR_AFFINITY;

        begin_at(tree, "cpu", affinity);
        string(tree, "device_type", "cpu");
        string(tree, "compatible", "arm,armv8");
        u64(tree, "reg", affinity);
        string(tree, "enable-method", "psci");
        if (machine->numa->nodes > 0)
            cell(tree, "numa-node-id", machine->numa->cpu_node[i]);
        end(tree);
    }
    end(tree);
}

static void write_psci(struct tree *tree)
{
    static const char compatible[] = "arm,psci-1.0\0arm,psci-0.2";

    begin(tree, "psci");
    bytes(tree, "compatible", compatible, sizeof compatible);
    string(tree, "method", "hvc");
    end(tree);
}

static void write_timer(struct tree *tree, const struct arm64_fdt_machine *machine)
{
    /* A GICv2 wants to be told of the CPUs that have the private interrupt, one bit each. */
    uint32_t how = LEVEL_HIGH | (machine->gic_version == 2 ? ((1u << machine->cpus) - 1) << 8 : 0);
    const uint32_t interrupts[] = {
        PPI, ARM64_GSI_TIMER_SECURE - PPI_FIRST,  how, PPI, ARM64_GSI_TIMER - PPI_FIRST,     how,
        PPI, ARM64_GSI_TIMER_VIRTUAL - PPI_FIRST, how, PPI, ARM64_GSI_TIMER_HYP - PPI_FIRST, how,
    };

    begin(tree, "timer");
    string(tree, "compatible", "arm,armv8-timer");
    cells(tree, "interrupts", interrupts, sizeof interrupts / sizeof interrupts[0]);
    flag(tree, "always-on");
    end(tree);
}

static void write_gic(struct tree *tree, const struct arm64_fdt_machine *machine)
{
    const uint64_t v2[] = { ARM64_GICD, 4 * KIB, ARM64_GICC, 8 * KIB };
    const uint64_t v3[] = { ARM64_GICD, 64 * KIB, ARM64_GICR, machine->cpus * ARM64_GICR_STRIDE };

    begin_at(tree, "interrupt-controller", ARM64_GICD);
    string(tree, "compatible", machine->gic_version == 2 ? "arm,cortex-a15-gic" : "arm,gic-v3");
    ranges(tree, "reg", machine->gic_version == 2 ? v2 : v3, 4);
    flag(tree, "interrupt-controller");
    cell(tree, "#interrupt-cells", 3);
    cell(tree, "#address-cells", 0);
    cell(tree, "phandle", PHANDLE_GIC);
    end(tree);
}

static void write_serial(struct tree *tree)
{
    static const char compatible[] = "arm,pl011\0arm,primecell";
    static const char names[] = "uartclk\0apb_pclk";

    begin(tree, "clock");
    string(tree, "compatible", "fixed-clock");
    cell(tree, "#clock-cells", 0);
    cell(tree, "clock-frequency", UART_CLOCK);
    cell(tree, "phandle", PHANDLE_CLOCK);
    end(tree);
    begin_at(tree, "serial", ARM64_PL011);
    bytes(tree, "compatible", compatible, sizeof compatible);
    ranges(tree, "reg", (const uint64_t[]){ ARM64_PL011, ARM64_PL011_SIZE }, 2);
    cells(tree, "interrupts", (const uint32_t[]){ SPI, ARM64_GSI_PL011 - SPI_FIRST, LEVEL_HIGH }, 3);
    cells(tree, "clocks", (const uint32_t[]){ PHANDLE_CLOCK, PHANDLE_CLOCK }, 2);
    bytes(tree, "clock-names", names, sizeof names);
    end(tree);
}

bool arm64_fdt_full(void *buffer, size_t size, const struct arm64_fdt_chosen *chosen,
                    const struct arm64_fdt_machine *machine, struct error *error)
{
    char console[64];
    struct tree tree;

    snprintf(console, sizeof console, "/serial@%llx", (unsigned long long)ARM64_PL011);
    start(&tree, buffer, size);
    string(&tree, "compatible", "linux,dummy-virt");
    string(&tree, "model", "hotram-1");
    cell(&tree, "interrupt-parent", PHANDLE_GIC);
    flag(&tree, "dma-coherent");
    begin(&tree, "chosen");
    write_chosen(&tree, chosen);
    string(&tree, "stdout-path", console);
    end(&tree);
    write_memory(&tree, machine);
    write_distances(&tree, machine->numa);
    write_cpus(&tree, machine);
    write_psci(&tree);
    write_timer(&tree, machine);
    write_gic(&tree, machine);
    write_serial(&tree);
    return finish(&tree, size, error);
}
