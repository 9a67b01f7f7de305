/* SPDX-License-Identifier: BSD-2-Clause */
#include "pci/root_port_state.h"

#include <stdlib.h>
#include <string.h>

#include "base/count_of.h"
#include "device/board.h"
#include "pci/msix.h"

#define RED_HAT 0x1b36
#define ROOT_PORT 0x000c /* QEMU's pcie-root-port */
#define QEMU_SUBSYSTEM_VENDOR 0x1af4
#define QEMU_SUBSYSTEM 0x1100
#define PORT_MAX 255u
#define CHASSIS_MAX 255u
#define SLOT_MAX 8191u

static const struct property properties[] = {
    PROPERTY_ROW_RANGE(root_port_values, "port", PROPERTY_UINT32, port,
                       "number of the link, 0 to 255 (default: 0)", NUMBER_RANGE(0, PORT_MAX)),
    PROPERTY_ROW_RANGE(
        root_port_values, "chassis", PROPERTY_UINT32, chassis,
        "number of the chassis, 0 to 255 (default: 0); of ports with one number of the slot each needs "
        "another",
        NUMBER_RANGE(0, CHASSIS_MAX)),
    PROPERTY_ROW_RANGE(root_port_values, "slot", PROPERTY_UINT32, slot,
                       "number of the slot, 0 to 8191, which Linux shows (default: 0)",
                       NUMBER_RANGE(0, SLOT_MAX)),
    PROPERTY_ROW(root_port_values, "hotplug", PROPERTY_BOOL, hotplug,
                 "devices come and go while the guest runs (default: on)"),
    PCI_PLACE_PROPERTIES(root_port_values, place),
};

static bool read_values(struct props props, struct root_port_values *values, struct error *error)
{
    static const char *const names[] = { "driver", "id", NULL };

    *values = (struct root_port_values){ .hotplug = true };
    if (!props_read(props, properties, COUNT_OF(properties), names, pcie_root_port_type.name, values, error))
        return false;
    if (pci_place_check(&values->place, error))
        return true;
    props_free(properties, COUNT_OF(properties), values);
    return false;
}

static bool check(struct props props, struct error *error)
{
    struct root_port_values values;

    if (!read_values(props, &values, error))
        return false;
    props_free(properties, COUNT_OF(properties), &values);
    return true;
}

static const struct root_port *port_of_chassis(const struct board *board, uint32_t chassis, uint32_t slot)
{
    for (const struct device *device = board->devices; device; device = device->next) {
        const struct root_port *port = (const struct root_port *)device;

        if (device->type == &pcie_root_port_type && port->values.chassis == chassis &&
            port->values.slot == slot)
            return port;
    }
    return NULL;
}

/* Chassis and slot together name a slot to people. */
static bool check_chassis(const struct board *board, const struct root_port_values *values,
                          struct error *error)
{
    const struct root_port *other = port_of_chassis(board, values->chassis, values->slot);
    char path[DEVICE_PATH_SIZE];
    uint32_t free_one = 0;

    if (!other)
        return true;
    while (free_one <= CHASSIS_MAX && port_of_chassis(board, free_one, values->slot))
        free_one++;
    if (free_one > CHASSIS_MAX)
        return error_set(error,
                         "Can't add chassis slot: chassis %u with slot %u is '%.80s'; give another slot=",
                         values->chassis, values->slot, root_port_name(other, path));
    return error_set(error, "Can't add chassis slot: chassis %u with slot %u is '%.80s'; chassis=%u is free",
                     values->chassis, values->slot, root_port_name(other, path), free_one);
}

