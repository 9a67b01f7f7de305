/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/flash_image.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>

#include "base/message.h"
#include "base/props.h"
#include "device/board.h"

#define PIECE (256 * KIB) /* that is read or written at once */
#define PIECE_PAGES (PIECE / FLASH_PAGE)

/* ---- writing ---- */

static void write_changes(struct flash_image *image);

/* The next pages that have changed and adjoin, and their bytes as they are now. */
static bool take_changed(struct flash_image *image)
{
    const uint64_t pages = image->size / FLASH_PAGE;
    uint64_t first = 0, count = 0;

    pthread_mutex_lock(image->lock);
    while (first < pages && !image->changed[first])
        first++;
    while (first + count < pages && count < PIECE_PAGES && image->changed[first + count])
        image->changed[first + count++] = 0;
    memcpy(image->copy, image->bytes + first * FLASH_PAGE, count * FLASH_PAGE);
    pthread_mutex_unlock(image->lock);
    image->first = first;
    image->count = count;
    return count > 0;
}

/* They stay marked, and are tried again with the next change, at a reset and at the end. */
static void note_failure(struct flash_image *image, int error)
{
    if (!image->failing)
        warning(
            "%s: what the guest has written is not in block node '%s': %s; it is tried again with the next "
            "change, at a reset and at the end",
            image->name, block_node_name(image->user.node), strerror(error));
    image->failing = true;
    pthread_mutex_lock(image->lock);
    memset(image->changed + image->first, 1, image->count);
    image->failed(image->opaque);
    pthread_mutex_unlock(image->lock);
}

static void written(struct block_request *request, int error)
{
    struct flash_image *image = request->opaque;

    image->writing = false;
    if (error) {
        note_failure(image, error);
    } else {
        image->failing = false;
        loop_post(image->loop, &image->store); /* there may be more */
    }
}

static void write_changes(struct flash_image *image)
{
    if (image->writing || !take_changed(image))
        return;
    image->writing = true;
    image->iov = (struct iovec){ image->copy, image->count * FLASH_PAGE };
    image->request = (struct block_request){ .kind = BLOCK_WRITE,
                                             .offset = image->first * FLASH_PAGE,
                                             .length = image->count * FLASH_PAGE,
                                             .iov = &image->iov,
                                             .count = 1,
                                             .done = written,
                                             .opaque = image };
    block_submit(image->queue, &image->request);
    block_queue_run(image->queue);
}

static void store(void *opaque)
{
    write_changes(opaque);
}

static void on_ended(void *opaque, uint32_t events)
{
    struct flash_image *image = opaque;

    (void)events;
    block_queue_run(image->queue);
}

void flash_image_changed(struct flash_image *image, const struct flash_change *change)
{
    const uint64_t first = change->offset / FLASH_PAGE;
    const uint64_t end = (change->offset + change->length + FLASH_PAGE - 1) / FLASH_PAGE;

    if (change->length == 0 || !image->queue)
        return;
    memset(image->changed + first, 1, end - first);
    loop_post(image->loop, &image->store);
}

void flash_image_settle(struct flash_image *image)
{
    if (!image->queue)
        return;
    block_queue_drain(image->queue);
    do {
        write_changes(image);
        if (image->writing)
            block_queue_drain(image->queue);
    } while (image->count > 0 && !image->failing);
}

/* ---- opening ---- */

static void read_ended(struct block_request *request, int error)
{
    *(int *)request->opaque = error;
}

static bool is_zero(const uint8_t *bytes, uint64_t length)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0;
}

/* Pages of zeros, of which the padded images of distributions consist, take no memory, unless they had other
 * contents before. */
static void keep_piece(struct flash_image *image, uint64_t offset, uint64_t length)
{
    for (uint64_t at = 0; at < length; at += FLASH_PAGE)
        if (!is_zero(image->copy + at, FLASH_PAGE) || !is_zero(image->bytes + offset + at, FLASH_PAGE))
            memcpy(image->bytes + offset + at, image->copy + at, FLASH_PAGE);
}

