/* SPDX-License-Identifier: BSD-2-Clause */
#include "pci/place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/board.h"
#include "device/request.h"
#include "pci/bus.h"

#define DEVFN_FREE (-1)

/* ---- addr= ---- */

static bool parse_hex(const char **text, unsigned max, unsigned *value)
{
    char *end;
    unsigned long number;

    if (!strchr("0123456789abcdefABCDEF", **text) || !**text) /* not what strtoul() takes besides */
        return false;
    number = strtoul(*text, &end, 16);
    *text = end;
    *value = (unsigned)number;
    return number <= max;
}

/* As QEMU reads it: both numbers are hexadecimal, with or without 0x. */
static bool parse_addr(const char *addr, int *devfn)
{
    const char *at = addr;
    unsigned slot, function = 0;

    if (!parse_hex(&at, PCI_SLOTS - 1, &slot))
        return false;
    if (*at == '.') {
        at++;
        if (!parse_hex(&at, PCI_FUNCTIONS - 1, &function))
            return false;
    }
    *devfn = PCI_DEVFN(slot, function);
    return *at == '\0';
}

bool pci_place_check(const struct pci_place *place, struct error *error)
{
    int devfn;

    if (place->addr && !parse_addr(place->addr, &devfn))
        return error_set(error,
                         "Parameter 'addr' expects a slot, or slot.function, in hexadecimal: 0 to 1f, and .0 "
                         "to .7, such as addr=0x3 or addr=3.1; got '%.40s'",
                         place->addr);
    return !place->romfile || !*place->romfile ||
           error_set(error,
                     "romfile=%.80s: hotram has no option ROMs, since it boots a -kernel without firmware; "
                     "leave it out, or give an empty name",
                     place->romfile);
}

/* ---- which bus ---- */

#define NAMES_LENGTH 300

/* The names of all buses, as many as there is room for. */
static void list_buses(struct pci_host *host, char names[NAMES_LENGTH])
{
    size_t length = (size_t)snprintf(names, NAMES_LENGTH, "%s", host->root.name);

    for (unsigned i = 0; i < PCI_SLOTS * PCI_FUNCTIONS; i++) {
        const struct pci_function *function = host->root.function[i];
        const char *name = function && function->bridge ? function->bridge->bus.name : NULL;

        if (name && length + strlen(name) + 8 < NAMES_LENGTH)
            length += (size_t)snprintf(names + length, NAMES_LENGTH - length, ", %s", name);
        else if (name) {
            snprintf(names + length, NAMES_LENGTH - length, ", ...");
            return;
        }
    }
}

static struct pci_bus *find_bus(const struct pci_function *function, struct board *board, const char *name,
                                struct error *error)
{
    struct pci_bus *bus;
    char names[NAMES_LENGTH];

    if (!board->pci) {
        error_set(error, "No 'PCI' bus found for device '%s': machine 'none' has none", function->name);
        return NULL;
    }
    bus = pci_bus_named(board->pci, name ? name : PCI_ROOT_NAME);
    if (bus)
        return bus;
    list_buses(board->pci, names);
    error_set_class(error, ERROR_GENERIC, "Bus '%.80s' not found; there are: %s", name, names);
    return NULL;
}

/* ---- which slot ---- */

/* "pcie-root-port,id=p1", as errors say it. */
static const char *whose(const struct pci_function *function, char text[160])
{
    const char *coming = function->device.coming ? ", which is still being added" : "";

    if (function->device.id)
        snprintf(text, 160, "%s,id=%.80s%s", function->name, function->device.id, coming);
    else
        snprintf(text, 160, "%s%s", function->name, coming);
    return text;
}

/* What has a place, or will have it. */
static const struct pci_function *holder(const struct pci_bus *bus, unsigned devfn)
{
    return bus->function[devfn] ? bus->function[devfn] : bus->coming[devfn];
}

/* The lowest slot of which no function is taken; DEVFN_FREE: there is none. */
static int free_slot(const struct pci_bus *bus)
{
    for (unsigned slot = 0; slot < (bus->bridge ? 1 : PCI_SLOTS); slot++) {
        bool taken = false;

        for (unsigned i = 0; i < PCI_FUNCTIONS; i++)
            taken |= holder(bus, PCI_DEVFN(slot, i)) != NULL;
        if (!taken)
            return PCI_DEVFN(slot, 0);
    }
    return DEVFN_FREE;
}

