/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Machine hotram-1 on arm64: devices, reset, power.
 */
#include <stdlib.h>
#include <string.h>

#include "boot/arm64_boot.h"
#include "firmware/table_loader.h"
#include "kvm/arm64_entry.h"
#include "layout/arm64.h"
#include "machine/arm64_acpi.h"
#include "machine/chips.h"
#include "machine/dimms_at_boot.h"
#include "machine/state.h"

/* What the guest starts with. */
struct start {
    uint64_t mpidr[CPUS_MAX]; /* of possible CPUs, by index */
    struct boot_machine machine;
    struct vcpu_entry entry;
    bool tried_once; /* -boot once= has had its start */
};

bool machine_arch_create_devices(struct machine *machine, struct error *error)
{
    const struct pci_layout pci = machine_arch_pci(machine);
    struct board *board = &machine->board;
    bool built;

    machine->start = calloc(1, sizeof *machine->start);
    if (!machine->start)
        return error_set(error, "out of memory");
    board->pci_layout = &pci;
    built = arm64_chips_build(board, error);
    board->pci_layout = NULL; /* the host bridge has its own */
    return built;
}

enum bus_space machine_arch_hotplug_space(uint64_t *address)
{
    *address = ARM64_MEMHP;
    return BUS_MEMORY;
}

enum bus_space machine_arch_cpus_space(uint64_t *address)
{
    *address = ARM64_CPUHP;
    return BUS_MEMORY;
}

uint64_t machine_arch_cpu_id(const struct config *config, uint32_t index)
{
    (void)config;
    return vcpu_arch_mpidr(index);
}

const char machine_arch_cpu_id_name[] = "MPIDR";
/* The MADT calls them enabled, and a kernel that is started by kexec reads it again. */
const bool machine_arch_cpus_fixed = true;

/* ---- start ---- */

/* The tables, as the guest finds them at an address. */
static bool build_tables(struct machine *machine, uint8_t *tables, size_t size, uint64_t address,
                         uint64_t *rsdp, struct error *error)
{
    struct dimms_at_boot *dimms = malloc(sizeof *dimms);
    struct arm64_acpi_config config = {
        .gic_version = machine->vm.gic_version,
        .its = machine->vm.has_its,
        .sockets = machine->config->sockets,
        .cores = machine->config->cores,
        .threads = machine->config->threads,
        .mpidr = machine->start->mpidr,
        .fixed = machine->config->cpus,
        .slots = machine->config->slots,
        .pmu = machine->vm.has_pmu,
        .console = true,
        .board = &machine->board,
        .numa = &machine->config->numa,
    };
    bool built;

    if (!dimms)
        return error_set(error, "out of memory for ACPI tables");
    dimms_at_boot_list(machine->config, machine->hotplug, machine_arch_block_guest(machine),
                       machine_ram_end(machine), NULL, dimms);
    config.hotplug = dimms->srat;
    config.hotplug_count = dimms->srat_count;
    built = arm64_acpi_build(&config, tables, size, address, rsdp, error);
    free(dimms);
    return built;
}

static bool write_tables(struct machine *machine, struct error *error)
{
    uint64_t address, size;
    uint8_t *tables;
    bool written;

    boot_tables_area(&machine->boot, &address, &size);
    tables = calloc(1, size);
    if (!tables)
        return error_set(error, "out of memory for ACPI tables");
    written = build_tables(machine, tables, size, address, &machine->start->machine.rsdp, error);
    if (written && !guest_memory_write(machine->memory, address, tables, size))
        written = error_set(error, "there is no RAM for the ACPI tables at 0x%llx",
                            (unsigned long long)address);
    free(tables);
    return written;
}

/* ---- with firmware: it finds a device tree where RAM begins, and the tables in its configuration device,
 * which it puts where it likes. Without tables the guest has the tree from it ---- */

static bool publish_tables(struct machine *machine, struct error *error)
{
    uint64_t address, size, rsdp;
    uint8_t *tables;
    bool published;

    boot_tables_area(&machine->boot, &address, &size);
    tables = calloc(1, size);
    if (!tables)
        return error_set(error, "out of memory for ACPI tables");
    published = build_tables(machine, tables, size, 0, &rsdp, error) &&
                table_loader_publish(machine->board.fw_cfg, tables, size, error);
    free(tables);
    return published;
}

/* -boot once= and order=: there is no clock chip with memory for them, as on x86-64. */
static const char *kinds_to_boot(struct machine *machine)
{
    const struct boot_config_menu *boot = &machine->config->boot;
    const bool once = boot->once && !machine->start->tried_once;

    machine->start->tried_once = true;
    return once ? boot->once : boot->order ? boot->order : "";
}

static bool prepare_firmware(struct machine *machine, struct error *error)
{
    return (!machine->config->acpi || publish_tables(machine, error)) &&
           machine_set_boot_order(machine, kinds_to_boot(machine), error) &&
           machine_publish_smbios(machine, error) &&
           boot_describe_to_firmware(&machine->boot, &machine->start->machine, error);
}

bool machine_arch_prepare(struct machine *machine, struct error *error)
{
    struct start *start = machine->start;

    for (uint32_t i = 0; i < machine->config->maxcpus; i++)
        start->mpidr[i] = vcpu_arch_mpidr(i);
    start->machine = (struct boot_machine){
        .memory = machine->memory,
        .cpus = machine->config->cpus,
        .mpidr = start->mpidr,
        .cores = machine->config->cores,
        .threads = machine->config->threads,
        .gic_version = machine->vm.gic_version,
        .its = machine->vm.has_its,
        .numa = &machine->config->numa,
        .board = &machine->board,
    };
    start->entry = (struct vcpu_entry){ .pc = ARM64_FLASH }; /* firmware, or what is loaded says otherwise */
    if (machine->config->firmware != FIRMWARE_NONE)
        return prepare_firmware(machine, error);
    return !machine->config->acpi || write_tables(machine, error);
}

/* Its host bridge cannot move configuration space. */
bool machine_arch_describe_pci(struct machine *machine, struct error *error)
{
    (void)machine, (void)error;
    return true;
}

bool machine_arch_load(struct machine *machine, struct error *error)
{
    struct start *start = machine->start;

    return boot_load(&machine->boot, &start->machine, &start->entry, error);
}

bool machine_arch_enter(struct machine *machine, struct error *error)
{
    return vcpus_reset(&machine->vcpus, &machine->start->entry, error);
}
