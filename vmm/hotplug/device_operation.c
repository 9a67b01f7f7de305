/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices at root ports as the subjects of operations: what the guest did with the slot, read as the end of
 * an operation. See device_operation.h.
 */
#include "hotplug/device_operation.h"

#include <inttypes.h>
#include <stdio.h>

#include "hotplug/saved_operations.h"
#include "pci/root_port.h"

#define SECTION "device operations"
#define SLOTS (PCI_SLOTS * PCI_FUNCTIONS * PCI_FUNCTIONS)

static struct pci_function *function_of(struct device *device)
{
    return (struct pci_function *)(void *)device;
}

/* ---- the type ---- */

static void begins(struct operation *operation)
{
    (void)operation;
}

static void withdraw(struct operation *operation)
{
    root_port_withdraw(function_of(operation->subject.device.device));
}

static void explain_refusal(struct operation *operation)
{
    snprintf(
        operation->reason, OPERATION_REASON_SIZE,
        "the guest has turned the slot's power indicator on again, and keeps the device: its log may have "
        "the reason; try again later");
}

static void inspect(const struct operation *operation, struct operation_info *info)
{
    (void)operation, (void)info;
}

static void expired(struct operation *operation)
{
    struct device *device = operation->subject.device.device;

    /* It may have answered just now. */
    if (!device->leaving)
        root_port_look(function_of(device));
    if (operation->result != OPERATION_IN_PROGRESS)
        return;
    snprintf(operation->reason, OPERATION_REASON_SIZE, "no answer in %g s: %s",
             (double)operation->deadline / 1000,
             device->leaving ? "the guest has released the device, and the host still works on its requests"
                             : root_port_explain(function_of(device)));
    operation_happens(operation, OPERATION_EXPIRED, NULL);
}

const struct subject_type device_subject = {
    .events = { EVENT_DEVICE_OPERATION_STARTED, EVENT_DEVICE_OPERATION_DONE, EVENT_DEVICE_OPERATION_LATE },
    .begins = begins,
    .withdraw = withdraw,
    .expired = expired,
    .explain_refusal = explain_refusal,
    .inspect = inspect,
};

/* ---- requests ---- */

static struct operation *new_operation(struct device_operations *devices, struct device *device,
                                       enum operation_kind kind, struct error *error)
{
    char path[DEVICE_PATH_SIZE];
    const struct subject subject = {
        .type = &device_subject,
        .id = device->id,
        .path = device_path(device, path),
        .open = &device->operation,
        .owner = devices,
        .device = { .device = device },
    };

    return operation_new(devices->operations, kind, &subject, error);
}

static bool is_asked(const struct pci_bus *bus)
{
    for (unsigned i = 0; i < PCI_FUNCTIONS; i++) {
        const struct operation *operation = bus->function[i] ? bus->function[i]->device.operation : NULL;

        if (operation && operation->kind == OPERATION_UNPLUG && operation->result == OPERATION_IN_PROGRESS)
            return true;
    }
    return false;
}

static bool prepare(void *opaque, struct device *device, bool unplug, struct error *error)
{
    if (unplug && is_asked(function_of(device)->bus))
        return true;
    device->prepared = new_operation(opaque, device, unplug ? OPERATION_UNPLUG : OPERATION_PLUG, error);
    return device->prepared != NULL;
}

static void begin(struct device *device)
{
    struct operation *operation = device->prepared;

    device->prepared = NULL;
    operation_begin(operation);
}

static void discard(struct device *device)
{
    operation_discard(device->prepared);
    device->prepared = NULL;
}

/* ---- what the guest did ---- */

static const char *reason_of_removal(const struct operation *operation)
{
    if (operation->at_reset)
        return "completed when the guest was reset and no longer used the device";
    if (operation->kind == OPERATION_PLUG)
        return "the guest has turned the slot's power off: it has released the device without a request, or "
               "cannot use it; its log has the reason";
    return operation->result == OPERATION_IN_PROGRESS
               ? NULL
               : "the guest released the device after the operation had ended";
}

