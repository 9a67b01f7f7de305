/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way of one user's requests to a node: an engine, and what has ended.
 *
 * Threads: block_queue_create() and block_queue_destroy() on the main thread. All else on the one thread that
 * serves the queue, an I/O thread's; while that is held, the main thread may take its place.
 */
#ifndef VMM_BLOCK_QUEUE_H
#define VMM_BLOCK_QUEUE_H

#include <stdbool.h>

#include "base/error.h"
#include "block/request.h"

struct block_queue;
struct block_user;

/* For a user of a node (block_node_use()). NULL and an error: the host gives no engine, and aio= asks for one
 * that it does not have. */
struct block_queue *block_queue_create(struct block_user *user, struct error *error);
/* Nothing is on its way; NULL will do. */
void block_queue_destroy(struct block_queue *queue);

/* Take a request; block_queue_run() sends it, with all that were taken since. Whatever is wrong with it is
 * told by done(), never from within this. */
void block_submit(struct block_queue *queue, struct block_request *request);
/* After one or more block_submit(), and when block_queue_fd() can be read (EPOLLIN): send what was taken, and
 * call done() for what has ended. done() may submit; such requests are sent before this returns. Called from
 * within done() it does nothing. */
void block_queue_run(struct block_queue *queue);
int block_queue_fd(const struct block_queue *queue);
/* Requests between block_submit() and done(). */
unsigned block_queue_load(const struct block_queue *queue);
/* Send all, wait for all. Nothing else is submitted meanwhile but by done(). */
void block_queue_drain(struct block_queue *queue);
/* "io_uring", "threads", "null". */
const char *block_queue_engine(const struct block_queue *queue);

#endif
