/* SPDX-License-Identifier: BSD-2-Clause */
#include "virtio/saved.h"

#include <string.h>

#include "base/text.h"
#include "pci/msix.h"
#include "pci/saved.h"
#include "virtio/halt.h"
#include "virtio/run.h"

static const struct state_field fields[] = {
    STATE_FIELD(struct virtio_state, offered, 1, UINT64_MAX),
    STATE_FIELD(struct virtio_state, accepted, 1, UINT64_MAX),
    STATE_FIELD(struct virtio_state, device_feature_select, 1, UINT32_MAX),
    STATE_FIELD(struct virtio_state, driver_feature_select, 1, UINT32_MAX),
    STATE_FIELD(struct virtio_state, queue_select, 1, UINT16_MAX),
    STATE_FIELD(struct virtio_state, config_vector, 1, UINT16_MAX),
    STATE_FIELD(struct virtio_state, status, 1, UINT8_MAX),
    STATE_FIELD(struct virtio_state, generation, 1, UINT8_MAX),
    STATE_FIELD(struct virtio_state, isr, 1, 3),
    STATE_ARRAY(struct virtio_state, config, 1, UINT8_MAX),
};

const struct state_table virtio_state_table = STATE_TABLE("virtio", 1, struct virtio_state, fields);

static const struct state_field queue_fields[] = {
    STATE_FIELD(struct virtio_queue_state, descriptors, 1, UINT64_MAX),
    STATE_FIELD(struct virtio_queue_state, available, 1, UINT64_MAX),
    STATE_FIELD(struct virtio_queue_state, used, 1, UINT64_MAX),
    STATE_FIELD(struct virtio_queue_state, size, 1, UINT16_MAX),
    STATE_FIELD(struct virtio_queue_state, vector, 1, UINT16_MAX),
    STATE_FIELD(struct virtio_queue_state, next, 1, UINT16_MAX),
    STATE_FIELD(struct virtio_queue_state, enabled, 1, 1),
};

const struct state_table virtio_queue_state_table = STATE_TABLE("virtio-queue", 1, struct virtio_queue_state,
                                                                queue_fields);

const struct state_table *virtio_type_part(const struct device *device, unsigned index)
{
    if (index < PCI_FUNCTION_PARTS)
        return pci_function_part(index);
    switch (index - PCI_FUNCTION_PARTS) {
    case 0:
        return &virtio_state_table;
    case 1:
        return &virtio_queue_state_table;
    case 2:
        return device->type->virtio->state;
    default:
        return NULL;
    }
}

void virtio_type_summary(const struct device *device, struct text *text)
{
    const struct virtio_device *virtio = (const void *)device;

    pci_function_summary(&virtio->pci, text);
    text_printf(text, ", %u queues", virtio->queue_count);
}

bool virtio_type_has_saved_form(const struct device *device)
{
    const struct virtio_device_type *type = device->type->virtio;

    return type->has_saved_form && type->has_saved_form((const struct virtio_device *)(const void *)device);
}

bool virtio_is_saved(const struct virtio_device *device)
{
    (void)device;
    return true;
}

/* ---- saving ---- */

struct saving {
    struct virtio_device *device;
    struct hotram_buffer *out;
    struct error *error;
    bool good;
};

/* What the device holds at a pause it has not begun, or does again; so it is popped again. */
static bool save_queue(struct saving *saving, unsigned index)
{
    const struct virtio_queue_link *link = &saving->device->queues[index];
    const struct virtio_queue_layout *layout = &link->registers.layout;
    const bool runs = link->queue.running && !atomic_load(&saving->device->needs_reset);
    const struct virtio_queue_state state = {
        .descriptors = layout->descriptors,
        .available = layout->available,
        .used = layout->used,
        .size = layout->size,
        .vector = atomic_load(&link->vector),
        .next = runs ? (uint16_t)(link->queue.next_available - link->queue.in_flight) : 0,
        .enabled = link->registers.enabled,
    };

    if (link->queue.in_flight > 0 && !saving->device->type->pops_again)
        return error_set(saving->error,
                         "device '%.200s': %u requests wait until the guest continues, since the host has "
                         "failed them; correct the cause, and 'cont'",
                         saving->device->name, link->queue.in_flight);
    device_save_part(&saving->device->pci.device, &virtio_queue_state_table, (int)index, &state, saving->out);
    return true;
}