static bool happens(struct device *device, enum device_happening happening)
{
    struct operation *operation = device->operation;
    enum operation_event event = OPERATION_TAKEN;
    const char *reason = NULL;

    switch (happening) {
    case DEVICE_TAKEN:
        break;
    case DEVICE_KEPT:
        event = OPERATION_DENIED;
        break;
    case DEVICE_GONE:
        event = OPERATION_GONE;
        reason = reason_of_removal(operation);
        break;
    case DEVICE_RESET:
        /* The slot has power when the guest boots: no later write is an answer to an earlier plug. */
        event = operation->kind == OPERATION_PLUG && operation->result == OPERATION_UNANSWERED
                    ? OPERATION_GONE
                    : OPERATION_RESET;
        reason = "the guest was reset before it responded; it finds the device when it boots";
        operation->at_reset = operation->kind == OPERATION_UNPLUG && operation->result != OPERATION_CANCELLED;
        break;
    }
    if (operation_next(operation->kind, operation->result, event).action == OPERATION_STAYS)
        return false;
    operation_happens(operation, event, reason);
    return true;
}

void device_operations_init(struct device_operations *devices, struct board *board,
                            struct operations *operations)
{
    *devices = (struct device_operations){
        .board = board,
        .operations = operations,
        .requests = { .prepare = prepare,
                      .begin = begin,
                      .discard = discard,
                      .happens = happens,
                      .opaque = devices },
    };
    board->requests = &devices->requests;
}

struct operation *device_operations_next(const struct device_operations *devices,
                                         const struct operation *last)
{
    return operation_next_of(devices->operations, devices, last);
}

/* ---- saved: a device is known by the port, and its function ---- */

static uint32_t slot_of(const struct operation *operation)
{
    const struct pci_function *function = function_of(operation->subject.device.device);

    return (uint32_t)(function->bus->bridge->function->devfn * PCI_FUNCTIONS + function->devfn);
}

static struct operation *make_operation(void *opaque, uint32_t slot, enum operation_kind kind,
                                        struct error *error)
{
    struct device_operations *devices = opaque;
    const struct pci_function *port = devices->board->pci
                                          ? devices->board->pci->root.function[slot / PCI_FUNCTIONS]
                                          : NULL;
    struct pci_function *function = port && port->bridge ? port->bridge->bus.function[slot % PCI_FUNCTIONS]
                                                         : NULL;

    if (function && !function->device.operation)
        return new_operation(devices, &function->device, kind, error);
    error_set(error, "function %" PRIu32 " %s", slot, function ? "has one already" : "is absent");
    return NULL;
}

static struct saved_operations saved_operations_of(struct device_operations *devices)
{
    return (struct saved_operations){
        .operations = devices->operations,
        .type = &device_subject,
        .owner = devices,
        .slots = SLOTS,
        .kinds = 1u << OPERATION_PLUG | 1u << OPERATION_UNPLUG,
        .slot = slot_of,
        .make = make_operation,
    };
}

static bool are_in_progress(const struct device_operations *devices)
{
    const struct operation *operation = NULL;

    while ((operation = device_operations_next(devices, operation)) != NULL)
        if (operation->result == OPERATION_IN_PROGRESS)
            return true;
    return false;
}

bool device_operations_save(struct device_operations *devices, struct stream_writer *writer,
                            struct error *error)
{
    const struct saved_operations saved = saved_operations_of(devices);

    if (!are_in_progress(devices))
        return true;
    stream_open(writer, SECTION);
    saved_operations_put(&saved, writer);
    return stream_close(writer, error);
}

bool device_operations_restore(struct device_operations *devices, const struct hotram_saved *stream,
                               struct error *error)
{
    const struct saved_operations saved = saved_operations_of(devices);
    struct stream_part part;

    return !stream_find(stream, SECTION, &part, NULL) || saved_operations_get(&saved, &part, error);
}
