/* SPDX-License-Identifier: BSD-2-Clause */
#include "block/request.h"

#include <errno.h>
#include <linux/falloc.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/count_of.h"
#include "base/fault.h"

/* What is written where the host can make no zeroes by itself. */
static char zeroes[256u << 10] __attribute__((aligned(BLOCK_ALIGNED)));
#define BOUNCE sizeof zeroes /* bytes that are copied at a time: a guest cannot have more allocated */
static const struct iovec zero_vector = { zeroes, sizeof zeroes };

/* Ways to make zeroes, the best first: giving the place back, and keeping it. */
static const int unmapping[] = { FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                 FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE };
static const int keeping[] = { FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE };

void block_requests_init(struct block_requests *requests)
{
    *requests = (struct block_requests){ .last = &requests->first };
}

void block_requests_append(struct block_requests *requests, struct block_request *request)
{
    request->next = NULL;
    *requests->last = request;
    requests->last = &request->next;
}

struct block_request *block_requests_take(struct block_requests *requests)
{
    struct block_request *request = requests->first;

    if (request)
        requests->first = request->next;
    if (!requests->first)
        requests->last = &requests->first;
    return request;
}

void block_request_fail(struct block_request *request, int error)
{
    free(request->bounce);
    request->bounce = NULL;
    request->error = error;
}

/* What is left of a read or write: the rest of an iovec alone, then the whole ones behind it. */
static void transfer(struct block_request *request)
{
    const struct iovec *iov = &request->iov[request->at];

    request->call = (struct block_call){
        .kind = request->kind == BLOCK_READ ? CALL_READ : CALL_WRITE,
        .offset = request->offset + request->finished,
        .length = request->length - request->finished,
        .iov = iov,
        .count = request->count - request->at,
    };
    if (request->within == 0)
        return;
    request->part.iov_base = (char *)iov->iov_base + request->within;
    request->part.iov_len = iov->iov_len - request->within;
    request->call.iov = &request->part;
    request->call.count = 1;
    request->call.length = request->part.iov_len;
}

static void advance(struct block_request *request, size_t bytes)
{
    request->finished += bytes;
    while (request->at < request->count) {
        const size_t left = request->iov[request->at].iov_len - request->within;

        if (bytes < left) {
            request->within += bytes;
            return;
        }
        bytes -= left;
        request->at++;
        request->within = 0;
    }
}

static bool is_aligned(const struct block_request *request, uint32_t aligned)
{
    for (unsigned i = 0; i < request->count; i++)
        if (((uintptr_t)request->iov[i].iov_base | request->iov[i].iov_len) % aligned != 0)
            return false;
    return true;
}

/* Between the owner's memory, from where the request is, and the bounce buffer. The memory may be one that
 * the host fails to give. */
struct copying {
    const struct block_request *request;
    size_t bytes;
};

static void copy(void *opaque)
{
    const struct copying *copying = opaque;
    const struct block_request *request = copying->request;
    char *buffer = request->bounce;
    size_t within = request->within;
    size_t left = copying->bytes;

    for (unsigned at = request->at; left > 0 && at < request->count; at++) {
        char *memory = (char *)request->iov[at].iov_base + within;
        size_t length = request->iov[at].iov_len - within;

        if (length > left)
            length = left;
        memcpy(request->kind == BLOCK_WRITE ? buffer : memory, request->kind == BLOCK_WRITE ? memory : buffer,
               length);
        buffer += length;
        left -= length;
        within = 0;
    }
}

static bool copy_bounced(struct block_request *request, size_t bytes)
{
    return fault_guard(copy, &(struct copying){ request, bytes }, NULL);
}

/* The next piece of a read or write whose memory O_DIRECT does not take. */
static bool bounce(struct block_request *request)
{
    const uint64_t left = request->length - request->finished;

    request->part = (struct iovec){ request->bounce, left < BOUNCE ? left : BOUNCE };
    request->call = (struct block_call){ .kind = request->kind == BLOCK_READ ? CALL_READ : CALL_WRITE,
                                         .offset = request->offset + request->finished,
                                         .length = request->part.iov_len,
                                         .iov = &request->part,
                                         .count = 1 };
    return request->kind == BLOCK_READ || copy_bounced(request, request->part.iov_len);
}

