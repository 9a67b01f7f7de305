/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-blk-pci: a disk (VIRTIO 1.2, 5.2) of a block node. Properties and defaults are QEMU's.
 */
#include "virtio/blk.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/count_of.h"
#include "base/message.h"
#include "device/boot_index.h"
#include "device/device.h"

#define QUEUE_SIZE 256u
#define QUEUES_MAX 64u
#define BACKEND "/virtio-backend" /* QEMU's name of what is behind the PCI device */
#define QUEUE_SIZE_MIN 4u         /* a request has two descriptors besides its data */
#define BLOCK_SIZE_MAX (32u << 10)
#define GRANULARITY_MAX (UINT32_MAX / BLOCK_SECTOR * BLOCK_SECTOR)

/* Places in the configuration (5.2.4). */
#define CONFIG_CAPACITY 0
#define CONFIG_SEG_MAX 12
#define CONFIG_BLK_SIZE 20
#define CONFIG_PHYSICAL_EXPONENT 24
#define CONFIG_OPT_IO_SIZE 28
#define CONFIG_QUEUES 34
#define CONFIG_DISCARD 36      /* sectors, ranges, alignment */
#define CONFIG_WRITE_ZEROES 48 /* sectors, ranges, may unmap */
#define CONFIG_SIZE 60

#define ROW(name, type, field, help) PROPERTY_ROW(blk_values, name, type, field, help)
#define ROW_GIVEN(name, type, field, help) PROPERTY_ROW_GIVEN(blk_values, name, type, field, help)
#define ROW_RANGE(name, type, field, help, range) \
    PROPERTY_ROW_GIVEN_RANGE(blk_values, name, type, field, help, range)

static const struct property properties[] = {
    VIRTIO_PROPERTIES(blk_values, virtio),
    PROPERTY_ROW_REQUIRED(blk_values, "drive", PROPERTY_STRING, drive,
                          "node-name of what it is made of (-blockdev)",
                          "Parameter 'drive' is missing: drive=NODE-NAME, of a -blockdev"),
    ROW("iothread", PROPERTY_STRING, iothread,
        "id of an object iothread (default: the thread of all devices)"),
    ROW("serial", PROPERTY_STRING, serial, "serial number, up to 20 characters"),
    ROW_RANGE("logical_block_size", PROPERTY_SIZE32, logical,
              "bytes that it reads and writes as a whole (default: what the node needs, 512 most often)",
              NUMBER_POWER_OF_TWO(BLOCK_SECTOR, BLOCK_SIZE_MAX)),
    ROW_RANGE("physical_block_size", PROPERTY_SIZE32, physical,
              "bytes of the disk's own blocks (default: logical_block_size)",
              NUMBER_POWER_OF_TWO(BLOCK_SECTOR, BLOCK_SIZE_MAX)),
    ROW_RANGE("discard_granularity", PROPERTY_SIZE32, granularity,
              "bytes that the guest should discard as a whole (default: logical_block_size)",
              NUMBER_RANGE(BLOCK_SECTOR, GRANULARITY_MAX)),
    ROW("share-rw", PROPERTY_BOOL, share,
        "others may write the image at the same time, for a file system of a cluster (default off)"),
    BOOT_INDEX_ROW(blk_values),
    ROW_RANGE("num-queues", PROPERTY_UINT32, queues, "request queues (default: one for each CPU, at most 64)",
              NUMBER_RANGE(1, QUEUES_MAX)),
    PROPERTY_ROW_RANGE(blk_values, "queue-size", PROPERTY_UINT32, queue_size,
                       "requests in a queue, a power of two (default 256)",
                       NUMBER_POWER_OF_TWO(QUEUE_SIZE_MIN, VIRTIO_QUEUE_SIZE_MAX)),
    ROW("write-cache", PROPERTY_STRING, write_cache,
        "on, auto (default): what is written is safe when the guest flushes; off: when it is written"),
    ROW("config-wce", PROPERTY_BOOL, config_wce, "the guest may change write-cache (default on)"),
    ROW("discard", PROPERTY_BOOL, discard, "the guest may discard (default on)"),
    ROW("write-zeroes", PROPERTY_BOOL, write_zeroes, "the guest may have zeroes written (default on)"),
    ROW("werror", PROPERTY_STRING, werror,
        "when a write fails: report, ignore, stop, enospc (default: stop if the host has no space, else report)"),
    ROW("rerror", PROPERTY_STRING, rerror, "when a read fails: report (default), ignore, stop"),
};

