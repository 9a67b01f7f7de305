/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest memory on its way from one machine to another: which pages are still to be sent, and where those that
 * arrive belong.
 *
 * Threads: moved_send() and moved_receive() on any one thread; everything else is the main thread's, while
 * that is not at work. The counters can be read at any time.
 */
#ifndef VMM_MACHINE_MOVED_H
#define VMM_MACHINE_MOVED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "machine/snapshot.h"
#include "machine/wire.h"

struct moved {
    struct saved_memory memory;
    uint64_t *dirty[SAVED_REGIONS_MAX]; /* of a source: pages to send, as guest_memory_log_take() has them */
    uint64_t *written;                  /* for one result of that */
    uint64_t page;                      /* bytes */
    uint64_t total;                     /* bytes that the guest has */
    bool logging;
    uint8_t *room; /* of a target: for one message */
    /* Pages that were sent, without and with contents; bytes that are still to be sent. */
    atomic_uint_fast64_t zeros, normal, left;
};

/* List and lease the memory of a machine. NULL and an error. */
struct moved *moved_create(struct guest_memory *map, const struct backends *backends, struct error *error);
/* The machine has more of it, before anything of it is moved. */
bool moved_again(struct moved *moved, struct error *error);
void moved_free(struct moved *moved); /* the log ends with it; NULL: without effect */

/* A source: everything is to be sent; from now on, what is written is noted. */
bool moved_begin(struct moved *moved, struct error *error);
/* What was written meanwhile is to be sent, too. moved->left is the size of all that is. */
bool moved_take_log(struct moved *moved, struct error *error);
/* Send all of it. */
bool moved_send(struct moved *moved, struct wire *wire, struct error *error);

/* A target: what follows a header of WIRE_PAGES or WIRE_ZEROS. */
bool moved_receive(struct moved *moved, struct wire *wire, const struct wire_message *message,
                   struct error *error);

#endif
