/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vhost-user-blk-pci: a disk whose requests another program serves, such as qemu-storage-daemon with a qcow2
 * image. Properties and defaults are QEMU's, but that num-queues follows the back end where it serves fewer
 * queues than there are CPUs.
 */
#include <inttypes.h>
#include <string.h>

#include "base/config.h"
#include "base/loop.h"
#include "device/board.h"
#include "device/boot_index.h"
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
    BOOT_INDEX_ROW(user_blk_values),
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

static struct user_blk *user_blk_of(struct virtio_device *device)
{
    return (struct user_blk *)(void *)device;
}

static bool find_queues(struct user_blk *blk, const struct board *board, struct error *error)
{
    struct user_blk_values *values = &blk->values;
    const unsigned cpus = board->vm->cpus, limit = blk->user.back_end.rings;

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

    if (!(blk->user.back_end.features & BLK_F_CONFIG_WCE))
        return back ||
               error_set(error,
                         "write-cache=off: the back end of chardev '%s' does not let it be set; leave it "
                         "out, and have the back end write through",
                         values->chardev);
    return vhost_user_config_set(&blk->user.back_end, BLK_CONFIG_WRITE_BACK, &back, sizeof back) ||
           error_set(error, "chardev '%s': the back end: %s", values->chardev, blk->user.back_end.why.text);
}

static bool read_back_end_config(struct virtio_device *device, struct error *error)
{
    struct user_blk *blk = user_blk_of(device);

    if (!set_write_cache(blk, error))
        return false;
    return vhost_user_config_get(&blk->user.back_end, device->config, USER_BLK_CONFIG_SIZE) ||
           error_set(error, "chardev '%s': the back end: %s", blk->values.chardev,
                     blk->user.back_end.why.text);
}

static void fit_config(struct user_blk *blk, uint64_t *features)
{
    const struct user_blk_values *values = &blk->values;
    struct virtio_device *device = &blk->virtio;
    uint32_t segments;

    *features = blk->user.back_end.features & USER_BLK_FEATURES;
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
}

static void set_defaults(void *opaque)
{
    struct user_blk_values *values = opaque;

    values->queue_size = QUEUE_SIZE;
    values->bootindex = BOOT_INDEX_NONE;
    values->config_wce = values->discard = values->write_zeroes = true;
}

static bool check_values(const void *opaque, struct error *error)
{
    return blk_write_cache_check(((const struct user_blk_values *)opaque)->write_cache, error);
}

/* ---- configuration space ---- */

static void config_changed(void *opaque)
{
    struct user_blk *blk = opaque;
    const uint64_t capacity = atomic_load(&blk->capacity);

    if (memcmp(blk->virtio.config + USER_BLK_CONFIG_CAPACITY, &capacity, sizeof capacity) != 0)
        virtio_device_config_set(&blk->virtio, USER_BLK_CONFIG_CAPACITY, &capacity, sizeof capacity);
}

static void read_capacity_on_io(struct virtio_device *device)
{
    struct user_blk *blk = user_blk_of(device);
    uint8_t config[USER_BLK_CONFIG_SIZE];
    uint64_t capacity;

    if (!vhost_user_config_get(&blk->user.back_end, config, sizeof config))
        return;
    memcpy(&capacity, config + USER_BLK_CONFIG_CAPACITY, sizeof capacity);
    atomic_store(&blk->capacity, capacity);
    loop_post(device->pci.device.board->loop, &blk->changed);
}

static void pass_write_cache(struct virtio_device *device)
{
    vhost_user_config_set(&device->user->back_end, BLK_CONFIG_WRITE_BACK,
                          device->config + BLK_CONFIG_WRITE_BACK, 1);
}

static void write_cache_on_io(void *opaque)
{
    struct virtio_device *device = opaque;

    if (virtio_user_still_there(device->user))
        pass_write_cache(device);
    virtio_user_still_there(device->user);
}

/* The driver may have changed the mode. */
static void continued(struct virtio_device *device, const void *state)
{
    (void)state;
    if (device->config_writable[BLK_CONFIG_WRITE_BACK])
        write_cache_on_io(device);
}

/* The image may have another size now; its mode is the one that the driver knows. */
static void came_back(struct virtio_device *device)
{
    if (device->user->back_end.features & BLK_F_CONFIG_WCE)
        pass_write_cache(device);
    read_capacity_on_io(device);
}