static void save_registers(struct saving *saving)
{
    struct virtio_device *device = saving->device;
    struct virtio_state state = {
        .offered = device->offered,
        .accepted = device->accepted,
        .device_feature_select = device->device_feature_select,
        .driver_feature_select = device->driver_feature_select,
        .queue_select = device->queue_select,
        .config_vector = atomic_load(&device->config_vector),
        .status = atomic_load(&device->status),
        .generation = atomic_load(&device->generation),
    };

    pthread_mutex_lock(&device->interrupt);
    state.isr = device->isr;
    memcpy(state.config, device->config, sizeof state.config);
    pthread_mutex_unlock(&device->interrupt);
    device_save_part(&device->pci.device, &virtio_state_table, -1, &state, saving->out);
}

/* On the I/O thread: what it does is done. */
static void save_on_io(void *opaque)
{
    _Alignas(max_align_t) uint8_t own[STATE_SIZE_MAX];
    struct saving *saving = opaque;
    struct virtio_device *device = saving->device;

    for (unsigned i = 0; i < device->queue_count; i++)
        virtio_queue_check_rings(&device->queues[i].queue);
    save_registers(saving);
    saving->good = !device->type->can_save || device->type->can_save(device, saving->error);
    for (unsigned i = 0; i < device->queue_count && saving->good; i++)
        saving->good = save_queue(saving, i);
    if (!saving->good || !device->type->state)
        return;
    memset(own, 0, sizeof own);
    device->type->save(device, own);
    device_save_part(&device->pci.device, device->type->state, -1, own, saving->out);
}

bool virtio_type_save(struct device *device, struct hotram_buffer *out, struct error *error)
{
    struct virtio_device *virtio = (void *)device;
    struct saving saving = { virtio, out, error, false };

    pci_function_save(&virtio->pci, out);
    pthread_mutex_lock(&virtio->lock);
    virtio_device_end_reset(virtio); /* the device is drained, of which the main loop may learn after this */
    virtio_device_call(virtio, save_on_io, &saving);
    pthread_mutex_unlock(&virtio->lock);
    return saving.good;
}

/* ---- whether a state is possible ---- */

static bool refuse(const struct virtio_device *device, struct error *error, const char *why)
{
    return error_set(error, "saved state of device '%.200s': %s", device->name, why);
}

static bool is_vector(const struct virtio_device *device, uint16_t vector)
{
    return vector < device->vector_count || vector == VIRTIO_NO_VECTOR;
}

static enum virtio_config_byte config_byte(const struct virtio_device *device, unsigned offset)
{
    if (device->config_writable[offset])
        return VIRTIO_CONFIG_STATE;
    return device->type->config_byte ? device->type->config_byte(offset) : VIRTIO_CONFIG_FIXED;
}

static bool check_config(const struct virtio_device *device, const struct virtio_state *state,
                         struct error *error)
{
    for (unsigned i = 0; i < VIRTIO_CONFIG_MAX; i++)
        if (state->config[i] != device->config[i] && config_byte(device, i) == VIRTIO_CONFIG_FIXED)
            return error_set(error,
                             "saved state of device '%.200s': byte %u of its configuration is 0x%x, and 0x%x "
                             "in this machine: its properties, or what it is made of, differ",
                             device->name, i, state->config[i], device->config[i]);
    return true;
}

/* As write_status() lets it become (common.c). */
static bool check_status(const struct virtio_device *device, const struct virtio_state *state,
                         struct error *error)
{
    if (state->status & VIRTIO_STATUS_DRIVER_OK && !(state->status & VIRTIO_STATUS_FEATURES_OK))
        return refuse(device, error, "its driver is ready without features");
    if (state->status & VIRTIO_STATUS_FEATURES_OK &&
        (state->accepted & ~state->offered || (state->accepted & device->needed) != device->needed))
        return refuse(device, error, "its driver has features that the device does not offer, or lacks some");
    return true;
}

static bool check_registers(const struct virtio_device *device, const struct virtio_state *state,
                            struct error *error)
{
    if (state->offered != device->offered)
        return error_set(error,
                         "saved state of device '%.200s': it offers features 0x%llx, and 0x%llx in this "
                         "machine; give it the same properties, and a back end that can do the same",
                         device->name, (unsigned long long)state->offered,
                         (unsigned long long)device->offered);
    if (!is_vector(device, state->config_vector))
        return refuse(device, error, "its configuration has an interrupt that there is none of");
    return check_status(device, state, error) && check_config(device, state, error);
}

/* Whether the driver is ready, and the device has not given up. */
static bool runs(const struct virtio_state *state)
{
    return state->status & VIRTIO_STATUS_DRIVER_OK && !(state->status & VIRTIO_STATUS_NEEDS_RESET);
}

static struct virtio_queue_layout layout_of(const struct virtio_queue_state *state)
{
    return (struct virtio_queue_layout){ state->size, state->descriptors, state->available, state->used };
}

