/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vhost-user-blk-pci: a disk whose requests another program serves, such as qemu-storage-daemon with a qcow2
 * image. Properties and defaults are QEMU's, but that num-queues follows the back end where it serves fewer
 * queues than there are CPUs.
 */
#include <inttypes.h>
#include <string.h>

#include "chardev/chardev.h"
#include "device/board.h"
#include "memory/backend.h"
#include "virtio/user_blk.h"

#define QUEUE_SIZE 128u
#define QUEUES_MAX 64u
#define QUEUE_SIZE_MIN 4u
#define CONFIG_SEG_MAX 12
#define CONFIG_QUEUES 34

#define ROW(name, type, field, help) PROPERTY_ROW(user_blk_values, name, type, field, help)
static const struct property properties[] = {
    VIRTIO_PROPERTIES(user_blk_values, virtio),
    PROPERTY_ROW_REQUIRED(user_blk_values, "chardev", PROPERTY_STRING, chardev,
                          "id of a -chardev socket that connects to the back end",
                          "Parameter 'chardev' is missing: chardev=ID, of a -chardev socket,id=ID,path=PATH"),
    PROPERTY_ROW_GIVEN(user_blk_values, "bootindex", PROPERTY_UINT32, bootindex,
                       "place in the boot order, for firmware; Linux is booted directly"),
    PROPERTY_ROW_GIVEN_RANGE(
        user_blk_values, "num-queues", PROPERTY_UINT32, queues,
        "request queues (default: one for each CPU, at most 64, or as many as the back end serves)",
        NUMBER_RANGE(1, QUEUES_MAX)),
    PROPERTY_ROW_RANGE(user_blk_values, "queue-size", PROPERTY_UINT32, queue_size,
                       "requests in a queue, a power of two (default 128)",
                       NUMBER_POWER_OF_TWO(QUEUE_SIZE_MIN, VIRTIO_QUEUE_SIZE_MAX)),
    ROW("write-cache", PROPERTY_STRING, write_cache,
        "on, auto (default): what is written is safe when the guest flushes; off: when it is written"),
    ROW("config-wce", PROPERTY_BOOL, config_wce,
        "the guest may change the write cache, if the back end lets it (default on)"),
    ROW("discard", PROPERTY_BOOL, discard, "the guest may discard, if the back end can (default on)"),
    ROW("write-zeroes", PROPERTY_BOOL, write_zeroes,
        "the guest may have zeroes written, if the back end can (default on)"),
};

/* ---- its type ---- */

static bool connect_back_end(struct user_blk *blk, struct board *board, struct error *error)
{
    const char *id = blk->values.chardev;
    int fd;

    blk->chardev = board->chardevs ? chardev_find(board->chardevs, id) : NULL;
    if (!blk->chardev)
        return error_set(
            error,
            "Property 'vhost-user-blk-device.chardev' can't find value '%.80s'; add it with -chardev "
            "socket,id=ID,path=PATH, or chardev-add",
            id);
    fd = chardev_take_connection(blk->chardev, error);
    if (fd < 0) {
        blk->chardev = NULL;
        return false;
    }
    return (vhost_user_open(&blk->user, fd, error) && vhost_user_begin(&blk->user, error)) ||
           error_prefix(error, "chardev '%s': ", id);
}

static bool find_queues(struct user_blk *blk, const struct board *board, struct error *error)
{
    struct user_blk_values *values = &blk->values;
    const unsigned cpus = board->vm->cpus, limit = blk->user.rings;

    if (!values->queues_given) {
        values->queues = cpus < 1 ? 1 : cpus < QUEUES_MAX ? cpus : QUEUES_MAX;
        values->queues = values->queues < limit ? values->queues : limit;
    }
    return values->queues <= limit ||
           error_set(error,
                     "The maximum number of queues supported by the backend is %u: num-queues=%" PRIu32
                     "; give fewer, or have the back end of chardev '%s' serve more (num-queues= of "
                     "qemu-storage-daemon's --export)",
                     limit, values->queues, values->chardev);
}

static void put(struct virtio_device *device, unsigned offset, uint32_t value, unsigned width)
{
    memcpy(device->config + offset, &value, width); /* little-endian, as both architectures are */
}

/* Where a back end lets it be set. It is told also what it says already: the first value of
 * qemu-storage-daemon is that it writes through, which it does not. */
static bool set_write_cache(struct user_blk *blk, struct error *error)
{
    const struct user_blk_values *values = &blk->values;
    const uint8_t back = !values->write_cache || strcmp(values->write_cache, "off") != 0;

    if (!(blk->user.features & BLK_F_CONFIG_WCE))
        return back ||
               error_set(error,
                         "write-cache=off: the back end of chardev '%s' does not let it be set; leave it "
                         "out, and have the back end write through",
                         values->chardev);
    return vhost_user_config_set(&blk->user, BLK_CONFIG_WRITE_BACK, &back, sizeof back) ||
           error_set(error, "chardev '%s': the back end: %s", values->chardev, blk->user.why.text);
}

