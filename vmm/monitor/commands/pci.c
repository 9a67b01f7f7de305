/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is on the PCI buses. Shape and text are QEMU's.
 */
#include <inttypes.h>

#include "base/count_of.h"
#include "base/result.h"
#include "device/board.h"
#include "machine/machine.h"
#include "monitor/command.h"
#include "pci/bus.h"

/* Of a class and subclass; NULL: people read the number. */
static const char *class_text(uint32_t class)
{
    static const struct {
        uint16_t class;
        const char *text;
    } classes[] = {
        { 0x0100, "SCSI controller" }, { 0x0200, "Ethernet controller" }, { 0x0600, "Host bridge" },
        { 0x0601, "ISA bridge" },      { 0x0604, "PCI bridge" },
    };

    for (size_t i = 0; i < COUNT_OF(classes); i++)
        if (classes[i].class == class)
            return classes[i].text;
    return NULL;
}

static void add_identity(struct json_object *object, const struct pci_function *function)
{
    const uint32_t class = pci_config_get(function, PCI_CLASS + 1, 2);
    struct json_object *of_class = json_new_object(), *id = json_new_object();

    if (class_text(class))
        add_string(of_class, "desc", class_text(class));
    add_number(of_class, "class", class);
    json_add(object, "class_info", of_class);
    add_number(id, "device", pci_config_get(function, PCI_DEVICE, 2));
    add_number(id, "vendor", pci_config_get(function, PCI_VENDOR, 2));
    if (!function->bridge) {
        add_number(id, "subsystem", pci_config_get(function, PCI_SUBSYSTEM, 2));
        add_number(id, "subsystem-vendor", pci_config_get(function, PCI_SUBSYSTEM_VENDOR, 2));
    }
    json_add(object, "id", id);
}

/* A BAR without an address is one at which the guest does not find it. */
static void add_regions(struct json_object *object, const struct pci_function *function)
{
    struct json_object *regions = json_add_array(object, "regions");

    for (unsigned i = 0; i < PCI_BARS_MAX; i++) {
        const struct pci_bar *bar = &function->bars[i].bar;
        const uint64_t address = pci_bar_address(function, i);
        struct json_object *region;

        if (bar->size == 0)
            continue;
        region = json_append_object(regions);
        add_number(region, "bar", i);
        add_string(region, "type", "memory");
        add_number(region, "size", bar->size);
        if (address != PCI_UNMAPPED)
            add_number(region, "address", address);
        add_bool(region, "prefetch", bar->prefetchable);
        add_bool(region, "mem_type_64", bar->bits64);
    }
}

static void add_range(struct json_object *bus, const char *name, struct pci_window window)
{
    struct json_object *range = json_new_object();

    add_number(range, "base", window.first);
    add_number(range, "limit", window.last);
    json_add(bus, name, range);
}

static void add_functions(struct json_object *array, const struct pci_bus *bus);

static void add_bridge(struct json_object *object, const struct pci_function *function)
{
    struct json_object *bridge = json_new_object(), *bus = json_new_object();

    add_number(bus, "number", pci_config_get(function, PCI_BRIDGE_PRIMARY, 1));
    add_number(bus, "secondary", pci_config_get(function, PCI_BRIDGE_SECONDARY, 1));
    add_number(bus, "subordinate", pci_config_get(function, PCI_BRIDGE_SUBORDINATE, 1));
    add_range(bus, "memory_range", pci_bridge_memory(function));
    add_range(bus, "prefetchable_range", pci_bridge_prefetchable(function));
    json_add(bridge, "bus", bus);
    add_functions(json_add_array(bridge, "devices"), &function->bridge->bus);
    json_add(object, "pci_bridge", bridge);
}

static void add_functions(struct json_object *array, const struct pci_bus *bus)
{
    for (unsigned devfn = 0; devfn < PCI_SLOTS * PCI_FUNCTIONS; devfn++) {
        const struct pci_function *function = bus->function[devfn];
        struct json_object *object;

        if (!function)
            continue;
        object = json_append_object(array);
        add_number(object, "bus", pci_bus_number(bus));
        add_number(object, "slot", PCI_SLOT(devfn));
        add_number(object, "function", PCI_FUNCTION(devfn));
        add_identity(object, function);
        if (pci_config_get(function, PCI_INTERRUPT_PIN, 1))
            add_number(object, "irq", pci_config_get(function, PCI_INTERRUPT_LINE, 1));
        add_number(object, "irq_pin", pci_config_get(function, PCI_INTERRUPT_PIN, 1));
        add_string(object, "qdev_id", function->device.id ? function->device.id : "");
        if (function->bridge)
            add_bridge(object, function);
        add_regions(object, function);
    }
}

