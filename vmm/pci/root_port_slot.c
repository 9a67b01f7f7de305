/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The slot of a pcie-root-port, as root_port.h says: how devices come into it, and how they go.
 */
#include "device/board.h"
#include "pci/root_port_state.h"

static struct root_port *root_port_of(const struct pci_function *function)
{
    return (struct root_port *)function;
}

/* ---- devices that go ---- */

/* Of a slot with several functions function 0 goes last, as it comes. The slot is empty at once; a device for
 * which the host still works is gone later (device_leave()). */
static void remove_devices(struct root_port *port, bool tell)
{
    const struct board *board = port->pci.device.board;

    for (unsigned i = PCI_FUNCTIONS; i-- > 0;) {
        struct pci_function *function = port->bridge.bus.function[i];

        if (function) {
            pci_function_remove(function);
            device_leave(&function->device);
        }
    }
    pci_lock(board->pci);
    port->powered_off = false; /* what comes next is not meant */
    slot_fill(&port->slot, false, tell);
    pci_unlock(board->pci);
}

static void refused(const struct device *device)
{
    char path[DEVICE_PATH_SIZE];

    device->board->event(device->board->machine, &(struct event){ .kind = EVENT_DEVICE_UNPLUG_GUEST_ERROR,
                                                                  .device.id = device->id,
                                                                  .device.path = device_path(device, path) });
}

static void tell_refused(const struct root_port *port)
{
    for (unsigned i = 0; i < PCI_FUNCTIONS; i++)
        if (port->bridge.bus.function[i])
            refused(&port->bridge.bus.function[i]->device);
}

/* On the main thread: a guest that has turned the power on again meanwhile keeps the device. */
static void do_noted(void *opaque)
{
    struct root_port *port = opaque;
    struct pci_host *host = port->pci.device.board->pci;
    bool remove, refused;

    pci_lock(host);
    remove = port->powered_off && (!port->slot.occupied || !slot_has_power(&port->slot));
    refused = port->refused;
    port->powered_off = port->refused = false;
    pci_unlock(host);
    if (remove)
        remove_devices(port, port->slot.occupied);
    else if (refused)
        tell_refused(port);
}

static void express_written(struct pci_function *function, unsigned offset, unsigned width)
{
    struct root_port *port = root_port_of(function);
    const enum slot_answer answer = slot_written(&port->slot, offset, width);

    if (answer == SLOT_NOTHING)
        return;
    port->powered_off |= answer == SLOT_POWERED_OFF;
    port->refused |= answer == SLOT_REFUSED;
    loop_post(function->device.board->loop, &port->work);
}

void root_ports_remove_asked(struct pci_host *host)
{
    for (unsigned i = 0; host && i < PCI_SLOTS * PCI_FUNCTIONS; i++) {
        struct pci_function *function = host->root.function[i];

        if (function && function->device.type == &pcie_root_port_type && root_port_of(function)->slot.asked)
            remove_devices(root_port_of(function), false);
    }
}

/* ---- the bridge's part ---- */

const char *root_port_name(const struct root_port *port, char path[DEVICE_PATH_SIZE])
{
    return port->pci.device.id ? port->pci.device.id : device_path(&port->pci.device, path);
}

static bool may_plug(struct pci_bridge *bridge, const struct pci_function *function, struct error *error)
{
    const struct root_port *port = root_port_of(bridge->function);
    char path[DEVICE_PATH_SIZE];
    bool busy;

    if (!port->values.hotplug)
        return error_set(
            error,
            "Hot-plug failed: unsupported by the port device '%.80s', which has hotplug=off: give "
            "%s to the machine at its start, or take another port",
            root_port_name(port, path), function->name);
    pci_lock(function->device.board->pci);
    busy = slot_is_busy(&port->slot);
    pci_unlock(function->device.board->pci);
    return !busy ||
           error_set(error,
                     "Hot-plug failed: guest is busy (power indicator of '%.80s' blinking); try again "
                     "in a few seconds",
                     root_port_name(port, path));
}

/* A guest looks for functions when there is function 0, which is the last to come. */
static void plugged(struct pci_bridge *bridge, bool hot)
{
    if (bridge->bus.function[0] && !root_port_of(bridge->function)->slot.occupied)
        slot_fill(&root_port_of(bridge->function)->slot, true, hot);
}

enum unplug_way { UNPLUG_NOW, UNPLUG_PRESSED, UNPLUG_BUSY };

static enum unplug_way ask(struct root_port *port)
{
    struct pci_host *host = port->pci.device.board->pci;
    enum unplug_way way = UNPLUG_PRESSED;

    pci_lock(host);
    if (!port->slot.occupied || !slot_has_power(&port->slot))
        way = UNPLUG_NOW;
    else if (slot_is_busy(&port->slot))
        way = UNPLUG_BUSY;
    else
        slot_press(&port->slot);
    pci_unlock(host);
    return way;
}

static bool unplug(struct pci_bridge *bridge, struct pci_function *function, struct error *error)
{
    struct root_port *port = root_port_of(bridge->function);
    char path[DEVICE_PATH_SIZE];

    if (!port->values.hotplug)
        return error_set(
            error,
            "Hot-unplug failed: unsupported by the port device '%.80s', which has hotplug=off: %s "
            "stays with the machine",
            root_port_name(port, path), function->name);
    switch (ask(port)) {
    case UNPLUG_BUSY:
        return error_set(
            error,
            "Hot-unplug failed: guest is busy (power indicator of '%.80s' blinking): it is letting "
            "go, or taking what has come, which ends within some seconds",
            root_port_name(port, path));
    case UNPLUG_NOW: /* the guest does not use the slot; from the event loop, as all removals */
        pci_lock(bridge->bus.host);
        port->powered_off = true;
        port->slot.asked = true; /* a reset that comes first takes it, and gives the slot power */
        pci_unlock(bridge->bus.host);
        loop_post(function->device.board->loop, &port->work);
        return true;
    default:
        return true;
    }
}

void root_port_init_slot(struct root_port *port, struct board *board)
{
    port->work = (struct work){ .run = do_noted, .opaque = port };
    port->bridge = (struct pci_bridge){
        .function = &port->pci,
        .bus = { .name = port->pci.device.id, .host = board->pci, .bridge = &port->bridge },
        .plug = may_plug,
        .plugged = plugged,
        .unplug = unplug,
        .permanent = !port->values.hotplug,
    };
    slot_init(&port->slot, &port->pci, (uint8_t)port->values.port, port->values.slot, port->values.hotplug,
              express_written);
    port->pci.bridge = &port->bridge;
}
