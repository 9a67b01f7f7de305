/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A request to a disk, as a sequence of calls of the host's kernel: a short transfer is followed by one for
 * the rest, and zeros are written where the file system cannot make them. Engines (engine.h) perform one call
 * at a time and report its result.
 *
 * Threads: a request is its queue's from block_submit() until done(), on the queue's thread; a pool's thread
 * (threads.c) has it in between.
 */
#ifndef VMM_BLOCK_REQUEST_H
#define VMM_BLOCK_REQUEST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#define BLOCK_SECTOR 512u   /* bytes; sizes and offsets are multiples of it */
#define BLOCK_IOVECS 1024u  /* maximum of one request: the kernel's own limit */
#define BLOCK_ALIGNED 4096u /* bytes: the largest alignment that O_DIRECT requires */

enum block_kind { BLOCK_READ, BLOCK_WRITE, BLOCK_FLUSH, BLOCK_DISCARD, BLOCK_WRITE_ZEROES };
#define BLOCK_KINDS 5u

/* A call of the kernel; offset and length in bytes. */
struct block_call {
    enum { CALL_READ, CALL_WRITE, CALL_SYNC, CALL_ALLOCATE } kind;
    int mode; /* CALL_ALLOCATE: fallocate()'s */
    uint64_t offset;
    uint64_t length;
    const struct iovec *iov;
    unsigned count;
};

struct block_request {
    enum block_kind kind;
    bool unmap;              /* BLOCK_WRITE_ZEROES: the host may deallocate the range */
    uint64_t offset;         /* bytes; 0 for BLOCK_FLUSH, like the next */
    uint64_t length;         /* of a read or a write: the sum of its iovecs */
    const struct iovec *iov; /* unchanged until done(), like the memory */
    unsigned count;
    /* The request has ended; called exactly once, with 0 or an errno. It belongs to its owner again, who may
     * free it here. */
    void (*done)(struct block_request *request, int error);
    void *opaque;

    /* What follows belongs to the queue. */
    struct block_request *next;
    struct block_call call;
    int error;
    bool refused;      /* refused without an access to the disk */
    uint64_t finished; /* bytes so far */
    unsigned at;       /* the first iovec that is not finished */
    size_t within;     /* bytes of it that are finished */
    struct iovec part; /* used by the call instead of the owner's iovecs */
    void *bounce;      /* aligned buffer, if the owner's memory does not suit O_DIRECT; otherwise NULL */
    unsigned mode;     /* BLOCK_WRITE_ZEROES: index of the method being tried */
    uint64_t began;    /* CLOCK_MONOTONIC, ns */
    uint64_t due;      /* null-co: when it ends; likewise */
};

/* A queue of requests, first in, first out. Not thread-safe. */
struct block_requests {
    struct block_request *first;
    struct block_request **last;
};

void block_requests_init(struct block_requests *requests);
void block_requests_append(struct block_requests *requests, struct block_request *request);
struct block_request *block_requests_take(struct block_requests *requests); /* NULL: none */

/* Prepare the first call, request->call. `aligned`: required alignment of memory in bytes; 1: any. False: the
 * request has failed, with request->error ENOMEM or EFAULT. */
bool block_request_begin(struct block_request *request, uint32_t aligned);
/* Evaluate the call's result, which may be a negative errno. True: request->call is to be made (again).
 * False: the request has ended, with request->error (0: success). */
bool block_request_next(struct block_request *request, ssize_t result);
/* End the request with an errno, or 0, and free its bounce buffer; done() is not called. No call may be in
 * progress. */
void block_request_fail(struct block_request *request, int error);
/* Make the call. Returns its result, or a negative errno. Any thread. */
ssize_t block_call_perform(const struct block_call *call, int fd);

#endif
