/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Functions of the machine that do nothing: their registers are bytes that are stored and read back, so that
 * firmware and operating systems which know QEMU's machines find what they look for. One table of each is
 * its configuration space and its saved form.
 */
#include "pci/machine.h"

#include <stdlib.h>

#include "device/board.h"
#include "layout/x86.h"
#include "pci/bus.h"

#define INTEL 0x8086
#define RED_HAT 0x1b36
#define QEMU_SUBSYSTEM_VENDOR 0x1af4 /* of everything in QEMU's machines */
#define QEMU_SUBSYSTEM 0x1100
#define CLASS_BRIDGE 0x06
#define HOST_BRIDGE 0x00
#define ISA_BRIDGE 0x01
/* A function's own registers (PCI Local Bus Specification 3.0, figure 6-1). */
#define LATENCY 0x0d
#define BIST 0x0f
#define EXPANSION_ROM 0x30
/* 5.1.15: bits 35 to 28 are an address if bits 2 to 0 say "enabled, 256 buses". */
#define PCIEXBAR 0x60
#define PCIEXBAR_ENABLE 1u
#define PCIEXBAR_KIND 0x7u
#define PCIEXBAR_HIGH 0xfu
#define PCIEXBAR_LOW 0xf0000000u

/* Rows: a number that is kept, one that stays, and bytes that are 0. */
#define KEPT(at, size, name_, bits_, value) \
    { \
        .name = (name_), .offset = (at), .count = 1, .width = (size), .since = 1, .bits = (bits_), \
        .power_on = (value) \
    }
#define FIXED(at, size, name_, value) \
    { \
        .name = (name_), .offset = (at), .count = 1, .width = (size), .since = 1, .bits = (value), \
        .always = (value), .power_on = (value) \
    }
#define BYTES(at, end, name_, bits_, value) \
    { \
        .name = (name_), .offset = (at), .count = (end) - (at), .width = 1, .since = 1, .bits = (bits_), \
        .power_on = (value) \
    }
#define ZEROS(at, end) BYTES(at, end, "reserved", 0, 0)

#define COMMAND_KEPT \
    (PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_PARITY | PCI_COMMAND_SERR | \
     PCI_COMMAND_INTX_DISABLE)

#define COMMAND(always_) \
    { \
        .name = "command", .offset = PCI_COMMAND, .count = 1, .width = 2, .since = 1, \
        .bits = COMMAND_KEPT | (always_), .always = (always_), .power_on = (always_) \
    }

/* What every function has, for a bridge without BARs, capabilities and interrupt; `command`: bits that are
 * always set. */
#define HEADER(vendor, device, revision, subclass, type, command) \
    FIXED(PCI_VENDOR, 2, "vendor", vendor), FIXED(PCI_DEVICE, 2, "device", device), COMMAND(command), \
        FIXED(PCI_STATUS, 2, "status", 0), FIXED(PCI_REVISION, 1, "revision", revision), \
        FIXED(PCI_CLASS, 1, "interface", 0), FIXED(PCI_CLASS + 1, 1, "subclass", subclass), \
        FIXED(PCI_CLASS + 2, 1, "class", CLASS_BRIDGE), \
        KEPT(PCI_CACHE_LINE, 1, "cache line size", UINT8_MAX, 0), FIXED(LATENCY, 1, "latency timer", 0), \
        FIXED(PCI_HEADER_TYPE, 1, "header type", type), ZEROS(BIST, PCI_SUBSYSTEM_VENDOR), \
        FIXED(PCI_SUBSYSTEM_VENDOR, 2, "subsystem vendor", QEMU_SUBSYSTEM_VENDOR), \
        FIXED(PCI_SUBSYSTEM, 2, "subsystem", QEMU_SUBSYSTEM), ZEROS(EXPANSION_ROM, PCI_HEADER_END)

/* Intel 3 Series Express Chipset Family (82Q35), 5.1, as far as SeaBIOS and EDK2 write it. PCIEXBAR has what
 * SeaBIOS writes, from the start, since a kernel that is booted directly reads it as well. PAM is 0: what
 * firmware reads of 0xc0000 to 0xfffff is its image, not RAM. */
static const struct state_field mch_fields[] = {
    HEADER(INTEL, 0x29c0, 0, HOST_BRIDGE, 0, 0),
    ZEROS(PCI_HEADER_END, 0x60),
    KEPT(PCIEXBAR, 8, "PCIEXBAR", UINT64_MAX, X86_PCI_ECAM | PCIEXBAR_ENABLE),
    ZEROS(0x68, 0x90),
    BYTES(0x90, 0x97, "PAM", UINT8_MAX, 0),
    ZEROS(0x97, 0x9d),
    KEPT(0x9d, 1, "SMRAM", UINT8_MAX, 0x02),
    ZEROS(0x9e, PCI_CONFIG_SIZE),
};