static bool check_queue(const struct virtio_device *device, const struct virtio_state *registers,
                        unsigned index, const struct virtio_queue_state *state, struct error *error)
{
    const struct virtio_queue_link *link = &device->queues[index];
    const struct virtio_queue_layout layout = layout_of(state);
    const unsigned size = state->size;

    if (size == 0 || size > link->registers.size_max || (size & (size - 1)) != 0)
        return error_set(
            error,
            "saved state of device '%.200s': queue %u has %u entries; a power of two up to %u is "
            "possible",
            device->name, index, size, link->registers.size_max);
    if (!is_vector(device, state->vector))
        return refuse(device, error, "a queue has an interrupt that there is none of");
    if (!runs(registers) || !state->enabled)
        return true;
    return virtio_queue_probe(&link->queue, &layout, registers->accepted & VIRTIO_F_EVENT_IDX, error) ||
           error_prefix(error, "saved state of device '%.200s': ", device->name);
}

/* ---- restoring ---- */

static void take_registers(struct virtio_device *device, const struct virtio_state *state)
{
    device->accepted = state->accepted;
    device->device_feature_select = state->device_feature_select;
    device->driver_feature_select = state->driver_feature_select;
    device->queue_select = state->queue_select;
    atomic_store(&device->config_vector, state->config_vector);
    atomic_store(&device->status, state->status);
    atomic_store(&device->generation, state->generation);
    pthread_mutex_lock(&device->interrupt);
    device->isr = state->isr;
    for (unsigned i = 0; i < VIRTIO_CONFIG_MAX; i++)
        if (config_byte(device, i) == VIRTIO_CONFIG_STATE)
            device->config[i] = state->config[i];
        else if (state->config[i] != device->config[i])
            device->config_news = true;
    pthread_mutex_unlock(&device->interrupt);
}

static void take_queue(struct virtio_queue_link *link, const struct virtio_queue_state *state)
{
    link->registers.layout = layout_of(state);
    link->registers.enabled = state->enabled;
    link->resumes_at = state->next;
    atomic_store(&link->vector, state->vector);
}

static bool restore_queues(struct virtio_device *device, const struct virtio_state *registers, bool check,
                           struct hotram_saved *saved, struct error *error)
{
    struct virtio_queue_state state;

    for (unsigned i = 0; i < device->queue_count; i++) {
        if (!device_restore_part(&device->pci.device, &virtio_queue_state_table, (int)i, &state, saved,
                                 error) ||
            !check_queue(device, registers, i, &state, error))
            return false;
        if (!check)
            take_queue(&device->queues[i], &state);
    }
    return true;
}

static bool restore_own(struct virtio_device *device, const struct virtio_state *registers, void *own,
                        struct hotram_saved *saved, struct error *error)
{
    const struct virtio_device_type *type = device->type;

    return !type->state ||
           (device_restore_part(&device->pci.device, type->state, -1, own, saved, error) &&
            (!type->check_state || type->check_state(device, registers->accepted, own, error) ||
             error_prefix(error, "saved state of device '%.200s': ", device->name)));
}

bool virtio_type_restore(struct device *device, bool check, struct hotram_saved *saved, struct error *error)
{
    _Alignas(max_align_t) uint8_t own[STATE_SIZE_MAX];
    struct virtio_device *virtio = (void *)device;
    struct virtio_state registers;

    if (!pci_function_restore(&virtio->pci, check, saved, error) ||
        !device_restore_part(device, &virtio_state_table, -1, &registers, saved, error) ||
        !check_registers(virtio, &registers, error))
        return false;
    pthread_mutex_lock(&virtio->lock);
    if (!check)
        take_registers(virtio, &registers);
    if (!restore_queues(virtio, &registers, check, saved, error) ||
        !restore_own(virtio, &registers, own, saved, error)) {
        pthread_mutex_unlock(&virtio->lock);
        return false;
    }
    if (!check)
        virtio_device_continue(virtio, own);
    pthread_mutex_unlock(&virtio->lock);
    return true;
}

/* Interrupts that were raised shortly before the state was saved may be lost; one too many is harmless. */
void virtio_type_restored(struct device *device)
{
    struct virtio_device *virtio = (void *)device;

    pci_function_continue(&virtio->pci);
    for (unsigned i = 0; i < virtio->queue_count; i++)
        if (virtio->queues[i].queue.running && msix_enabled(&virtio->pci))
            virtio_interrupt_queue(virtio, i);
    if (virtio->config_news)
        atomic_fetch_add(&virtio->generation, 1);
    if (atomic_load(&virtio->status) & VIRTIO_STATUS_DRIVER_OK && virtio->config_news)
        virtio_interrupt_config(virtio);
    else if (atomic_load(&virtio->status) & VIRTIO_STATUS_DRIVER_OK)
        virtio_repeat_config(virtio);
    virtio->config_news = false;
}
