/* SPDX-License-Identifier: BSD-2-Clause */
#include "pci/msix_state.h"

#include <assert.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/message.h"
#include "device/board.h"

static uint64_t entry_get(const struct msix_vector *vector, unsigned offset, unsigned width)
{
    uint64_t value = 0;

    memcpy(&value, vector->entry + offset, width); /* hosts are little-endian */
    return value;
}

/* ---- delivery, under the lock ---- */

static bool is_heard(const struct msix *msix, const struct msix_vector *vector)
{
    return atomic_load(&msix->enabled) && !msix->mask_all &&
           !(entry_get(vector, ENTRY_CONTROL, 4) & ENTRY_MASKED);
}

static struct vm_msi message_of(const struct msix *msix, const struct msix_vector *vector)
{
    return (struct vm_msi){ .address = entry_get(vector, ENTRY_ADDRESS, 8),
                            .data = (uint32_t)entry_get(vector, ENTRY_DATA, 4),
                            .requester = atomic_load(&msix->function->requester) };
}

bool msix_is_pending(const struct msix_vector *vector)
{
    struct pollfd look = { .fd = vector->fd, .events = POLLIN };

    return vector->pending || (vector->fd >= 0 && !vector->wired && poll(&look, 1, 0) == 1);
}

static void wiring_failed(struct msix *msix, const struct error *error)
{
    if (!msix->warned)
        warning("%s: its interrupts are lost: %s", msix->function->name, error->text);
    msix->warned = true;
}

/* Take off the kernel what is not to be heard, and give it what is; what is pending then is sent. */
static void wire(struct msix *msix, struct msix_vector *vector)
{
    const bool heard = is_heard(msix, vector);
    struct vm_msi message;
    struct error error;

    if (!heard && vector->wired) {
        vm_irqfd_remove(msix->vm, vector->gsi, vector->fd);
        vector->wired = false;
    } else if (heard && vector->fd >= 0 && !vector->wired) {
        vector->wired = vm_irqfd_add(msix->vm, vector->gsi, vector->fd, -1, &error);
        if (!vector->wired)
            wiring_failed(msix, &error);
    }
    if (heard && vector->pending) {
        message = message_of(msix, vector);
        vm_msi_send(msix->vm, &message);
        vector->pending = false;
    }
}

/* Some vectors, from `first` on, have changed. The routes come first. */
static void update_vectors(struct msix *msix, unsigned first, unsigned count)
{
    struct error error;
    size_t routed = 0;

    for (unsigned i = first; i < first + count; i++) {
        const struct msix_vector *vector = &msix->vectors[i];

        if (vector->fd < 0 || !is_heard(msix, vector))
            continue;
        msix->messages[routed] = message_of(msix, vector);
        msix->routes[routed] = (struct vm_msi_route){ vector->gsi, &msix->messages[routed] };
        routed++;
    }
    if (routed > 0 && !vm_msi_routes(msix->vm, msix->routes, routed, &error))
        wiring_failed(msix, &error);
    for (unsigned i = first; i < first + count; i++)
        wire(msix, &msix->vectors[i]);
}

/* ---- the guest's accesses ---- */

static uint64_t read_pending(const struct msix *msix, unsigned offset, unsigned width)
{
    uint64_t bits = 0;

    for (unsigned i = 0; i < width * 8; i++) {
        const unsigned number = offset * 8 + i;

        if (number < msix->count && msix_is_pending(&msix->vectors[number]))
            bits |= UINT64_C(1) << i;
    }
    return bits;
}

static uint64_t read_bar(void *opaque, uint64_t offset, unsigned width)
{
    const struct msix *msix = opaque;

    if (offset >= msix->pending_at)
        return read_pending(msix, (unsigned)(offset - msix->pending_at), width);
    if (offset >= (uint64_t)msix->count * ENTRY_SIZE)
        return 0;
    return entry_get(&msix->vectors[offset / ENTRY_SIZE], offset % ENTRY_SIZE, width);
}

/* Of an entry's control one bit is there; an address is a multiple of 4. Pending bits are read-only. */
static void write_bar(void *opaque, uint64_t offset, unsigned width, uint64_t value)
{
    struct msix *msix = opaque;
    struct msix_vector *vector;

    if (offset >= (uint64_t)msix->count * ENTRY_SIZE)
        return;
    vector = &msix->vectors[offset / ENTRY_SIZE];
    memcpy(vector->entry + offset % ENTRY_SIZE, &value, width);
    vector->entry[ENTRY_ADDRESS] &= 0xfc;
    vector->entry[ENTRY_CONTROL] &= ENTRY_MASKED;
    memset(vector->entry + ENTRY_CONTROL + 1, 0, 3);
    update_vectors(msix, (unsigned)(offset / ENTRY_SIZE), 1);
}

static void control_written(struct pci_function *function, unsigned offset, unsigned width)
{
    (void)offset, (void)width;
    msix_follow(function);
}

void msix_follow(struct pci_function *function)
{
    struct msix *msix = function->msix;
    const uint32_t control = pci_config_get(function, msix->capability + CONTROL, 2);

    pthread_mutex_lock(&msix->lock);
    atomic_store(&msix->enabled, (control & CONTROL_ENABLE) != 0);
    msix->mask_all = control & CONTROL_MASK_ALL;
    update_vectors(msix, 0, msix->count);
    pthread_mutex_unlock(&msix->lock);
}

/* ---- how it comes to be, and its end ---- */

