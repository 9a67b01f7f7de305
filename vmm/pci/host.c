/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host bridge, a chip: how a guest reaches configuration space.
 */
#include <stdlib.h>

#include "base/config.h"
#include "device/board.h"
#include "pci/bus.h"
#include "pci/host_aml.h"
#include "pci/machine.h"

#define ADDRESS_PORT 0xcf8u
#define DATA_PORT 0xcfcu
#define ADDRESS_ENABLE 0x80000000u
#define ADDRESS_BITS 0x80fffffcu

/* ---- the ports ---- */

/* 3.2.2.3.2. Only a double word is an access to the address; the reset register is at a port of it. */
static uint64_t read_address(void *opaque, uint64_t offset, unsigned width)
{
    (void)offset;
    return width == 4 ? ((const struct pci_host *)opaque)->state.address : UINT32_MAX;
}

static void write_address(void *opaque, uint64_t offset, unsigned width, uint64_t value)
{
    (void)offset;
    if (width == 4)
        ((struct pci_host *)opaque)->state.address = (uint32_t)value & ADDRESS_BITS;
}

static uint64_t read_data(void *opaque, uint64_t offset, unsigned width)
{
    struct pci_host *host = opaque;

    if (!(host->state.address & ADDRESS_ENABLE))
        return UINT32_MAX;
    return pci_host_access(host, host->state.address >> 16 & 0xff, host->state.address >> 8 & 0xff,
                           (host->state.address & 0xfc) + (unsigned)offset, false, width, 0);
}

static void write_data(void *opaque, uint64_t offset, unsigned width, uint64_t value)
{
    struct pci_host *host = opaque;

    if (host->state.address & ADDRESS_ENABLE)
        pci_host_access(host, host->state.address >> 16 & 0xff, host->state.address >> 8 & 0xff,
                        (host->state.address & 0xfc) + (unsigned)offset, true, width, (uint32_t)value);
}

/* ---- how one comes to be ---- */

static bool add_ranges(struct pci_host *host, struct error *error)
{
    struct bus_range range = {
        .space = BUS_PORTS,
        .first = ADDRESS_PORT,
        .count = 1,
        .width_max = 4,
        .read = read_address,
        .write = write_address,
        .device = host,
        .lock = &host->lock,
        .name = PCI_CONFIGURATION_SPACE,
    };

    if (!pci_ecam_add(host, host->layout.ecam, error))
        return false;
    if (!host->layout.ports)
        return true;
    if (!bus_add(host->device.board->bus, &range, error))
        return false;
    range.first = DATA_PORT;
    range.count = 4;
    range.read = read_data;
    range.write = write_data;
    return bus_add(host->device.board->bus, &range, error);
}

struct pci_host *pci_host_create(struct board *board, const struct pci_layout *layout, struct error *error)
{
    struct pci_host *host = calloc(1, sizeof *host);

    if (!host) {
        error_set(error, "out of memory");
        return NULL;
    }
    host->device.board = board;
    host->layout = *layout;
    host->wanted_ecam = layout->ecam;
    host->root.name = PCI_ROOT_NAME;
    host->root.host = host;
    pthread_mutex_init(&host->lock, NULL);
    pthread_mutex_init(&host->interrupt, NULL);
    if (add_ranges(host, error))
        return host;
    pci_host_destroy(host);
    return NULL;
}

void pci_host_destroy(struct pci_host *host)
{
    if (!host)
        return;
    pthread_mutex_destroy(&host->interrupt);
    pthread_mutex_destroy(&host->lock);
    free(host);
}

/* ---- the types ---- */

static bool build(struct board *board, const struct device_type *type, struct error *error)
{
    struct pci_host *host = pci_host_create(board, board->pci_layout, error);

    if (!host)
        return false;
    device_enlist_chip(&host->device, board, type);
    board->pci = host;
    return true;
}

static bool build_q35(struct board *board, const struct chip_place *place, struct error *error)
{
    (void)place;
    return build(board, &q35_host_type, error);
}

static bool build_gpex(struct board *board, const struct chip_place *place, struct error *error)
{
    (void)place;
    return build(board, &gpex_host_type, error);
}

static void reset(struct device *device)
{
    struct pci_host *host = (struct pci_host *)device;

    pci_lock(host);
    state_reset(device->type->state, &host->state);
    pci_unlock(host);
}

/* Nothing follows from the address. */
static void restored(struct device *device)
{
    (void)device;
}

static void destroy(struct device *device)
{
    device->board->pci = NULL;
    pci_host_destroy((struct pci_host *)device);
}

static void aml(const struct device *device, struct hotram_aml *out)
{
    const struct pci_host *host = (const struct pci_host *)device;

    pci_host_aml(out, &host->layout, device->board->config->numa.nodes > 1);
}

static bool fdt(const struct device *device, struct tree_node *node)
{
    node->pci = &((const struct pci_host *)device)->layout;
    return true;
}

static const struct state_field fields[] = {
    STATE_FIELD(struct pci_host_state, address, 1, ADDRESS_BITS),
};

const struct state_table pci_host_state_table = STATE_TABLE("pci-host", 1, struct pci_host_state, fields);

const struct device_type q35_host_type = {
    .name = "q35-pcihost",
    .build = build_q35,
    .state = &pci_host_state_table,
    .state_offset = offsetof(struct pci_host, state),
    .reset = reset,
    .restored = restored,
    .destroy = destroy,
    .aml = aml,
    .leads = true,
};

/* It has no ports, and so no address that is kept. */
const struct device_type gpex_host_type = {
    .name = "gpex-pcihost",
    .parent = "device", /* by this type libvirt sees that a virt machine has PCI */
    .build = build_gpex,
    .destroy = destroy,
    .aml = aml,
    .leads = true,
    .fdt = fdt,
};