static bool run_pci(struct monitor_context *context, struct json_object *args, struct json_object **result,
                    struct error *error)
{
    struct pci_host *host = machine_board(context->machine)->pci;
    struct json_object *root;

    (void)args, (void)error;
    *result = json_new_array();
    if (!host) /* -machine none */
        return true;
    root = json_append_object(*result);
    add_number(root, "bus", 0);
    pci_lock(host);
    add_functions(json_add_array(root, "devices"), &host->root);
    pci_unlock(host);
    return true;
}

/* ---- for people ---- */

static void print_range(struct text *out, const char *title, struct json_object *bus, const char *name)
{
    struct json_object *range = json_object_object_get(bus, name);

    text_printf(out, "      %s [0x%08" PRIx64 ", 0x%08" PRIx64 "]\n", title, get_number(range, "base"),
                get_number(range, "limit"));
}

static void print_regions(struct text *out, struct json_object *regions)
{
    for (size_t i = 0; i < json_object_array_length(regions); i++) {
        struct json_object *region = json_object_array_get_idx(regions, i);
        const uint64_t size = get_number(region, "size");

        text_printf(out, "      BAR%" PRIu64 ": %d bit%s memory", get_number(region, "bar"),
                    json_object_get_boolean(json_object_object_get(region, "mem_type_64")) ? 64 : 32,
                    json_object_get_boolean(json_object_object_get(region, "prefetch")) ? " prefetchable"
                                                                                        : "");
        if (json_object_object_get(region, "address"))
            text_printf(out, " at 0x%08" PRIx64 " [0x%08" PRIx64 "].\n", get_number(region, "address"),
                        get_number(region, "address") + size - 1);
        else
            text_printf(out, " of 0x%" PRIx64 " bytes, without an address.\n", size);
    }
}

static void print_functions(struct text *out, struct json_object *functions);

static void print_bridge(struct text *out, struct json_object *bridge)
{
    struct json_object *bus = json_object_object_get(bridge, "bus");

    text_printf(out, "      BUS %" PRIu64 ".\n", get_number(bus, "number"));
    text_printf(out, "      secondary bus %" PRIu64 ".\n", get_number(bus, "secondary"));
    text_printf(out, "      subordinate bus %" PRIu64 ".\n", get_number(bus, "subordinate"));
    print_range(out, "memory range", bus, "memory_range");
    print_range(out, "prefetchable memory range", bus, "prefetchable_range");
}

static void print_function(struct text *out, struct json_object *function)
{
    struct json_object *class = json_object_object_get(function, "class_info");
    struct json_object *id = json_object_object_get(function, "id");
    struct json_object *bridge = json_object_object_get(function, "pci_bridge");

    text_printf(out, "  Bus %2" PRIu64 ", device %3" PRIu64 ", function %" PRIu64 ":\n",
                get_number(function, "bus"), get_number(function, "slot"), get_number(function, "function"));
    if (json_object_object_get(class, "desc"))
        text_printf(out, "    %s", get_string(class, "desc"));
    else
        text_printf(out, "    Class %04" PRIu64, get_number(class, "class"));
    text_printf(out, ": PCI device %04" PRIx64 ":%04" PRIx64 "\n", get_number(id, "vendor"),
                get_number(id, "device"));
    if (json_object_object_get(id, "subsystem"))
        text_printf(out, "      PCI subsystem %04" PRIx64 ":%04" PRIx64 "\n",
                    get_number(id, "subsystem-vendor"), get_number(id, "subsystem"));
    if (json_object_object_get(function, "irq"))
        text_printf(out, "      IRQ %" PRIu64 ", pin %c\n", get_number(function, "irq"),
                    (char)('A' + get_number(function, "irq_pin") - 1));
    if (bridge)
        print_bridge(out, bridge);
    print_regions(out, json_object_object_get(function, "regions"));
    text_printf(out, "      id \"%s\"\n", get_string(function, "qdev_id"));
    if (bridge)
        print_functions(out, json_object_object_get(bridge, "devices"));
}

static void print_functions(struct text *out, struct json_object *functions)
{
    for (size_t i = 0; i < json_object_array_length(functions); i++)
        print_function(out, json_object_array_get_idx(functions, i));
}

static void print_pci(struct text *out, struct json_object *result)
{
    for (size_t i = 0; i < json_object_array_length(result); i++)
        print_functions(out, json_object_object_get(json_object_array_get_idx(result, i), "devices"));
}

static const struct command commands[] = {
    { .qmp = "query-pci",
      .hmp = "info pci",
      .run = run_pci,
      .returns = "[PciInfo]",
      .print = print_pci,
      .help = "show what is on the PCI buses" },
};

const struct command_area commands_pci = { commands, COUNT_OF(commands) };
