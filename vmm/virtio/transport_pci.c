/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PCI transport (VIRTIO 1.2, 4.1), modern only. BAR 1 has MSI-X's table, BAR 4 the structures, where QEMU
 * has them: common configuration, interrupt status, device configuration, notification area.
 */
#include <string.h>
#include <unistd.h>

#include "kvm/doorbell.h"
#include "pci/msix.h"
#include "virtio/device.h"

#define MSIX_BAR 1u
#define BAR 4u
#define BAR_SIZE 0x4000u
#define PART_SIZE 0x1000u /* of each structure, one behind the other */
enum part { PART_COMMON, PART_ISR, PART_DEVICE, PART_NOTIFY };
#define NOTIFY_STEP 4u

#define ISR_QUEUE 1u
#define ISR_CONFIG 2u

/* ---- interrupts ---- */

static void raise_vector(struct virtio_device *device, unsigned vector)
{
    const uint64_t one = 1;

    if (vector < device->vector_count)
        RESULT_DOES_NOT_MATTER(write(device->vector_fd[vector], &one, sizeof one) < 0,
                               "then it is raised already");
}

static void raise_pin(struct virtio_device *device, uint8_t bit, bool pin)
{
    pthread_mutex_lock(&device->interrupt);
    device->isr |= bit;
    if (pin && device->has_pin)
        pci_intx(&device->pci, true);
    pthread_mutex_unlock(&device->interrupt);
}

void virtio_interrupt_queue(struct virtio_device *device, unsigned queue)
{
    if (msix_enabled(&device->pci))
        raise_vector(device, atomic_load(&device->queues[queue].vector));
    else
        raise_pin(device, ISR_QUEUE, true);
}

void virtio_interrupt_config(struct virtio_device *device)
{
    const bool vectors = msix_enabled(&device->pci);

    raise_pin(device, ISR_CONFIG, !vectors);
    if (vectors)
        raise_vector(device, atomic_load(&device->config_vector));
}

void virtio_repeat_config(struct virtio_device *device)
{
    if (msix_enabled(&device->pci))
        raise_vector(device, atomic_load(&device->config_vector));
}

static uint8_t take_isr(struct virtio_device *device)
{
    uint8_t isr;

    pthread_mutex_lock(&device->interrupt);
    isr = device->isr;
    device->isr = 0;
    if (device->has_pin)
        pci_intx(&device->pci, false);
    pthread_mutex_unlock(&device->interrupt);
    return isr;
}

void virtio_transport_pin(struct virtio_device *device, bool has)
{
    pthread_mutex_lock(&device->interrupt);
    device->has_pin = has;
    pthread_mutex_unlock(&device->interrupt);
}

/* ---- device configuration (4.1.4.6) ---- */

static uint32_t read_config(struct virtio_device *device, uint64_t offset, unsigned width)
{
    uint32_t value = 0;

    pthread_mutex_lock(&device->interrupt);
    if (offset + width <= device->type->config_size)
        memcpy(&value, device->config + offset, width);
    pthread_mutex_unlock(&device->interrupt);
    return value;
}

static void write_config(struct virtio_device *device, uint64_t offset, unsigned width, uint32_t value)
{
    const uint8_t *bytes = (const uint8_t *)&value;

    if (offset + width > device->type->config_size)
        return;
    for (unsigned i = 0; i < width; i++)
        if (device->config_writable[offset + i])
            device->config[offset + i] = bytes[i];
    if (device->type->config_written)
        device->type->config_written(device, (unsigned)offset, width);
}

void virtio_device_config_put(struct virtio_device *device, unsigned offset, const void *bytes,
                              unsigned length)
{
    pthread_mutex_lock(&device->interrupt);
    memcpy(device->config + offset, bytes, length);
    atomic_fetch_add(&device->generation, 1);
    pthread_mutex_unlock(&device->interrupt);
}

void virtio_device_config_set(struct virtio_device *device, unsigned offset, const void *bytes,
                              unsigned length)
{
    bool tell;

    pthread_mutex_lock(&device->lock);
    virtio_device_config_put(device, offset, bytes, length);
    tell = atomic_load(&device->status) & VIRTIO_STATUS_DRIVER_OK;
    pthread_mutex_unlock(&device->lock);
    if (tell)
        virtio_interrupt_config(device);
}

