/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests by io_uring.
 *
 * A ring is restricted before it is enabled: it takes reads, writes, syncs and fallocate() of the one
 * descriptor that is registered with it. So whoever takes over its thread cannot make calls by it that the
 * sandbox denies.
 *
 * Threads: the queue's alone; the kernel's own are behind the ring.
 */
#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/message.h"
#include "block/engine.h"

/* Requests that the kernel has at once; its completions have twice the room, so none is ever lost. */
#define ENTRIES 256u
#define THE_FILE 0 /* its number among those that are registered */

struct ring {
    struct io_uring uring;
    unsigned load;                /* requests that the kernel has, or that are in the submission queue */
    struct block_requests unsent; /* of these, those that the kernel did not yet take */
    unsigned unsent_count;
    int broken; /* an errno: the kernel takes none any more; 0: it does */
};

static int restrict_ring(struct io_uring *uring)
{
    static const uint8_t calls[] = { IORING_OP_READV, IORING_OP_WRITEV, IORING_OP_FSYNC,
                                     IORING_OP_FALLOCATE };
    struct io_uring_restriction rows[sizeof calls + 1] = { 0 };
    unsigned count = 0;

    for (; count < sizeof calls; count++) {
        rows[count].opcode = IORING_RESTRICTION_SQE_OP;
        rows[count].sqe_op = calls[count];
    }
    rows[count].opcode = IORING_RESTRICTION_SQE_FLAGS_REQUIRED;
    rows[count].sqe_flags = IOSQE_FIXED_FILE;
    return io_uring_register_restrictions(uring, rows, count + 1);
}

static bool create(struct block_queue *queue, struct error *error)
{
    struct ring *ring = calloc(1, sizeof *ring);
    int failed;

    if (!ring)
        return error_set(error, "out of memory");
    block_requests_init(&ring->unsent);
    failed = io_uring_queue_init(ENTRIES, &ring->uring, IORING_SETUP_R_DISABLED);
    if (failed) {
        free(ring);
        return error_set(
            error,
            "the host does not let hotram use io_uring: %s (Linux 5.10, the sysctl "
            "kernel.io_uring_disabled=0 and a container that allows it are needed); aio=threads does "
            "without",
            strerror(-failed));
    }
    failed = io_uring_register_files(&ring->uring, &queue->bottom->fd, 1);
    if (failed >= 0)
        failed = restrict_ring(&ring->uring);
    if (failed >= 0)
        failed = io_uring_enable_rings(&ring->uring);
    if (failed < 0) {
        io_uring_queue_exit(&ring->uring);
        free(ring);
        return error_set(error, "a ring of io_uring cannot be set up: %s; aio=threads does without",
                         strerror(-failed));
    }
    queue->state = ring;
    queue->fd = ring->uring.ring_fd;
    return true;
}

static void destroy(struct block_queue *queue)
{
    struct ring *ring = queue->state;

    io_uring_queue_exit(&ring->uring);
    free(ring);
}

static void prepare(struct io_uring_sqe *sqe, struct block_request *request)
{
    const struct block_call *call = &request->call;

    switch (call->kind) {
    case CALL_READ:
        io_uring_prep_readv(sqe, THE_FILE, call->iov, call->count, call->offset);
        break;
    case CALL_WRITE:
        io_uring_prep_writev(sqe, THE_FILE, call->iov, call->count, call->offset);
        break;
    case CALL_SYNC:
        io_uring_prep_fsync(sqe, THE_FILE, IORING_FSYNC_DATASYNC);
        break;
    case CALL_ALLOCATE:
        io_uring_prep_fallocate(sqe, THE_FILE, call->mode, (off_t)call->offset, (off_t)call->length);
        break;
    }
    sqe->flags |= IOSQE_FIXED_FILE;
    io_uring_sqe_set_data(sqe, request);
}

/* The kernel refuses for good: nothing that it did not take ever reaches the disk. */
static void give_up(struct block_queue *queue, int failure)
{
    struct ring *ring = queue->state;
    struct block_request *request;

    message(
        "Block node '%s': io_uring accepts no more requests: %s; all requests of this disk fail from now on",
        queue->user->node->name, strerror(failure));
    ring->broken = failure;
    while ((request = block_requests_take(&ring->unsent)) != NULL) {
        ring->load--;
        block_request_fail(request, EIO);
        block_requests_append(&queue->ended, request);
    }
    ring->unsent_count = 0;
}

/* What the kernel cannot take now, for want of memory, stays in the submission queue. When one that it has
 * comes to its end this is called again; when it has none, nothing else would. */
static void send_all(struct block_queue *queue)
{
    struct ring *ring = queue->state;

    while (ring->unsent_count > 0) {
        const int sent = io_uring_submit(&ring->uring);

        for (int i = 0; i < sent; i++, ring->unsent_count--)
            block_requests_take(&ring->unsent);
        if (sent >= 0 || sent == -EINTR)
            continue;
        if (sent != -EAGAIN && sent != -EBUSY && sent != -ENOMEM) {
            give_up(queue, -sent);
            return;
        }
        if (ring->load > ring->unsent_count)
            return;
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
    }
}

static bool room(const struct block_queue *queue)
{
    const struct ring *ring = queue->state;

    return ring->load < ENTRIES;
}

static void submit(struct block_queue *queue)
{
    struct ring *ring = queue->state;

    while (queue->waiting.first && ring->load < ENTRIES) {
        struct io_uring_sqe *sqe = ring->broken ? NULL : io_uring_get_sqe(&ring->uring);
        struct block_request *request;

        if (!sqe && !ring->broken)
            break;
        request = block_requests_take(&queue->waiting);
        if (!sqe) {
            block_request_fail(request, EIO);
            block_requests_append(&queue->ended, request);
            continue;
        }
        prepare(sqe, request);
        block_requests_append(&ring->unsent, request);
        ring->unsent_count++;
        ring->load++;
    }
    send_all(queue);
}

static void reap(struct block_queue *queue)
{
    struct ring *ring = queue->state;
    struct io_uring_cqe *cqe;

    while (io_uring_peek_cqe(&ring->uring, &cqe) == 0) {
        struct block_request *request = io_uring_cqe_get_data(cqe);
        const int result = cqe->res;

        io_uring_cqe_seen(&ring->uring, cqe);
        ring->load--;
        block_requests_append(block_request_next(request, result) ? &queue->waiting : &queue->ended, request);
    }
}

static const struct block_engine uring = {
    .name = "io_uring", .create = create, .destroy = destroy, .submit = submit, .room = room, .reap = reap
};
const struct block_engine *const block_engine_uring = &uring;