/* The next way to make zeroes, from request->mode on; by writing them in the end. */
static void make_zeroes(struct block_request *request)
{
    const int *modes = request->unmap ? unmapping : keeping;
    const unsigned count = request->unmap ? COUNT_OF(unmapping) : COUNT_OF(keeping);
    const uint64_t left = request->length - request->finished;

    request->call =
        (struct block_call){ .kind = CALL_ALLOCATE, .offset = request->offset, .length = request->length };
    if (request->mode < count) {
        request->call.mode = modes[request->mode];
        return;
    }
    request->part = zero_vector;
    if (left < request->part.iov_len)
        request->part.iov_len = left;
    request->call = (struct block_call){ .kind = CALL_WRITE,
                                         .offset = request->offset + request->finished,
                                         .length = request->part.iov_len,
                                         .iov = &request->part,
                                         .count = 1 };
}

static bool finish(struct block_request *request, int error)
{
    block_request_fail(request, error);
    return false;
}

static bool begin_transfer(struct block_request *request, uint32_t aligned)
{
    if (is_aligned(request, aligned)) {
        transfer(request);
        return true;
    }
    if (posix_memalign(&request->bounce, BLOCK_ALIGNED, BOUNCE) != 0) {
        request->bounce = NULL;
        return finish(request, ENOMEM);
    }
    return bounce(request) || finish(request, EFAULT);
}

bool block_request_begin(struct block_request *request, uint32_t aligned)
{
    request->error = 0;
    request->finished = 0;
    request->at = request->mode = 0;
    request->within = 0;
    request->bounce = NULL;
    switch (request->kind) {
    case BLOCK_READ:
    case BLOCK_WRITE:
        advance(request, 0); /* past those that are empty */
        return begin_transfer(request, aligned);
    case BLOCK_FLUSH:
        request->call = (struct block_call){ .kind = CALL_SYNC };
        break;
    case BLOCK_DISCARD:
        request->call = (struct block_call){
            .kind = CALL_ALLOCATE, .mode = unmapping[0], .offset = request->offset, .length = request->length
        };
        break;
    case BLOCK_WRITE_ZEROES:
        make_zeroes(request);
        break;
    }
    return true;
}

static bool is_unsupported(ssize_t result)
{
    return result == -EOPNOTSUPP || result == -ENOSYS || result == -ENOTTY || result == -ENODEV;
}

static bool next_transfer(struct block_request *request, ssize_t result)
{
    /* The file is shorter than it was, or there is no place: more calls would give the same. */
    if (result == 0)
        return finish(request, request->kind == BLOCK_READ ? EIO : ENOSPC);
    if (request->bounce && request->kind == BLOCK_READ && !copy_bounced(request, (size_t)result))
        return finish(request, EFAULT);
    advance(request, (size_t)result);
    if (request->finished >= request->length)
        return finish(request, 0);
    if (request->bounce)
        return bounce(request) || finish(request, EFAULT);
    transfer(request);
    return true;
}

static bool next_zeroes(struct block_request *request, ssize_t result)
{
    if (request->call.kind == CALL_ALLOCATE && result == 0)
        return finish(request, 0);
    if (result == 0)
        return finish(request, ENOSPC);
    request->finished += (uint64_t)result;
    if (request->finished >= request->length)
        return finish(request, 0);
    make_zeroes(request);
    return true;
}

bool block_request_next(struct block_request *request, ssize_t result)
{
    if (result == -EINTR || result == -EAGAIN)
        return true;
    if (request->call.kind == CALL_ALLOCATE && is_unsupported(result)) {
        if (request->kind == BLOCK_DISCARD) /* it was an offer */
            return finish(request, 0);
        request->mode++;
        make_zeroes(request);
        return true;
    }
    if (result < 0)
        return finish(request, (int)-result);
    switch (request->kind) {
    case BLOCK_READ:
    case BLOCK_WRITE:
        return next_transfer(request, result);
    case BLOCK_WRITE_ZEROES:
        return next_zeroes(request, result);
    default:
        return finish(request, 0);
    }
}

ssize_t block_call_perform(const struct block_call *call, int fd)
{
    ssize_t result = -1;

    switch (call->kind) {
    case CALL_READ:
        result = preadv(fd, call->iov, (int)call->count, (off_t)call->offset);
        break;
    case CALL_WRITE:
        result = pwritev(fd, call->iov, (int)call->count, (off_t)call->offset);
        break;
    case CALL_SYNC:
        result = fdatasync(fd);
        break;
    case CALL_ALLOCATE:
        result = fallocate(fd, call->mode, (off_t)call->offset, (off_t)call->length);
        break;
    }
    return result < 0 ? -errno : result;
}
