/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests of virtio-blk (VIRTIO 1.2, 5.2.6): a header that the device reads, data, and a byte of status that
 * it writes last. On the I/O thread alone.
 */
#include <errno.h>
#include <string.h>

#include "virtio/blk.h"

#define STATUS_OK 0
#define STATUS_IOERR 1
#define STATUS_UNSUPP 2

#define TYPE_IN 0u
#define TYPE_OUT 1u
#define TYPE_FLUSH 4u
#define TYPE_GET_ID 8u
#define TYPE_DISCARD 11u
#define TYPE_WRITE_ZEROES 13u

#define FLAG_UNMAP 1u

struct header { /* little-endian, as both architectures are */
    uint32_t type, reserved;
    uint64_t sector;
};

struct range {
    uint64_t sector;
    uint32_t count, flags;
};

static void finish(struct blk_request *request, uint8_t status)
{
    struct virtio_request *virtio = &request->virtio;

    if (request->status)
        request->status->iov_len++;
    virtio_request_write(virtio, virtio->in_bytes - 1, &status, 1);
    virtio_queue_push(virtio, (uint32_t)virtio->in_bytes);
}

/* ---- failures ---- */

static enum blk_policy policy_for(const struct blk *blk, bool write, int error)
{
    const enum blk_policy policy = write ? blk->on_write_error : blk->on_read_error;

    if (policy == BLK_ENOSPC)
        return error == ENOSPC ? BLK_STOP : BLK_REPORT;
    return policy;
}

/* Kept until the guest runs again. */
static void hold(struct blk *blk, struct blk_request *request)
{
    struct virtio_queue *queue = request->virtio.queue;

    request->next = NULL;
    *blk->last_held = request;
    blk->last_held = &request->next;
    blk->virtio.held++;
    /* Whoever waits for the device to be halted does not wait for this one. */
    queue->owner.ended(queue->owner.opaque);
}

static void fail(struct blk_request *request, int error)
{
    struct blk *blk = request->blk;
    const bool write = request->block.kind != BLOCK_READ;
    enum blk_policy policy = policy_for(blk, write, error);

    if (request->block.refused) /* the guest's own fault */
        policy = BLK_REPORT;
    else {
        pthread_mutex_lock(&blk->virtio.interrupt);
        /* One that stops the machine is not forgotten for a later one, while its request waits. */
        if (!blk->failure.stop)
            blk->failure = (struct blk_failure){ .write = write,
                                                 .nospace = error == ENOSPC,
                                                 .stop = policy == BLK_STOP,
                                                 .ignored = policy == BLK_IGNORE,
                                                 .error = error };
        pthread_mutex_unlock(&blk->virtio.interrupt);
        loop_post(blk->virtio.pci.device.board->loop, &blk->failed);
    }
    if (policy == BLK_STOP)
        hold(blk, request);
    else
        finish(request, policy == BLK_IGNORE ? STATUS_OK : STATUS_IOERR);
}

/* ---- on the way ---- */

static void done(struct block_request *block, int error)
{
    struct blk_request *request = block->opaque;
    struct blk *blk = request->blk;
    const bool writes = block->kind == BLOCK_WRITE || block->kind == BLOCK_WRITE_ZEROES;

    if (error) {
        fail(request, error);
        return;
    }
    if (writes && !atomic_load_explicit(&blk->write_back, memory_order_relaxed)) {
        *block = (struct block_request){ .kind = BLOCK_FLUSH, .done = done, .opaque = request };
        block_submit(blk->queue, block);
        return;
    }
    finish(request, STATUS_OK);
}

static void submit(struct blk_request *request, enum block_kind kind, uint64_t sector, uint64_t bytes,
                   const struct iovec *iov, unsigned count, bool unmap)
{
    request->block = (struct block_request){ .kind = kind,
                                             .unmap = unmap,
                                             .offset = sector * BLOCK_SECTOR,
                                             .length = bytes,
                                             .iov = iov,
                                             .count = count,
                                             .done = done,
                                             .opaque = request };
    block_submit(request->blk->queue, &request->block);
}