bool flash_image_read(struct flash_image *image, struct error *error)
{
    for (uint64_t offset = 0; offset < image->size; offset += PIECE) {
        const uint64_t length = image->size - offset < PIECE ? image->size - offset : PIECE;
        struct iovec iov = { image->copy, length };
        int failure = 0;
        struct block_request request = { .kind = BLOCK_READ,
                                         .offset = offset,
                                         .length = length,
                                         .iov = &iov,
                                         .count = 1,
                                         .done = read_ended,
                                         .opaque = &failure };

        block_submit(image->queue, &request);
        block_queue_drain(image->queue);
        if (failure)
            return error_set(error, "Block node '%s' cannot be read: %s", block_node_name(image->user.node),
                             strerror(failure));
        keep_piece(image, offset, length);
    }
    return true;
}

static bool check_size(const struct block_node *node, const struct flash_shape *shape, struct error *error)
{
    const uint64_t size = block_node_size(node);
    char block[SIZE_TEXT_MAX], most[SIZE_TEXT_MAX];

    if (size == 0 || size > shape->bank_max)
        return error_set(
            error, "Block node '%s' has %" PRIu64 " bytes; a bank of this machine's flash has %s to %s",
            block_node_name(node), size, size_text(shape->block, block), size_text(shape->bank_max, most));
    if (size % shape->block != 0)
        return error_set(
            error,
            "Block node '%s' has %" PRIu64
            " bytes, which is not a multiple of %s, a block of this machine's flash; `truncate -s "
            "%" PRIu64 " FILE` makes its file one",
            block_node_name(node), size, size_text(shape->block, block),
            (size + shape->block - 1) / shape->block * shape->block);
    return true;
}

static bool allocate(struct flash_image *image, struct error *error)
{
    image->bytes = mmap(NULL, image->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (image->bytes == MAP_FAILED)
        image->bytes = NULL;
    image->changed = calloc(image->size / FLASH_PAGE, 1);
    if (posix_memalign((void **)&image->copy, BLOCK_ALIGNED, PIECE) != 0)
        image->copy = NULL;
    return (image->bytes && image->changed && image->copy) || error_set(error, "out of memory");
}

static bool use(struct flash_image *image, struct block_node *node, struct error *error)
{
    image->user =
        (struct block_user){ .name = image->name, .qdev = image->path, .write = block_node_writable(node) };
    if (!block_node_use(node, &image->user, error))
        return false;
    image->queue = block_queue_create(&image->user, error);
    if (!image->queue)
        return false;
    image->watch = watch_add(image->loop, block_queue_fd(image->queue), EPOLLIN, on_ended, image);
    return image->watch || error_set(error, "the host cannot watch its requests: %s", strerror(errno));
}

bool flash_image_open(struct flash_image *image, struct board *board, struct block_node *node,
                      unsigned number, const struct flash_shape *shape, struct error *error)
{
    image->loop = board->loop;
    image->store = (struct work){ .run = store, .opaque = image };
    image->size = block_node_size(node);
    snprintf(image->name, sizeof image->name, "flash bank %u", number);
    snprintf(image->path, sizeof image->path, "/machine/system.flash%u", number);
    if (check_size(node, shape, error) && allocate(image, error) && use(image, node, error) &&
        flash_image_read(image, error))
        return true;
    flash_image_close(image);
    return false;
}

bool flash_image_open_volatile(struct flash_image *image, unsigned number, const struct flash_shape *shape,
                               struct error *error)
{
    image->size = shape->bank_max;
    snprintf(image->name, sizeof image->name, "flash bank %u", number);
    if (allocate(image, error))
        return true;
    flash_image_close(image);
    return false;
}

void flash_image_close(struct flash_image *image)
{
    if (image->queue)
        flash_image_settle(image);
    if (image->loop)
        loop_cancel(image->loop, &image->store);
    if (image->watch)
        watch_remove(image->watch);
    block_queue_destroy(image->queue);
    block_node_leave(&image->user);
    if (image->bytes)
        RESULT_DOES_NOT_MATTER(munmap(image->bytes, image->size), "the mapping is whole");
    free(image->changed);
    free(image->copy);
    image->bytes = image->changed = image->copy = NULL;
    image->queue = NULL;
    image->watch = NULL;
}