/* ---- what is told of failures ---- */

static enum block_action action_of(const struct blk_failure *failure)
{
    return failure->stop ? BLOCK_STOPS : failure->ignored ? BLOCK_IGNORES : BLOCK_REPORTS;
}

/* Main thread. */
static void report_failure(void *opaque)
{
    struct blk *blk = opaque;
    struct board *board = blk->virtio.pci.device.board;
    struct blk_failure failure;

    pthread_mutex_lock(&blk->virtio.interrupt);
    failure = blk->failure;
    blk->failure.stop = false;
    pthread_mutex_unlock(&blk->virtio.interrupt);
    if (failure.stop)
        block_user_stopped(&blk->user, failure.error);
    board->event(board->machine, &(struct event){ .kind = EVENT_BLOCK_IO_ERROR,
                                                  .block.qdev = blk->qdev,
                                                  .block.node = block_node_name(blk->user.node),
                                                  .block.write = failure.write,
                                                  .block.action = action_of(&failure),
                                                  .block.nospace = failure.nospace,
                                                  .block.error = failure.error });
    if (failure.stop)
        board->io_error(board->machine);
}

/* ---- configuration ---- */

static void put(struct virtio_device *device, unsigned offset, uint64_t value, unsigned width)
{
    memcpy(device->config + offset, &value, width); /* little-endian, as both architectures are */
}

static uint64_t fill_config(struct blk *blk)
{
    const struct blk_values *values = &blk->values;
    struct virtio_device *device = &blk->virtio;
    uint64_t features = BLK_F_SEG_MAX | BLK_F_BLK_SIZE | BLK_F_TOPOLOGY | BLK_F_FLUSH;

    put(device, CONFIG_CAPACITY, block_node_size(blk->user.node) / BLOCK_SECTOR, 8);
    put(device, CONFIG_SEG_MAX, values->queue_size - 2, 4);
    put(device, CONFIG_BLK_SIZE, values->logical, 4);
    put(device, CONFIG_PHYSICAL_EXPONENT, (unsigned)__builtin_ctz(values->physical / values->logical), 1);
    put(device, BLK_CONFIG_WRITE_BACK, atomic_load(&blk->write_back), 1);
    put(device, CONFIG_QUEUES, values->queues, 2);
    if (values->queues > 1)
        features |= BLK_F_MQ;
    if (!blk->user.write)
        return features | BLK_F_RO;
    if (values->config_wce) {
        device->config_writable[BLK_CONFIG_WRITE_BACK] = 1;
        features |= BLK_F_CONFIG_WCE;
    }
    if (values->discard) {
        put(device, CONFIG_DISCARD, BLK_RANGE_MAX, 4);
        put(device, CONFIG_DISCARD + 4, 1, 4);
        put(device, CONFIG_DISCARD + 8, values->granularity / BLOCK_SECTOR, 4);
        features |= BLK_F_DISCARD;
    }
    if (values->write_zeroes) {
        put(device, CONFIG_WRITE_ZEROES, BLK_RANGE_MAX, 4);
        put(device, CONFIG_WRITE_ZEROES + 4, 1, 4);
        put(device, CONFIG_WRITE_ZEROES + 8, 1, 1);
        features |= BLK_F_WRITE_ZEROES;
    }
    return features;
}

static void config_written(struct virtio_device *device, unsigned offset, unsigned width)
{
    struct blk *blk = (void *)device;

    (void)offset, (void)width;
    atomic_store(&blk->write_back, device->config[BLK_CONFIG_WRITE_BACK] != 0);
}

static void resized(void *opaque)
{
    struct blk *blk = opaque;
    const uint64_t sectors = block_node_size(blk->user.node) / BLOCK_SECTOR;

    virtio_device_config_set(&blk->virtio, CONFIG_CAPACITY, &sectors, sizeof sectors);
}

/* ---- values ---- */