static void free_msix(struct msix *msix)
{
    free(msix->messages);
    free(msix->routes);
    pthread_mutex_destroy(&msix->lock);
    free(msix);
}

static struct msix *allocate(unsigned vectors, struct error *error)
{
    struct msix *msix = calloc(1, sizeof *msix + vectors * sizeof msix->vectors[0]);

    if (!msix) {
        error_set(error, "out of memory");
        return NULL;
    }
    pthread_mutex_init(&msix->lock, NULL);
    msix->messages = calloc(vectors, sizeof *msix->messages);
    msix->routes = calloc(vectors, sizeof *msix->routes);
    if (msix->messages && msix->routes)
        return msix;
    free_msix(msix);
    error_set(error, "out of memory");
    return NULL;
}

/* GSIs of vectors 0 to count - 1. */
static void free_gsis(struct msix *msix, unsigned count)
{
    while (count > 0)
        vm_gsi_free(msix->vm, msix->vectors[--count].gsi);
}

static bool allocate_gsis(struct msix *msix, struct error *error)
{
    for (unsigned i = 0; i < msix->count; i++) {
        const int gsi = vm_gsi_allocate(msix->vm, error);

        if (gsi < 0) {
            free_gsis(msix, i);
            return false;
        }
        msix->vectors[i].gsi = (unsigned)gsi;
        msix->vectors[i].fd = -1;
        msix->vectors[i].entry[ENTRY_CONTROL] = ENTRY_MASKED;
    }
    return true;
}

static void add_capability(struct msix *msix, unsigned bar)
{
    static const uint8_t writable[CAPABILITY_LENGTH] = { [CONTROL + 1] = 0xc0 };
    const struct pci_capability capability = {
        .id = PCI_CAPABILITY_MSIX,
        .length = CAPABILITY_LENGTH,
        .writable = writable,
        .written = control_written,
    };

    msix->capability = pci_capability_add(msix->function, &capability);
    pci_config_at_power_on(msix->function, msix->capability + CONTROL, 2, msix->count - 1);
    pci_config_at_power_on(msix->function, msix->capability + TABLE_AT, 4, bar);
    pci_config_at_power_on(msix->function, msix->capability + PENDING_AT, 4, msix->pending_at | bar);
}

static void add_bar(struct msix *msix, unsigned index)
{
    const uint64_t end = msix->pending_at + (msix->count + 63) / 64 * 8;
    struct pci_bar bar = {
        .size = BAR_SIZE_MIN,
        .width_max = 8,
        .read = read_bar,
        .write = write_bar,
        .device = msix,
        .lock = &msix->lock,
    };

    while (bar.size < end)
        bar.size *= 2;
    pci_bar_add(msix->function, index, &bar);
}

bool msix_init(struct pci_function *function, unsigned bar, unsigned vectors, struct error *error)
{
    struct msix *msix;

    assert(vectors >= 1 && vectors <= MSIX_VECTORS_MAX);
    msix = allocate(vectors, error);
    if (!msix)
        return false;
    msix->function = function;
    msix->vm = function->device.board->vm;
    msix->count = vectors;
    msix->pending_at = vectors * ENTRY_SIZE > BAR_SIZE_MIN / 2 ? vectors * ENTRY_SIZE : BAR_SIZE_MIN / 2;
    if (!allocate_gsis(msix, error)) {
        free_msix(msix);
        return false;
    }
    function->msix = msix;
    add_capability(msix, bar);
    add_bar(msix, bar);
    return true;
}

void msix_end(struct pci_function *function)
{
    struct msix *msix = function->msix;

    if (!msix)
        return;
    msix_reset(function);
    free_gsis(msix, msix->count);
    free_msix(msix);
    function->msix = NULL;
}

/* ---- the device ---- */

bool msix_fd(struct pci_function *function, unsigned vector, int fd)
{
    if (vector >= function->msix->count)
        return false;
    function->msix->vectors[vector].fd = fd;
    return true;
}

void msix_notify(struct pci_function *function, unsigned vector)
{
    struct msix *msix = function->msix;
    struct vm_msi message;

    if (!msix || vector >= msix->count)
        return;
    pthread_mutex_lock(&msix->lock);
    if (is_heard(msix, &msix->vectors[vector])) {
        message = message_of(msix, &msix->vectors[vector]);
        vm_msi_send(msix->vm, &message);
    } else if (atomic_load(&msix->enabled)) {
        msix->vectors[vector].pending = true;
    }
    pthread_mutex_unlock(&msix->lock);
}

bool msix_enabled(const struct pci_function *function)
{
    return function->msix && atomic_load(&function->msix->enabled);
}

void msix_reset(struct pci_function *function)
{
    struct msix *msix = function->msix;
    uint64_t lost;

    pthread_mutex_lock(&msix->lock);
    atomic_store(&msix->enabled, false);
    msix->mask_all = false;
    update_vectors(msix, 0, msix->count);
    for (unsigned i = 0; i < msix->count; i++) {
        struct msix_vector *vector = &msix->vectors[i];

        if (msix_is_pending(vector) && vector->fd >= 0)
            RESULT_DOES_NOT_MATTER(read(vector->fd, &lost, sizeof lost) < 0, "nobody else reads it");
        vector->pending = false;
        memset(vector->entry, 0, sizeof vector->entry);
        vector->entry[ENTRY_CONTROL] = ENTRY_MASKED;
    }
    pthread_mutex_unlock(&msix->lock);
}