/* Where a function can come while the guest runs, as errors say it: a bus, or what the machine lacks. */
static const char *hot_place(const struct pci_host *host, char text[160])
{
    for (unsigned i = 0; i < PCI_SLOTS * PCI_FUNCTIONS; i++) {
        const struct pci_function *function = host->root.function[i];
        const struct pci_bridge *bridge = function ? function->bridge : NULL;

        if (bridge && !bridge->permanent && free_slot(&bridge->bus) != DEVFN_FREE) {
            snprintf(text, 160, "bus=%.80s is free", bridge->bus.name);
            return text;
        }
    }
    return "start hotram with another -device pcie-root-port,id=ID,chassis=N, and give the device bus=ID";
}

static bool no_slot(const struct pci_function *function, const struct pci_bus *bus, bool hot,
                    struct error *error)
{
    char text[160], place[160];

    if (bus->bridge)
        return error_set(error,
                         "PCI: no slot/function available for %s, all in use: bus '%s' has one slot, and %s "
                         "is there; %s",
                         function->name, bus->name, whose(holder(bus, 0) ? holder(bus, 0) : function, text),
                         hot ? hot_place(bus->host, place)
                             : "add a pcie-root-port, or take bus=" PCI_ROOT_NAME);
    return error_set(error,
                     "PCI: no slot/function available for %s, all in use: bus '%s' has %u slots; up to %u "
                     "functions share one with multifunction=on and addr=SLOT.FUNCTION",
                     function->name, bus->name, PCI_SLOTS, PCI_FUNCTIONS);
}

static bool check_taken(const struct pci_function *function, const struct pci_bus *bus, unsigned devfn,
                        struct error *error)
{
    const struct pci_function *other = holder(bus, devfn);
    const int free_one = free_slot(bus);
    char text[160];

    if (!other)
        return true;
    if (free_one == DEVFN_FREE)
        return error_set(error, "PCI: slot %u function %u not available for %s, in use by %s",
                         PCI_SLOT(devfn), PCI_FUNCTION(devfn), function->name, whose(other, text));
    return error_set(error, "PCI: slot %u function %u not available for %s, in use by %s; addr=0x%x is free",
                     PCI_SLOT(devfn), PCI_FUNCTION(devfn), function->name, whose(other, text),
                     PCI_SLOT(free_one));
}

/* A guest looks for other functions only where function 0 says that there are (6.2.1). */
static bool check_multifunction(const struct pci_bus *bus, unsigned devfn, bool multifunction,
                                struct error *error)
{
    const struct pci_function *zero = bus->function[PCI_DEVFN(PCI_SLOT(devfn), 0)];
    char text[160];

    if (PCI_FUNCTION(devfn) > 0 && zero && !zero->multifunction)
        return error_set(error,
                         "PCI: single function device can't be populated in function %x.%x: %s is in "
                         "function 0 without multifunction=on",
                         PCI_SLOT(devfn), PCI_FUNCTION(devfn), whose(zero, text));
    if (PCI_FUNCTION(devfn) > 0 || multifunction)
        return true;
    for (unsigned i = 1; i < PCI_FUNCTIONS; i++)
        if (bus->function[devfn + i])
            return error_set(error,
                             "PCI: %x.0 indicates single function, but %x.%x is already populated; give "
                             "multifunction=on",
                             PCI_SLOT(devfn), PCI_SLOT(devfn), i);
    return true;
}

static bool find_place(const struct pci_function *function, const struct pci_bus *bus,
                       const struct pci_place *place, bool hot, int *devfn, struct error *error)
{
    const char *addr = place->addr;

    *devfn = DEVFN_FREE;
    if (!pci_place_check(&(struct pci_place){ .addr = (char *)addr }, error))
        return false;
    if (!addr)
        *devfn = free_slot(bus);
    else
        parse_addr(addr, devfn);
    if (*devfn == DEVFN_FREE)
        return no_slot(function, bus, hot, error);
    if (bus->bridge && PCI_SLOT(*devfn) > 0)
        return error_set(error,
                         "PCI: slot %u is not valid for %s, parent device only allows plugging into slot 0: "
                         "leave addr out, or give addr=0x0",
                         PCI_SLOT(*devfn), function->name);
    return check_taken(function, bus, (unsigned)*devfn, error) &&
           check_multifunction(bus, (unsigned)*devfn, place->multifunction, error);
}