/* QEMU's words; `none` is what stands for no word. */
static bool read_policy(const char *name, const char *word, bool write, enum blk_policy *policy,
                        struct error *error)
{
    static const char *const words[] = { "report", "ignore", "stop", "enospc" };

    if (!word || strcmp(word, "auto") == 0) {
        *policy = write ? BLK_ENOSPC : BLK_REPORT;
        return true;
    }
    for (unsigned i = 0; i < COUNT_OF(words) - !write; i++)
        if (strcmp(words[i], word) == 0) {
            *policy = (enum blk_policy)i;
            return true;
        }
    return error_set(error, "Parameter '%s' expects one of report, ignore, stop%s, auto; got '%.80s'", name,
                     write ? ", enospc" : "", word);
}

bool blk_write_cache_check(const char *word, struct error *error)
{
    return !word || strcmp(word, "on") == 0 || strcmp(word, "off") == 0 || strcmp(word, "auto") == 0 ||
           error_set(error, "Parameter 'write-cache' expects one of on, off, auto; got '%.80s'", word);
}

static bool check_values(const void *opaque, struct error *error)
{
    const struct blk_values *values = opaque;
    enum blk_policy policy;

    if (values->serial && strlen(values->serial) > BLK_SERIAL)
        return error_set(error, "Parameter 'serial' expects at most %u characters; '%.80s' has %zu",
                         BLK_SERIAL, values->serial, strlen(values->serial));
    return blk_write_cache_check(values->write_cache, error) &&
           read_policy("werror", values->werror, true, &policy, error) &&
           read_policy("rerror", values->rerror, false, &policy, error);
}

static void set_defaults(void *opaque)
{
    struct blk_values *values = opaque;

    values->queue_size = QUEUE_SIZE;
    values->bootindex = BOOT_INDEX_NONE;
    values->config_wce = values->discard = values->write_zeroes = true;
}

/* What was left to the node and the machine. */
static bool complete_values(struct blk *blk, const struct board *board, const struct block_node *node,
                            struct error *error)
{
    struct blk_values *values = &blk->values;
    const uint32_t least = block_node_alignment(node);
    const uint32_t cpus = board->vm->cpus;

    if (!values->logical_given)
        values->logical = least;
    if (!values->physical_given)
        values->physical = values->logical;
    if (!values->granularity_given)
        values->granularity = values->logical;
    if (!values->queues_given)
        values->queues = cpus < 1 ? 1 : cpus < QUEUES_MAX ? cpus : QUEUES_MAX;
    if (values->logical < least)
        return error_set(error,
                         "logical_block_size=%" PRIu32 " is less than the %" PRIu32
                         " bytes that block node '%s' reads and writes as a whole with cache.direct=on",
                         values->logical, least, values->drive);
    if (values->physical < values->logical)
        return error_set(error,
                         "logical_block_size > physical_block_size not supported: %" PRIu32 " > %" PRIu32
                         "; leave physical_block_size out, or give %" PRIu32 " or more",
                         values->logical, values->physical, values->logical);
    if (values->granularity % values->logical != 0)
        return error_set(error,
                         "discard_granularity=%" PRIu32 " is not a multiple of logical_block_size=%" PRIu32,
                         values->granularity, values->logical);
    if (block_node_size(node) % values->logical != 0)
        return error_set(error,
                         "block node '%s' has %" PRIu64
                         " bytes, which is not a multiple of logical_block_size=%" PRIu32,
                         values->drive, block_node_size(node), values->logical);
    return true;
}

/* ---- life ---- */

static void on_ended(void *opaque, uint32_t events)
{
    struct blk *blk = opaque;

    (void)events;
    block_queue_run(blk->queue);
}

static void watch_on_io(void *opaque)
{
    struct blk *blk = opaque;

    blk->watch = watch_add(io_thread_loop(blk->virtio.io), block_queue_fd(blk->queue), EPOLLIN, on_ended,
                           blk);
    blk->watch_error = blk->watch ? 0 : errno;
}

static void unwatch_on_io(void *opaque)
{
    struct blk *blk = opaque;

    watch_remove(blk->watch);
    blk->watch = NULL;
}

static const char *iothread_of(const void *values)
{
    return ((const struct blk_values *)values)->iothread;
}