/* Whether sectors are there, and whole blocks of the disk's. */
static bool is_there(const struct blk *blk, uint64_t sector, uint64_t bytes)
{
    const uint64_t sectors = block_node_size(blk->user.node) / BLOCK_SECTOR;
    const uint64_t block = blk->values.logical;

    return bytes % block == 0 && sector % (block / BLOCK_SECTOR) == 0 && sector <= sectors &&
           bytes / BLOCK_SECTOR <= sectors - sector;
}

static void refuse(struct blk_request *request, enum block_kind kind, uint8_t status)
{
    block_stats_refused(&request->blk->user.stats, kind);
    finish(request, status);
}

/* The iovecs behind the header. Returns the first of them. */
static struct iovec *skip_header(struct virtio_request *virtio, unsigned *count)
{
    struct iovec *iov = virtio->out;
    size_t left = sizeof(struct header);

    *count = virtio->out_count;
    while (*count > 0 && left >= iov->iov_len) {
        left -= iov->iov_len;
        iov++;
        --*count;
    }
    if (*count > 0) {
        iov->iov_base = (char *)iov->iov_base + left;
        iov->iov_len -= left;
    }
    return iov;
}

/* The iovecs in front of the status. */
static unsigned cut_status(struct blk_request *request)
{
    unsigned count = request->virtio.in_count;

    while (count > 0 && request->virtio.in[count - 1].iov_len == 0)
        count--;
    request->status = &request->virtio.in[count - 1];
    return --request->status->iov_len > 0 ? count : count - 1;
}

static void read_or_write(struct blk_request *request, bool write, uint64_t sector)
{
    struct virtio_request *virtio = &request->virtio;
    const uint64_t bytes = write ? virtio->out_bytes - sizeof(struct header) : virtio->in_bytes - 1;
    const enum block_kind kind = write ? BLOCK_WRITE : BLOCK_READ;
    struct iovec *iov = virtio->in;
    unsigned count;

    if (!is_there(request->blk, sector, bytes) || (write && !request->blk->user.write)) {
        refuse(request, kind, STATUS_IOERR);
        return;
    }
    if (write)
        iov = skip_header(virtio, &count);
    else
        count = cut_status(request);
    submit(request, kind, sector, bytes, iov, count, false);
}

/* Discard, or write zeroes: one range. */
static void change_range(struct blk_request *request, bool zeroes)
{
    const struct blk *blk = request->blk;
    const enum block_kind kind = zeroes ? BLOCK_WRITE_ZEROES : BLOCK_DISCARD;
    struct range range;

    if (!virtio_device_has(&blk->virtio, zeroes ? BLK_F_WRITE_ZEROES : BLK_F_DISCARD) ||
        request->virtio.out_bytes != sizeof(struct header) + sizeof range) {
        refuse(request, kind, STATUS_UNSUPP);
        return;
    }
    if (virtio_request_read(&request->virtio, sizeof(struct header), &range, sizeof range) != sizeof range ||
        range.flags & ~(zeroes ? FLAG_UNMAP : 0)) {
        refuse(request, kind, STATUS_UNSUPP);
        return;
    }
    if (range.count > BLK_RANGE_MAX || !is_there(blk, range.sector, (uint64_t)range.count * BLOCK_SECTOR)) {
        refuse(request, kind, STATUS_IOERR);
        return;
    }
    submit(request, kind, range.sector, (uint64_t)range.count * BLOCK_SECTOR, NULL, 0,
           range.flags & FLAG_UNMAP);
}

static void write_serial(struct blk_request *request)
{
    char serial[BLK_SERIAL] = ""; /* without a NUL where it is as long as that */
    const char *text = request->blk->values.serial;
    uint64_t room = request->virtio.in_bytes - 1;

    if (text)
        memcpy(serial, text, strlen(text));
    virtio_request_write(&request->virtio, 0, serial, room < sizeof serial ? room : sizeof serial);
    finish(request, STATUS_OK);
}