/* ---- coming ---- */

static bool check_hot(const struct pci_function *function, const struct pci_bus *bus, unsigned devfn,
                      struct error *error)
{
    char text[160];

    if (!bus->bridge)
        return error_set(error, "Bus '%s' does not support hotplugging: %s", bus->name,
                         hot_place(bus->host, text));
    if (PCI_FUNCTION(devfn) > 0 && holder(bus, 0))
        return error_set(error,
                         "PCI: slot %u function 0 already occupied by %s, new func %s cannot be exposed to "
                         "guest: function 0 comes last",
                         PCI_SLOT(devfn), whose(holder(bus, 0), text), function->name);
    for (unsigned i = 1; PCI_FUNCTION(devfn) == 0 && i < PCI_FUNCTIONS; i++)
        if (bus->coming[i])
            return error_set(
                error,
                "PCI: function %u of the slot is %s, and function 0 comes last: add %s after the "
                "answer to that device_add",
                i, whose(bus->coming[i], text), function->name);
    return bus->bridge->plug(bus->bridge, function, error);
}

bool pci_place_reserve(const struct pci_function *function, struct board *board,
                       const struct pci_place *place, struct pci_reservation *reservation,
                       struct error *error)
{
    struct pci_bus *bus = find_bus(function, board, place->bus, error);
    int devfn;

    *reservation = (struct pci_reservation){ 0 };
    if (!bus || !find_place(function, bus, place, true, &devfn, error) ||
        !check_hot(function, bus, (unsigned)devfn, error))
        return false;
    *reservation = (struct pci_reservation){ bus, (unsigned)devfn };
    bus->coming[devfn] = function;
    return true;
}

void pci_place_release(struct pci_reservation *reservation)
{
    if (reservation->bus)
        reservation->bus->coming[reservation->devfn] = NULL;
    reservation->bus = NULL;
}

bool pci_function_plug(struct pci_function *function, struct board *board, const struct pci_place *place,
                       bool hot, struct error *error)
{
    struct pci_bus *bus = find_bus(function, board, place->bus, error);
    int devfn;

    if (!bus || !find_place(function, bus, place, hot, &devfn, error) ||
        (hot && !check_hot(function, bus, (unsigned)devfn, error)) ||
        (hot && PCI_FUNCTION(devfn) == 0 && !device_request_prepare(&function->device, false, error)))
        return false;
    if (place->multifunction)
        pci_config_at_power_on(function, PCI_HEADER_TYPE, 1,
                               pci_config_get(function, PCI_HEADER_TYPE, 1) | PCI_HEADER_MULTIFUNCTION);
    snprintf(function->addr, sizeof function->addr, "%02x.%x", PCI_SLOT(devfn), PCI_FUNCTION(devfn));
    function->multifunction = place->multifunction;
    pci_lock(bus->host);
    function->bus = bus;
    function->devfn = (uint8_t)devfn;
    bus->function[devfn] = function;
    if (bus->bridge)
        bus->bridge->plugged(bus->bridge, hot);
    pci_unlock(bus->host);
    return true;
}

void pci_function_remove(struct pci_function *function)
{
    struct pci_bus *bus = function->bus;

    device_request_discard(&function->device);
    if (!bus || function->removed)
        return;
    pci_intx_remove(function);
    pci_lock(bus->host);
    pci_bars_remove(function);
    bus->function[function->devfn] = NULL;
    pci_host_update(bus->host);
    pci_unlock(bus->host);
    bus_wait();
}

void pci_place_describe(const struct pci_function *function, struct pci_place *place)
{
    *place = (struct pci_place){ .bus = (char *)function->bus->name,
                                 .addr = (char *)function->addr,
                                 .multifunction = function->multifunction };
}

bool pci_function_stays(const struct pci_function *function)
{
    const struct pci_bridge *above = function->bus->bridge;

    return !above || !above->unplug || above->permanent;
}

bool pci_function_unplug(struct pci_function *function, struct error *error)
{
    struct pci_bridge *above = function->bus->bridge;

    if (above && above->unplug)
        return above->unplug(above, function, error);
    return error_set(error,
                     "Bus '%s' does not support hotplugging: what is on it stays with the machine; a device "
                     "that is to go has to be behind a pcie-root-port",
                     function->bus->name);
}
