/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A request to a disk, and the calls of the host's kernel that it takes, one after the other: what a short
 * read leaves is read next, zeroes are written where the file system cannot make them. Engines (engine.h)
 * perform one call at a time and say what came of it.
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

#define BLOCK_SECTOR 512u   /* bytes; sizes and offsets are multiples */
#define BLOCK_IOVECS 1024u  /* of one request, at most: the kernel's own limit */
#define BLOCK_ALIGNED 4096u /* the most that a host asks of O_DIRECT: bytes */

enum block_kind { BLOCK_READ, BLOCK_WRITE, BLOCK_FLUSH, BLOCK_DISCARD, BLOCK_WRITE_ZEROES };
#define BLOCK_KINDS 5u

/* A call of the kernel. */
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
    bool unmap;              /* BLOCK_WRITE_ZEROES: the host may take the place back */
    uint64_t offset;         /* bytes; 0 for BLOCK_FLUSH, like the next */
    uint64_t length;         /* of a read or a write: the sum of its iovecs */
    const struct iovec *iov; /* stays as it is, and so does the memory, until done() */
    unsigned count;
    /* The end, exactly once: 0 or an errno. The request is its owner's again, who may free it here. */
    void (*done)(struct block_request *request, int error);
    void *opaque;

    /* All below is the queue's. */
    struct block_request *next;
    struct block_call call;
    int error;
    bool refused;      /* without a look at the disk */
    uint64_t finished; /* bytes so far */
    unsigned at;       /* the first iovec that is not whole, */
    size_t within;     /* so many bytes of it, */
    struct iovec part; /* and what the call has instead of iovecs of the owner's */
    void *bounce;      /* where the owner's memory is not aligned: some that O_DIRECT takes; or NULL */
    unsigned mode;     /* of those that write zeroes, the one that is tried */
    uint64_t began;    /* CLOCK_MONOTONIC, ns */
    uint64_t due;      /* null-co: the same */
};

/* First in, first out. */
struct block_requests {
    struct block_request *first;
    struct block_request **last;
};

void block_requests_init(struct block_requests *requests);
void block_requests_append(struct block_requests *requests, struct block_request *request);
struct block_request *block_requests_take(struct block_requests *requests); /* NULL: none */

/* Its first call. `aligned`: what memory has to be a multiple of, 1 for any. False: it has failed, and
 * `error` says why. */
bool block_request_begin(struct block_request *request, uint32_t aligned);
/* The call has given this, a negative errno included. True: there is another call to make. */
bool block_request_next(struct block_request *request, ssize_t result);
/* No call is made for it any more. */
void block_request_fail(struct block_request *request, int error);
/* Make the call. Any thread. */
ssize_t block_call_perform(const struct block_call *call, int fd);

#endif