/* Under the device's lock, before the driver's next request: it waits for the back end. */
static void config_written(struct virtio_device *device, unsigned offset, unsigned width)
{
    if (device->config_writable[BLK_CONFIG_WRITE_BACK] && offset <= BLK_CONFIG_WRITE_BACK &&
        offset + width > BLK_CONFIG_WRITE_BACK)
        virtio_device_call(device, write_cache_on_io, device);
}

/* ---- life ---- */

static const struct virtio_user_type user_type = {
    .noun = "disk",
    .protocol = VHOST_USER_PROTOCOL_CONFIG,
    .features = USER_BLK_FEATURES | BLK_F_MQ,
    .group = 1,
    .again = true,
    .ask = read_back_end_config,
    .came_back = came_back,
    .config_changed = read_capacity_on_io,
};

static bool prepare(struct virtio_device *device, struct board *board, const char *id,
                    struct virtio_setup *setup, struct error *error)
{
    struct user_blk *blk = user_blk_of(device);

    (void)id;
    (void)setup;
    blk->changed = (struct work){ .run = config_changed, .opaque = blk };
    return virtio_user_connect(&blk->user, device, &user_type, blk->values.chardev,
                               "vhost-user-blk-device.chardev", board, error);
}

static bool answered(struct virtio_device *device, struct board *board, struct virtio_setup *setup,
                     struct error *error)
{
    struct user_blk *blk = user_blk_of(device);

    if (!find_queues(blk, board, error) || !virtio_user_limit_rings(&blk->user, &blk->values.virtio, error))
        return false;
    fit_config(blk, &setup->features);
    setup->queues = blk->user.queues = blk->values.queues;
    setup->queue_size = (uint16_t)blk->values.queue_size;
    return true;
}

/* Where its back end is a daemon for snapshot=on, whose temporary image ends with this program: the image
 * below it. NULL: it is not. */
static const struct image_config *find_temporary(struct user_blk *blk)
{
    const struct config *config = blk->virtio.pci.device.board->config;
    const char *chardev = blk->values.chardev;

    if (strncmp(chardev, IMAGE_CHARDEV, strlen(IMAGE_CHARDEV)) != 0)
        return NULL;
    for (size_t i = 0; i < config->image_count; i++)
        if (config->images[i].base && strcmp(config->images[i].name, chardev + strlen(IMAGE_CHARDEV)) == 0)
            return &config->images[i];
    return NULL;
}

/* Memory of the guest's that does not fit its disk would damage the file systems on it. */
static bool can_save(struct virtio_device *device, struct error *error)
{
    const struct image_config *image = find_temporary(user_blk_of(device));

    if (!image)
        return virtio_user_can_save(device, error);
    return error_set(
        error,
        "device '%.200s': what the guest writes is lost at the end (snapshot=on), and a guest that "
        "continues needs it; start with an overlay that stays: qemu-img create -f qcow2 -b %s -F %s "
        "OVERLAY",
        device->name, image->base, image->base_format);
}

static void release(struct virtio_device *device)
{
    struct user_blk *blk = user_blk_of(device);

    virtio_user_release(&blk->user);
    if (device->pci.device.board) /* it was on a bus */
        loop_cancel(device->pci.device.board->loop, &blk->changed);
}

static const struct virtio_device_type type = {
    .virtio_id = 2,
    .class = 0x01,
    .subclass = 0x00,
    .config_size = USER_BLK_CONFIG_SIZE,
    .request_size = sizeof(struct virtio_request),
    .started = virtio_user_started,
    .resumed = virtio_user_resumed,
    .handle = virtio_user_handle,
    .reset = virtio_user_reset,
    .halted = virtio_user_take_back,
    .broken = virtio_user_take_back,
    .vector_changed = virtio_user_vector_changed,
    .config_written = config_written,
    .has_saved_form = virtio_is_saved,
    .can_save = can_save,
    .continued = continued,
    .shares_memory = true,
    .own_thread = true,
    .size = sizeof(struct user_blk),
    .values = offsetof(struct user_blk, values),
    .defaults = set_defaults,
    .check = check_values,
    .prepare = prepare,
    .answered = answered,
    .plugged = virtio_user_plugged,
    .release = release,
};

VIRTIO_DEVICE_TYPE(vhost_user_blk_pci_type, "vhost-user-blk-pci", type, properties, struct user_blk_values,
                   true, virtio_device_reset);
VIRTIO_DEVICE_TYPE(vhost_user_blk_pci_non_transitional_type, "vhost-user-blk-pci-non-transitional", type,
                   properties, struct user_blk_values, true, virtio_device_reset);