/* A port's registers of header type 1. No I/O ports are passed on, and there is no reset of the bus. */
static void init_header(struct pci_function *function)
{
    static const struct pci_ids ids = {
        .vendor = RED_HAT, .device = ROOT_PORT, .class = 0x06, .subclass = 0x04, .interrupt = true
    };
    static const uint8_t subsystem[8] = { [4] = QEMU_SUBSYSTEM_VENDOR & 0xff,
                                          QEMU_SUBSYSTEM_VENDOR >> 8,
                                          QEMU_SUBSYSTEM & 0xff,
                                          QEMU_SUBSYSTEM >> 8 };
    const struct pci_capability capability = { .id = PCI_CAPABILITY_SUBSYSTEM,
                                               .length = 8,
                                               .bytes = subsystem };

    pci_function_init(function, pcie_root_port_type.name, &ids);
    pci_config_at_power_on(function, PCI_HEADER_TYPE, 1, PCI_HEADER_BRIDGE);
    pci_config_writable(function, PCI_BRIDGE_PRIMARY, 1, UINT8_MAX);
    pci_config_writable(function, PCI_BRIDGE_SECONDARY, 1, UINT8_MAX);
    pci_config_writable(function, PCI_BRIDGE_SUBORDINATE, 1, UINT8_MAX);
    pci_config_writable(function, PCI_BRIDGE_MEMORY_BASE, 2, 0xfff0);
    pci_config_writable(function, PCI_BRIDGE_MEMORY_LIMIT, 2, 0xfff0);
    pci_config_at_power_on(function, PCI_BRIDGE_PREFETCH_BASE, 2, PCI_BRIDGE_PREFETCH_64);
    pci_config_at_power_on(function, PCI_BRIDGE_PREFETCH_LIMIT, 2, PCI_BRIDGE_PREFETCH_64);
    pci_config_writable(function, PCI_BRIDGE_PREFETCH_BASE, 2, 0xfff0);
    pci_config_writable(function, PCI_BRIDGE_PREFETCH_LIMIT, 2, 0xfff0);
    pci_config_writable(function, PCI_BRIDGE_PREFETCH_BASE_HIGH, 4, UINT32_MAX);
    pci_config_writable(function, PCI_BRIDGE_PREFETCH_LIMIT_HIGH, 4, UINT32_MAX);
    pci_config_writable(function, PCI_BRIDGE_CONTROL, 2, 0x0003); /* parity, SERR#: kept */
    pci_capability_add(function, &capability);
}

static bool make(struct root_port *port, struct board *board, const char *id, bool hot, struct error *error)
{
    if (!device_enlist(&port->pci.device, board, &pcie_root_port_type, id, hot, error))
        return false;
    init_header(&port->pci);
    root_port_init_slot(port, board);
    if (!board->pci || msix_init(&port->pci, 0, 1, error)) /* without buses plugging says so */
        return true;
    device_delist(&port->pci.device);
    return false;
}

static bool plug(struct root_port *port, struct board *board, const struct pci_place *place, bool hot,
                 struct error *error)
{
    if (place->bus && strcmp(place->bus, PCI_ROOT_NAME) != 0 && board->pci &&
        pci_bus_named(board->pci, place->bus))
        return error_set(error, "a pcie-root-port can be on %s only, not on '%.80s'", PCI_ROOT_NAME,
                         place->bus);
    if (board->pci && port->pci.device.id && pci_bus_named(board->pci, port->pci.device.id))
        return error_set(error,
                         "Duplicate device ID '%s': it is the name of a bus, and that behind a port has the "
                         "port's id; choose another id",
                         port->pci.device.id);
    return pci_function_plug(&port->pci, board, place, hot, error);
}

static enum outcome create(struct board *board, const char *id, struct props props, bool hot,
                           const struct completion *completion, struct error *error)
{
    struct root_port *port = calloc(1, sizeof *port);
    struct root_port_values values;
    bool good = false;

    (void)completion;
    if (!port) {
        error_set(error, "out of memory");
        return OUTCOME_FAILED;
    }
    if (!read_values(props, &values, error)) {
        free(port);
        return OUTCOME_FAILED;
    }
    port->values = values;
    port->values.place = (struct pci_place){ 0 };
    if (check_chassis(board, &values, error) && make(port, board, id, hot, error)) {
        good = plug(port, board, &values.place, hot, error);
        if (!good) {
            msix_end(&port->pci);
            device_delist(&port->pci.device);
        }
    }
    props_free(properties, COUNT_OF(properties), &values);
    port->pci.device.present = good;
    if (!good)
        free(port);
    return good ? OUTCOME_DONE : OUTCOME_FAILED;
}

static void describe(const struct device *device, void *opaque)
{
    const struct root_port *port = (const struct root_port *)device;
    struct root_port_values *values = opaque;

    *values = port->values;
    pci_place_describe(&port->pci, &values->place);
}

static void reset(struct device *device)
{
    struct root_port *port = (struct root_port *)device;

    pci_function_reset(&port->pci);
    pci_lock(device->board->pci);
    slot_reset(&port->slot);
    pci_unlock(device->board->pci);
}

/* What was behind it went before. */
static void destroy(struct device *device)
{
    struct root_port *port = (struct root_port *)device;

    pci_function_remove(&port->pci);
    loop_cancel(device->board->loop, &port->work);
    msix_end(&port->pci);
    free(port);
}

const struct device_type pcie_root_port_type = {
    .name = "pcie-root-port",
    .parent = "device",
    .properties = properties,
    .property_count = COUNT_OF(properties),
    .values_size = sizeof(struct root_port_values),
    .check = check,
    .create = create,
    .describe = describe,
    .save = root_port_save,
    .restore = root_port_restore,
    .restored = root_port_restored,
    .part = root_port_part,
    .summary = root_port_summary,
    .reset = reset,
    .destroy = destroy,
};
