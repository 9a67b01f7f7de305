/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The requests of one user of a node: an engine that performs them, and those that have ended.
 *
 * Threads: block_queue_create() and block_queue_destroy() run on the main thread, everything else on the one
 * thread that serves the queue; the main thread may take its place while that thread is held.
 */
#ifndef VMM_BLOCK_QUEUE_H
#define VMM_BLOCK_QUEUE_H

#include <stdbool.h>

#include "base/error.h"
#include "block/request.h"

struct block_queue;
struct block_user;

/* Create the queue of a user of a node (block_node_use()). NULL and an error: out of memory, or the host
 * provides no engine that aio= permits. */
struct block_queue *block_queue_create(struct block_user *user, struct error *error);
/* No request may be in progress. NULL is permitted. */
void block_queue_destroy(struct block_queue *queue);

/* Add a request, which block_queue_run() begins. All errors are reported by done(), which this never calls.
 */
void block_submit(struct block_queue *queue, struct block_request *request);
/* After one or more block_submit(), and when block_queue_fd() is readable (EPOLLIN): begin the requests, and
 * call done() for those that have ended. done() may submit requests; they are begun before this returns. Has
 * no effect within done(). */
void block_queue_run(struct block_queue *queue);
int block_queue_fd(const struct block_queue *queue);
/* Number of requests between block_submit() and done(). */
unsigned block_queue_load(const struct block_queue *queue);
/* Begin all requests and wait for all. Meanwhile only done() may submit others. */
void block_queue_drain(struct block_queue *queue);
/* "io_uring", "threads", "null". */
const char *block_queue_engine(const struct block_queue *queue);

#endif