static bool read_config(struct user_blk *blk, uint64_t *features, struct error *error)
{
    const struct user_blk_values *values = &blk->values;
    struct virtio_device *device = &blk->virtio;
    uint32_t segments;

    if (!vhost_user_config_get(&blk->user, device->config, USER_BLK_CONFIG_SIZE))
        return error_set(error, "chardev '%s': the back end: %s", values->chardev, blk->user.why.text);
    *features = blk->user.features & USER_BLK_FEATURES;
    if (!values->config_wce)
        *features &= ~BLK_F_CONFIG_WCE;
    if (!values->discard)
        *features &= ~BLK_F_DISCARD;
    if (!values->write_zeroes)
        *features &= ~BLK_F_WRITE_ZEROES;
    if (values->queues > 1)
        *features |= BLK_F_MQ;
    memcpy(&segments, device->config + CONFIG_SEG_MAX, sizeof segments);
    if (segments > values->queue_size - 2) /* a request has two descriptors besides its data */
        put(device, CONFIG_SEG_MAX, values->queue_size - 2, 4);
    put(device, CONFIG_QUEUES, values->queues, 2);
    device->config_writable[BLK_CONFIG_WRITE_BACK] = (*features & BLK_F_CONFIG_WCE) != 0;
    return true;
}

/* Features of rings that the back end lacks are none of the device. */
static bool find_ring_features(struct user_blk *blk, struct error *error)
{
    struct virtio_values *common = &blk->values.virtio;

    common->indirect &= (blk->user.features & VIRTIO_F_INDIRECT_DESC) != 0;
    common->event_index &= (blk->user.features & VIRTIO_F_EVENT_IDX) != 0;
    return (blk->user.features & VIRTIO_F_VERSION_1) ||
           error_set(error, "chardev '%s': the back end is older than virtio 1.0, which hotram requires",
                     blk->values.chardev);
}

static void set_defaults(void *opaque)
{
    struct user_blk_values *values = opaque;

    values->queue_size = QUEUE_SIZE;
    values->config_wce = values->discard = values->write_zeroes = true;
}

static bool check_values(const void *opaque, struct error *error)
{
    return blk_write_cache_check(((const struct user_blk_values *)opaque)->write_cache, error);
}

/* Its queues are the back end's, or wait for it. */
static bool handle(struct virtio_device *device, struct virtio_queue *queue)
{
    (void)device, (void)queue;
    return false;
}

static bool prepare(struct virtio_device *device, struct board *board, const char *id,
                    struct virtio_setup *setup, struct error *error)
{
    struct user_blk *blk = user_blk_of(device);

    (void)id;
    blk->user.fd = blk->user.requests = blk->user.their_end = -1;
    if (!connect_back_end(blk, board, error) || !find_queues(blk, board, error) ||
        !find_ring_features(blk, error) || !set_write_cache(blk, error) ||
        !read_config(blk, &setup->features, error))
        return false;
    setup->queues = blk->values.queues;
    setup->queue_size = (uint16_t)blk->values.queue_size;
    return true;
}

static bool plugged(struct virtio_device *device, struct error *error)
{
    if (!user_blk_serve(user_blk_of(device), error))
        return false;
    backends_share(device->pci.device.board->backends);
    return true;
}

static void release(struct virtio_device *device)
{
    struct user_blk *blk = user_blk_of(device);
    const struct board *board = device->pci.device.board;

    user_blk_leave(blk);
    vhost_user_close(&blk->user);
    if (blk->chardev && (!board || board->chardevs))
        chardev_free_connection(blk->chardev);
}

static const struct virtio_device_type type = {
    .virtio_id = 2,
    .class = 0x01,
    .subclass = 0x00,
    .config_size = USER_BLK_CONFIG_SIZE,
    .request_size = sizeof(struct virtio_request),
    .started = user_blk_started,
    .resumed = user_blk_resumed,
    .handle = handle,
    .halted = user_blk_take_back,
    .broken = user_blk_take_back,
    .vector_changed = user_blk_vector_changed,
    .config_written = user_blk_config_written,
    .shares_memory = true,
    .own_thread = true,
    .size = sizeof(struct user_blk),
    .values = offsetof(struct user_blk, values),
    .defaults = set_defaults,
    .check = check_values,
    .prepare = prepare,
    .plugged = plugged,
    .release = release,
};

VIRTIO_DEVICE_TYPE(vhost_user_blk_pci_type, "vhost-user-blk-pci", type, properties, struct user_blk_values,
                   true, virtio_device_reset);
VIRTIO_DEVICE_TYPE(vhost_user_blk_pci_non_transitional_type, "vhost-user-blk-pci-non-transitional", type,
                   properties, struct user_blk_values, true, virtio_device_reset);