/* ---- BAR 4, with the device's lock ---- */

static uint64_t bar_read(void *opaque, uint64_t offset, unsigned width)
{
    struct virtio_device *device = opaque;
    const uint64_t at = offset % PART_SIZE;

    switch (offset / PART_SIZE) {
    case PART_COMMON:
        return virtio_common_read(device, at, width);
    case PART_ISR:
        return at == 0 ? take_isr(device) : 0;
    case PART_DEVICE:
        return read_config(device, at, width);
    default:
        return 0;
    }
}

static void bar_write(void *opaque, uint64_t offset, unsigned width, uint64_t value)
{
    struct virtio_device *device = opaque;
    const uint64_t at = offset % PART_SIZE;

    if (device->resetting) /* the driver has to wait until the status is 0 (4.1.4.3.2) */
        return;
    switch (offset / PART_SIZE) {
    case PART_COMMON:
        virtio_common_write(device, at, width, (uint32_t)value);
        break;
    case PART_DEVICE:
        write_config(device, at, width, (uint32_t)value);
        break;
    case PART_NOTIFY: /* where there is no doorbell */
        if (at % NOTIFY_STEP == 0 && at / NOTIFY_STEP < device->queue_count)
            virtio_device_kick(device, (unsigned)(at / NOTIFY_STEP));
        break;
    default:
        break;
    }
}

/* ---- doorbells: KVM rings them, without this program ---- */

static struct vm_doorbell doorbell_of(const struct virtio_device *device, unsigned queue)
{
    return (struct vm_doorbell){ .address = device->doorbells + NOTIFY_STEP * queue,
                                 .fd = device->queues[queue].bell };
}

static void remove_doorbells(struct virtio_device *device)
{
    const struct vm *vm = device->pci.device.board->vm;

    for (unsigned i = 0; device->queues && i < device->queue_count; i++) {
        const struct vm_doorbell doorbell = doorbell_of(device, i);

        if (device->queues[i].has_doorbell)
            vm_doorbell_remove(vm, &doorbell);
        device->queues[i].has_doorbell = false;
    }
}

/* The notification area has another address. What the host has no doorbell for comes to bar_write(). */
static void moved(struct pci_function *function, unsigned index, uint64_t address)
{
    struct virtio_device *device = (void *)function;
    struct error error;

    if (index != BAR)
        return;
    remove_doorbells(device);
    device->doorbells = address == PCI_UNMAPPED ? PCI_UNMAPPED : address + PART_NOTIFY * PART_SIZE;
    for (unsigned i = 0; address != PCI_UNMAPPED && i < device->queue_count; i++) {
        const struct vm_doorbell doorbell = doorbell_of(device, i);

        device->queues[i].has_doorbell = vm_doorbell_add(device->pci.device.board->vm, &doorbell, &error);
    }
}

/* ---- capabilities (4.1.4) ---- */

enum structure { STRUCTURE_COMMON = 1, STRUCTURE_NOTIFY, STRUCTURE_ISR, STRUCTURE_DEVICE, STRUCTURE_WINDOW };

/* Bytes of a capability, from its own id on. */
#define AT_TYPE 3u
#define AT_BAR 4u
#define AT_OFFSET 8u
#define AT_LENGTH 12u
#define AT_MORE 16u /* the multiplier of notifications, or the window's data */
#define CAPABILITY_SHORT 16u
#define CAPABILITY_LONG 20u

/* The window onto BAR 4 that firmware uses where it cannot map it (4.1.4.9). False: it shows nothing. */
static bool find_window(struct virtio_device *device, uint32_t *offset, uint32_t *width)
{
    *offset = pci_config_get(&device->pci, device->window + AT_OFFSET, 4);
    *width = pci_config_get(&device->pci, device->window + AT_LENGTH, 4);
    return pci_config_get(&device->pci, device->window + AT_BAR, 1) == BAR &&
           (*width == 1 || *width == 2 || *width == 4) && *offset < BAR_SIZE && *offset % *width == 0;
}