/* False: the queue is broken. */
static bool begin(struct blk *blk, struct blk_request *request)
{
    struct virtio_request *virtio = &request->virtio;
    struct header header;

    request->blk = blk;
    request->status = NULL;
    if (virtio->in_bytes < 1 || virtio_request_read(virtio, 0, &header, sizeof header) != sizeof header) {
        virtio_queue_break(virtio->queue, virtio->in_bytes < 1 ? "a request has no byte for its status"
                                                               : "a request has no header of 16 bytes");
        virtio_queue_drop(virtio);
        return false;
    }
    switch (header.type) {
    case TYPE_IN:
    case TYPE_OUT:
        read_or_write(request, header.type == TYPE_OUT, header.sector);
        break;
    case TYPE_FLUSH:
        submit(request, BLOCK_FLUSH, 0, 0, NULL, 0, false);
        break;
    case TYPE_GET_ID:
        write_serial(request);
        break;
    case TYPE_DISCARD:
    case TYPE_WRITE_ZEROES:
        change_range(request, header.type == TYPE_WRITE_ZEROES);
        break;
    default:
        finish(request, STATUS_UNSUPP);
        break;
    }
    return true;
}

/* At most as many as the queue is long, so that no guest keeps the thread from others. */
bool blk_handle(struct virtio_device *device, struct virtio_queue *queue)
{
    struct blk *blk = (void *)device;
    struct virtio_request *request = NULL;
    unsigned left = queue->layout.size;

    while (left > 0 && (request = virtio_queue_pop(queue)) != NULL && begin(blk, (void *)request))
        left--;
    block_queue_run(blk->queue);
    if (left == 0)
        virtio_device_kick(device, queue->index);
    return left > 0;
}

/* ---- with the guest ---- */

void blk_write_cache_reset(struct blk *blk)
{
    const char *word = blk->values.write_cache;

    blk->virtio.config[BLK_CONFIG_WRITE_BACK] = !word || strcmp(word, "off") != 0;
    atomic_store(&blk->write_back, blk->virtio.config[BLK_CONFIG_WRITE_BACK]);
}

/* A driver that cannot change the mode has it by whether it knows flushes (5.2.6.2). */
void blk_started(struct virtio_device *device)
{
    struct blk *blk = (void *)device;

    if (!virtio_device_has(device, BLK_F_CONFIG_WCE))
        atomic_store(&blk->write_back, virtio_device_has(device, BLK_F_FLUSH));
}

/* A driver that can change the mode has done so. */
void blk_continued(struct virtio_device *device, const void *state)
{
    struct blk *blk = (void *)device;

    (void)state;
    if (!device->running || virtio_device_has(device, BLK_F_CONFIG_WCE))
        atomic_store(&blk->write_back, device->config[BLK_CONFIG_WRITE_BACK] != 0);
}

static struct blk_request *take_held(struct blk *blk)
{
    struct blk_request *request = blk->held;

    if (!request)
        return NULL;
    blk->held = request->next;
    if (!blk->held)
        blk->last_held = &blk->held;
    blk->virtio.held--;
    return request;
}

/* What has failed is tried again. */
void blk_resumed(struct virtio_device *device)
{
    struct blk *blk = (void *)device;
    struct blk_request *request;
    struct blk_request *all = blk->held;

    while ((request = take_held(blk)) != NULL)
        block_submit(blk->queue, &request->block);
    if (all)
        block_queue_run(blk->queue);
}

void blk_reset(struct virtio_device *device)
{
    struct blk *blk = (void *)device;
    struct blk_request *request;

    while ((request = take_held(blk)) != NULL)
        virtio_queue_drop(&request->virtio);
    blk_write_cache_reset(blk);
}
