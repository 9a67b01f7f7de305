/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The slot of a pcie-root-port, as root_port.h says: how devices come into it, and how they go.
 */
#include "device/board.h"
#include "device/request.h"
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

static void report_all(struct root_port *port, enum device_happening happening)
{
    for (unsigned i = 0; i < PCI_FUNCTIONS; i++)
        if (port->bridge.bus.function[i])
            device_request_happens(&port->bridge.bus.function[i]->device, happening);
}

/* The operation reports it of the function whose removal was requested. */
static void report_refused(const struct root_port *port)
{
    for (unsigned i = 0; i < PCI_FUNCTIONS; i++)
        if (port->bridge.bus.function[i] &&
            !device_request_happens(&port->bridge.bus.function[i]->device, DEVICE_KEPT))
            refused(&port->bridge.bus.function[i]->device);
}

/* On the main thread: a guest that has turned the power on again meanwhile keeps the device. */
static void do_noted(void *opaque)
{
    struct root_port *port = opaque;
    struct pci_host *host = port->pci.device.board->pci;
    bool remove, refused, taken;

    pci_lock(host);
    remove = port->powered_off && (!port->slot.occupied || !slot_has_power(&port->slot));
    refused = port->refused;
    taken = port->slot.occupied && slot_is_on(&port->slot);
    port->powered_off = port->refused = false;
    pci_unlock(host);
    if (remove) {
        remove_devices(port, port->slot.occupied);
        return;
    }
    if (refused)
        report_refused(port);
    if (taken)
        report_all(port, DEVICE_TAKEN);
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

static void before_reset(struct root_port *port)
{
    do_noted(port);
    report_all(port, DEVICE_RESET);
    if (port->slot.asked)
        remove_devices(port, false);
}

void root_ports_before_reset(struct pci_host *host)
{
    for (unsigned i = 0; host && i < PCI_SLOTS * PCI_FUNCTIONS; i++) {
        struct pci_function *function = host->root.function[i];

        if (function && function->device.type == &pcie_root_port_type)
            before_reset(root_port_of(function));
    }
}

/* ---- for operations ---- */

static struct root_port *port_above(const struct pci_function *function)
{
    return root_port_of(function->bus->bridge->function);
}

void root_port_look(const struct pci_function *function)
{
    do_noted(port_above(function));
}

void root_port_withdraw(const struct pci_function *function)
{
    pci_lock(function->bus->host);
    slot_withdraw(&port_above(function)->slot);
    pci_unlock(function->bus->host);
}

const char *root_port_explain(const struct pci_function *function)
{
    const struct root_port *port = port_above(function);
    bool busy, unheard;

    pci_lock(function->bus->host);
    busy = slot_is_busy(&port->slot);
    unheard = slot_is_unheard(&port->slot);
    pci_unlock(function->bus->host);
    if (busy)
        return "the guest is working on it and may still finish";
    if (unheard)
        return "the guest has not acknowledged the slot's event; it may lack a driver for the root port (in "
               "Linux, pciehp), or hang";
    return "the guest has acknowledged the slot's event and not acted on it; it may still respond";
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

static enum unplug_way request_removal(struct root_port *port)
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
    if (!device_request_prepare(&function->device, true, error))
        return false;
    switch (request_removal(port)) {
    case UNPLUG_BUSY:
        device_request_discard(&function->device);
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
        break;
    case UNPLUG_PRESSED:
        break;
    }
    device_request_begin(&function->device);
    return true;
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