static void window_read(struct pci_function *function, unsigned at, unsigned bytes)
{
    struct virtio_device *device = (void *)function;
    uint32_t offset, width;

    if (at + bytes <= AT_MORE || !find_window(device, &offset, &width))
        return;
    pthread_mutex_lock(&device->lock);
    pci_config_set(function, device->window + AT_MORE, 4, (uint32_t)bar_read(device, offset, width));
    pthread_mutex_unlock(&device->lock);
}

static void window_written(struct pci_function *function, unsigned at, unsigned bytes)
{
    struct virtio_device *device = (void *)function;
    uint32_t offset, width;

    if (at + bytes <= AT_MORE || !find_window(device, &offset, &width))
        return;
    pthread_mutex_lock(&device->lock);
    bar_write(device, offset, width, pci_config_get(function, device->window + AT_MORE, width));
    pthread_mutex_unlock(&device->lock);
}

static void add_structure(struct virtio_device *device, enum structure type, enum part part)
{
    uint8_t bytes[CAPABILITY_LONG] = { [AT_TYPE] = (uint8_t)type, [AT_BAR] = BAR };
    const bool is_long = type == STRUCTURE_NOTIFY;

    bytes[2] = is_long ? CAPABILITY_LONG : CAPABILITY_SHORT;
    bytes[AT_OFFSET + 1] = (uint8_t)(part * PART_SIZE >> 8);
    bytes[AT_LENGTH + 1] = PART_SIZE >> 8;
    bytes[AT_MORE] = NOTIFY_STEP;
    pci_capability_add(&device->pci,
                       &(struct pci_capability){ PCI_CAPABILITY_VENDOR, bytes[2], bytes, NULL, NULL, NULL });
}

static void add_window(struct virtio_device *device)
{
    static const uint8_t bytes[CAPABILITY_LONG] = { [2] = CAPABILITY_LONG, [AT_TYPE] = STRUCTURE_WINDOW };
    uint8_t writable[CAPABILITY_LONG] = { [AT_BAR] = 0xff };

    memset(writable + AT_OFFSET, 0xff, CAPABILITY_LONG - AT_OFFSET);
    device->window = pci_capability_add(
        &device->pci, &(struct pci_capability){ PCI_CAPABILITY_VENDOR, CAPABILITY_LONG, bytes, writable,
                                                window_read, window_written });
}

/* ---- life ---- */

void virtio_transport_reset(struct virtio_device *device)
{
    device->accepted = 0;
    device->device_feature_select = device->driver_feature_select = 0;
    device->queue_select = 0;
    atomic_store(&device->config_vector, VIRTIO_NO_VECTOR);
    for (unsigned i = 0; i < device->queue_count; i++) {
        struct virtio_queue_link *link = &device->queues[i];

        link->registers.enabled = false;
        link->registers.layout = (struct virtio_queue_layout){ .size = link->registers.size_max };
        atomic_store(&link->vector, VIRTIO_NO_VECTOR);
    }
    RESULT_DOES_NOT_MATTER(take_isr(device), "nobody reads it");
    device->resetting = false;
    atomic_store(&device->status, 0);
}

bool virtio_transport_init(struct virtio_device *device, struct error *error)
{
    const struct pci_bar bar = {
        .size = BAR_SIZE,
        .bits64 = true,
        .prefetchable = true,
        .width_max = 4,
        .read = bar_read,
        .write = bar_write,
        .device = device,
        .lock = &device->lock,
        .moved = moved,
    };

    device->doorbells = PCI_UNMAPPED;
    if (device->vector_count > 0 && !msix_init(&device->pci, MSIX_BAR, device->vector_count, error))
        return false;
    for (unsigned i = 0; i < device->vector_count; i++)
        if (!msix_fd(&device->pci, i, device->vector_fd[i]))
            return error_set(error, "interrupt %u of %u cannot be had", i, device->vector_count);
    pci_bar_add(&device->pci, BAR, &bar);
    add_structure(device, STRUCTURE_COMMON, PART_COMMON);
    add_structure(device, STRUCTURE_ISR, PART_ISR);
    add_structure(device, STRUCTURE_DEVICE, PART_DEVICE);
    add_structure(device, STRUCTURE_NOTIFY, PART_NOTIFY);
    add_window(device);
    virtio_transport_reset(device);
    return true;
}

void virtio_transport_end(struct virtio_device *device)
{
    remove_doorbells(device);
    if (device->vector_count > 0)
        msix_end(&device->pci);
}
