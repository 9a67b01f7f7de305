/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vhost-user-fs-pci: a folder of the host that the guest mounts (VIRTIO 1.2, 5.11), which virtiofsd shares.
 * Properties and defaults are QEMU's. There is no DAX window.
 */
#include <inttypes.h>
#include <string.h>

#include "device/board.h"
#include "device/boot_index.h"
#include "virtio/user.h"

#define TAG_SIZE 36u /* 5.11.4: padded with zeros, and without a NUL if it is that long */
#define CONFIG_QUEUES TAG_SIZE
#define CONFIG_SIZE (TAG_SIZE + 4u)
#define QUEUE_SIZE 128u
#define QUEUE_SIZE_MIN 4u
/* Besides the queues for requests there is one for those that must not wait behind others (5.11.2). */
#define OTHER_QUEUES 1u
#define QUEUES_MAX (VIRTIO_QUEUES_MAX - OTHER_QUEUES)

struct user_fs_values {
    struct virtio_values virtio;
    char *chardev, *tag;
    uint32_t queues, queue_size;
    int32_t bootindex;
    bool bootindex_given;
};

struct user_fs {
    struct virtio_device virtio; /* first */
    struct user_fs_values values;
    struct virtio_user user;
};

static const struct property properties[] = {
    VIRTIO_PROPERTIES(user_fs_values, virtio),
    PROPERTY_ROW_REQUIRED(user_fs_values, "chardev", PROPERTY_STRING, chardev,
                          "id of a -chardev socket that connects to virtiofsd",
                          "Parameter 'chardev' is missing: chardev=ID, of a -chardev socket,id=ID,path=PATH"),
    PROPERTY_ROW_REQUIRED(user_fs_values, "tag", PROPERTY_STRING, tag,
                          "name by which the guest mounts it (mount -t virtiofs TAG FOLDER), up to 36 bytes",
                          "Parameter 'tag' is missing: tag=NAME, by which the guest mounts the folder "
                          "(mount -t virtiofs NAME FOLDER)"),
    BOOT_INDEX_ROW(user_fs_values),
    PROPERTY_ROW_RANGE(user_fs_values, "num-request-queues", PROPERTY_UINT32, queues,
                       "request queues, besides the one for urgent requests (default 1)",
                       NUMBER_RANGE(1, QUEUES_MAX)),
    PROPERTY_ROW_RANGE(user_fs_values, "queue-size", PROPERTY_UINT32, queue_size,
                       "requests in a queue, a power of two (default 128)",
                       NUMBER_POWER_OF_TWO(QUEUE_SIZE_MIN, VIRTIO_QUEUE_SIZE_MAX)),
};

static void set_defaults(void *opaque)
{
    struct user_fs_values *values = opaque;

    values->queues = 1;
    values->queue_size = QUEUE_SIZE;
    values->bootindex = BOOT_INDEX_NONE;
}

static bool check_values(const void *opaque, struct error *error)
{
    const struct user_fs_values *values = opaque;
    const size_t length = strlen(values->tag);

    if (length == 0)
        return error_set(error, "Parameter 'tag' expects a name of 1 to %u bytes; it is empty", TAG_SIZE);
    return length <= TAG_SIZE ||
           error_set(error, "Parameter 'tag' expects a name of 1 to %u bytes; '%.80s' has %zu", TAG_SIZE,
                     values->tag, length);
}

static const struct virtio_user_type user_type = {
    .noun = "folder",
    .group = 1,
};

static const struct virtio_device_type type;

/* The guest would find one of them by their tag, and not the other. */
static bool tag_is_free(const struct user_fs *fs, const struct board *board, struct error *error)
{
    for (const struct device *device = device_any(board, NULL); device; device = device_any(board, device)) {
        const struct user_fs *other = (const void *)device;

        if (device->type->virtio == &type && strcmp(other->values.tag, fs->values.tag) == 0)
            return error_set(error, "Parameter 'tag': device '%s' has the tag '%s' already; give another one",
                             other->virtio.name, fs->values.tag);
    }
    return true;
}

static bool has_queues(const struct user_fs *fs, struct error *error)
{
    const unsigned wanted = fs->values.queues + OTHER_QUEUES, limit = fs->user.back_end.rings;

    return wanted <= limit || error_set(error,
                                        "num-request-queues=%" PRIu32
                                        ": the back end of chardev '%s' serves %u queues, of which "
                                        "one is for urgent requests; give fewer",
                                        fs->values.queues, fs->values.chardev, limit);
}

static bool prepare(struct virtio_device *device, struct board *board, const char *id,
                    struct virtio_setup *setup, struct error *error)
{
    struct user_fs *fs = (void *)device;

    (void)id;
    (void)setup;
    return tag_is_free(fs, board, error) &&
           virtio_user_connect(&fs->user, device, &user_type, fs->values.chardev,
                               "vhost-user-fs-device.chardev", board, error);
}

static bool answered(struct virtio_device *device, struct board *board, struct virtio_setup *setup,
                     struct error *error)
{
    struct user_fs *fs = (void *)device;

    (void)board;
    if (!virtio_user_limit_rings(&fs->user, &fs->values.virtio, error) || !has_queues(fs, error))
        return false;
    memcpy(device->config, fs->values.tag, strlen(fs->values.tag));
    memcpy(device->config + CONFIG_QUEUES, &fs->values.queues, sizeof fs->values.queues);
    setup->queues = fs->user.queues = fs->values.queues + OTHER_QUEUES;
    setup->queue_size = (uint16_t)fs->values.queue_size;
    return true;
}

static void release(struct virtio_device *device)
{
    struct user_fs *fs = (void *)device;

    virtio_user_release(&fs->user);
}

static const struct virtio_device_type type = {
    .virtio_id = 26,
    .class = 0x01,
    .subclass = 0x80,
    .config_size = CONFIG_SIZE,
    .request_size = sizeof(struct virtio_request),
    .started = virtio_user_started,
    .resumed = virtio_user_resumed,
    .handle = virtio_user_handle,
    .reset = virtio_user_reset,
    .halted = virtio_user_take_back,
    .broken = virtio_user_take_back,
    .vector_changed = virtio_user_vector_changed,
    .shares_memory = true,
    .own_thread = true,
    .size = sizeof(struct user_fs),
    .values = offsetof(struct user_fs, values),
    .defaults = set_defaults,
    .check = check_values,
    .prepare = prepare,
    .answered = answered,
    .plugged = virtio_user_plugged,
    .release = release,
};

VIRTIO_DEVICE_TYPE(vhost_user_fs_pci_type, "vhost-user-fs-pci", type, properties, struct user_fs_values, true,
                   virtio_device_reset);