static bool may_stop(const struct blk *blk)
{
    return blk->on_write_error == BLK_STOP || blk->on_write_error == BLK_ENOSPC ||
           blk->on_read_error == BLK_STOP;
}

/* The node, and the way to it. */
static bool take_node(struct blk *blk, struct board *board, const char *id, struct error *error)
{
    struct block_node *node = board->blocks ? block_node_require(board->blocks, blk->values.drive, error)
                                            : NULL;

    if (!node)
        return error_prefix(
            error, "Property 'virtio-blk-device.drive' can't find value '%.80s': ", blk->values.drive);
    if (!complete_values(blk, board, node, error))
        return false;
    if (asprintf(&blk->user_name, "%s%s%s", id ? "disk '" : "a disk without an id", id ? id : "",
                 id ? "'" : "") < 0)
        blk->user_name = NULL;
    blk->qdev = malloc(DEVICE_PATH_SIZE + sizeof BACKEND); /* filled in when it has a path */
    if (!blk->user_name || !blk->qdev)
        return error_set(error, "out of memory");
    blk->user = (struct block_user){ .name = blk->user_name,
                                     .qdev = blk->qdev,
                                     .write = block_node_writable(node),
                                     .share = blk->values.share,
                                     .stops = may_stop(blk),
                                     .resized = resized,
                                     .opaque = blk };
    if (!block_node_use(node, &blk->user, error))
        return false;
    blk->queue = block_queue_create(&blk->user, error);
    return blk->queue != NULL;
}

static bool prepare(struct virtio_device *device, struct board *board, const char *id,
                    struct virtio_setup *setup, struct error *error)
{
    struct blk *blk = (void *)device;

    blk->last_held = &blk->held;
    blk->failed = (struct work){ .run = report_failure, .opaque = blk };
    blk_write_cache_reset(blk);
    if (!read_policy("werror", blk->values.werror, true, &blk->on_write_error, error) ||
        !read_policy("rerror", blk->values.rerror, false, &blk->on_read_error, error) ||
        !take_node(blk, board, id, error))
        return false;
    virtio_device_call(device, watch_on_io, blk);
    if (!blk->watch)
        return error_set(error, "the host cannot watch the requests of the disk: %s",
                         strerror(blk->watch_error));
    setup->features = fill_config(blk);
    setup->queues = blk->values.queues;
    setup->queue_size = (uint16_t)blk->values.queue_size;
    return true;
}

static bool plugged(struct virtio_device *device, struct error *error)
{
    struct blk *blk = (void *)device;

    (void)error;
    strcat(device_path(&device->pci.device, blk->qdev), BACKEND);
    blk->user.stays = pci_function_stays(&device->pci);
    return true;
}

static void release(struct virtio_device *device)
{
    struct blk *blk = (void *)device;

    if (blk->watch)
        virtio_device_call(device, unwatch_on_io, blk);
    if (device->pci.device.board) /* it was on a bus */
        loop_cancel(device->pci.device.board->loop, &blk->failed);
    block_queue_destroy(blk->queue);
    block_node_leave(&blk->user);
    free(blk->user_name);
    free(blk->qdev);
}

static const struct virtio_device_type type = {
    .virtio_id = 2,
    .class = 0x01,
    .subclass = 0x00,
    .config_size = CONFIG_SIZE,
    .request_size = sizeof(struct blk_request),
    .started = blk_started,
    .resumed = blk_resumed,
    .handle = blk_handle,
    .reset = blk_reset,
    .config_written = config_written,
    .has_saved_form = virtio_is_saved,
    .continued = blk_continued,
    .size = sizeof(struct blk),
    .values = offsetof(struct blk, values),
    .defaults = set_defaults,
    .check = check_values,
    .iothread = iothread_of,
    .prepare = prepare,
    .plugged = plugged,
    .release = release,
};

VIRTIO_DEVICE_TYPE(virtio_blk_pci_type, "virtio-blk-pci", type, properties, struct blk_values, true,
                   virtio_device_reset);
VIRTIO_DEVICE_TYPE(virtio_blk_pci_non_transitional_type, "virtio-blk-pci-non-transitional", type, properties,
                   struct blk_values, true, virtio_device_reset);