/* Intel I/O Controller Hub 9, 13.1: PMBASE is where power management is, enabled by ACPI_CNTL, whatever is
 * written; the routes of PIRQs, GEN_PMCON and RCBA are stored. RCBA has what firmware writes, from the start,
 * as PCIEXBAR does: by it Linux' driver of the watchdog finds GCS (device/tco.c), which stays there. The
 * command register says that the bridge's addresses are decoded (13.1.3), without which EDK2 has no serial
 * port. */
static const struct state_field isa_fields[] = {
    HEADER(INTEL, 0x2918, 2, ISA_BRIDGE, PCI_HEADER_MULTIFUNCTION,
           PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER),
    FIXED(0x40, 4, "PMBASE", 0x00000601),
    FIXED(0x44, 1, "ACPI_CNTL", 0x80),
    ZEROS(0x45, 0x60),
    BYTES(0x60, 0x64, "PIRQA-D_ROUT", UINT8_MAX, 0x80),
    ZEROS(0x64, 0x68),
    BYTES(0x68, 0x6c, "PIRQE-H_ROUT", UINT8_MAX, 0x80),
    ZEROS(0x6c, 0xa0),
    BYTES(0xa0, 0xa8, "GEN_PMCON", UINT8_MAX, 0),
    ZEROS(0xa8, 0xf0),
    KEPT(0xf0, 4, "RCBA", UINT32_MAX, X86_RCBA | 1),
    ZEROS(0xf4, PCI_CONFIG_SIZE),
};

static const struct state_field gpex_fields[] = {
    HEADER(RED_HAT, 0x0008, 0, HOST_BRIDGE, 0, 0),
    ZEROS(PCI_HEADER_END, PCI_CONFIG_SIZE),
};

const struct state_table q35_mch_state_table = STATE_TABLE("mch", 1, uint8_t[PCI_CONFIG_SIZE], mch_fields);
const struct state_table q35_isa_state_table = STATE_TABLE("ICH9-LPC", 1, uint8_t[PCI_CONFIG_SIZE],
                                                           isa_fields);
const struct state_table gpex_root_state_table = STATE_TABLE("gpex-root", 1, uint8_t[PCI_CONFIG_SIZE],
                                                             gpex_fields);

/* ---- the types ---- */

static bool build(struct board *board, const struct chip_place *place, const struct device_type *type,
                  struct error *error)
{
    struct pci_function *function = calloc(1, sizeof *function);

    if (!function)
        return error_set(error, "out of memory");
    device_enlist_chip(&function->device, board, type);
    pci_function_init(function, type->name, NULL);
    pci_function_fields(function, type->state);
    function->bus = &board->pci->root;
    function->devfn = (uint8_t)place->address;
    board->pci->root.function[function->devfn] = function;
    return true;
}

/* With the PCI lock. Of the sizes, firmware uses one; with another one, configuration space is at its ports
 * alone. */
static void follow_pciexbar(struct pci_function *function)
{
    const uint32_t low = pci_config_get(function, PCIEXBAR, 4);
    const uint64_t high = pci_config_get(function, PCIEXBAR + 4, 4) & PCIEXBAR_HIGH;

    pci_host_move_ecam(function->bus->host, (low & PCIEXBAR_KIND) == PCIEXBAR_ENABLE
                                                ? high << 32 | (low & PCIEXBAR_LOW)
                                                : PCI_UNMAPPED);
}

static bool build_mch(struct board *board, const struct chip_place *place, struct error *error)
{
    if (!build(board, place, &q35_mch_type, error))
        return false;
    board->pci->root.function[(uint8_t)place->address]->follow = follow_pciexbar;
    return true;
}

static bool build_isa(struct board *board, const struct chip_place *place, struct error *error)
{
    return build(board, place, &q35_isa_type, error);
}

static bool build_gpex(struct board *board, const struct chip_place *place, struct error *error)
{
    return build(board, place, &gpex_root_type, error);
}

static void reset(struct device *device)
{
    pci_function_reset((struct pci_function *)device);
}

static void restored(struct device *device)
{
    pci_function_restored((struct pci_function *)device);
}

static void destroy(struct device *device)
{
    struct pci_function *function = (struct pci_function *)device;

    function->bus->function[function->devfn] = NULL;
    free(function);
}

/* QOM shows none of them: what libvirt knows an ICH9-LPC for are keys of options. */
#define BRIDGE_TYPE(symbol, text, builds, table) \
    const struct device_type symbol = { \
        .name = (text), \
        .build = (builds), \
        .state = &(table), \
        .state_offset = offsetof(struct pci_function, config), \
        .reset = reset, \
        .restored = restored, \
        .destroy = destroy, \
    }

BRIDGE_TYPE(q35_mch_type, "mch", build_mch, q35_mch_state_table);
BRIDGE_TYPE(q35_isa_type, "ICH9-LPC", build_isa, q35_isa_state_table);
BRIDGE_TYPE(gpex_root_type, "gpex-root", build_gpex, gpex_root_state_table);
