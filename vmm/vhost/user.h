/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vhost-user: another program serves the queues of a virtio device (QEMU's docs/interop/vhost-user.rst). It
 * gets the queues' memory, doorbells and interrupts as descriptors, over a Unix socket. This is the front
 * end: it asks, and the other program, the back end, answers.
 *
 * A back end is not trusted. An answer of another length, to another request or none at all, a number beyond
 * its range, and silence for longer than VHOST_USER_ANSWER_MS break the connection: it is cut off, `why` says
 * what happened, and every later request fails at once without a wait. Descriptors that come with an answer
 * are dropped by the kernel, since nothing here receives any.
 *
 * REPLY_ACK and CONFIG are required, so that each request is known to have been carried out before the next.
 *
 * Threads: one at a time; a request waits for its answer, for VHOST_USER_ANSWER_MS at most.
 */
#ifndef VMM_VHOST_USER_H
#define VMM_VHOST_USER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "vhost/vhost.h"

/* How long a back end may take for an answer, and for what it still has to write to the guest's memory when
 * its queues stop. */
#define VHOST_USER_ANSWER_MS 5000u
#define VHOST_USER_DRAIN_MS 30000u

/* Ranges of memory that are given as one table, where the back end lacks CONFIGURE_MEM_SLOTS. */
#define VHOST_USER_TABLE_MAX 8u
/* Bytes of configuration space, as the protocol limits them. */
#define VHOST_USER_CONFIG_MAX 256u
/* A ring's number is a byte. */
#define VHOST_USER_RINGS_MAX 256u

/* Bits of struct vhost_user's `protocol`. */
#define VHOST_USER_PROTOCOL_MQ (UINT64_C(1) << 0)
#define VHOST_USER_PROTOCOL_REPLY_ACK (UINT64_C(1) << 3)
#define VHOST_USER_PROTOCOL_BACKEND_REQ (UINT64_C(1) << 5)
#define VHOST_USER_PROTOCOL_CONFIG (UINT64_C(1) << 9)
#define VHOST_USER_PROTOCOL_MEM_SLOTS (UINT64_C(1) << 15)

/* A range of guest memory that the back end maps. */
struct vhost_user_region {
    uint64_t address, size; /* guest-physical, bytes */
    void *memory;           /* where this program has it: by this, rings are found */
    int fd;                 /* what it is, from `offset` on */
    uint64_t offset;
};

/* A connection. To be read; changed by the functions below alone. */
struct vhost_user {
    int fd;                    /* -1: none */
    int requests;              /* where the back end makes requests of its own; -1: it does not */
    int their_end;             /* of that, until the back end has it; -1: none */
    uint64_t features;         /* virtio's, and of rings, that it offers */
    uint64_t protocol;         /* protocol features in use */
    unsigned rings;            /* that it serves at most */
    unsigned slots_max, slots; /* ranges of memory that it maps at most, and now */
    struct vhost_user_region table[VHOST_USER_TABLE_MAX]; /* [slots], without PROTOCOL_MEM_SLOTS */
    bool broken;
    struct error why; /* of `broken`: a clause such as "it has closed the connection" */
};

/* Take a connected, non-blocking socket over, without a word to the back end. False and an error: the host
 * lacks a descriptor; `fd` is closed. Main thread. */
bool vhost_user_open(struct vhost_user *user, int fd, struct error *error);
/* Close it: the back end gives up all it has. One that was zeroed and has -1 in its descriptors will do. Main
 * thread. */
void vhost_user_close(struct vhost_user *user);

/* Agree with the back end on features of the protocol, and fill in what it is. False: it is broken, or lacks
 * what is required, which `error` names. Main thread. */
bool vhost_user_begin(struct vhost_user *user, struct error *error);
/* Break it, for something that the caller has found. printf-like; a clause, as `why`. Returns false. */
bool vhost_user_break(struct vhost_user *user, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Read bytes of the device's configuration space, from its first one on; `size` is 1 to
 * VHOST_USER_CONFIG_MAX. False: it is broken. */
bool vhost_user_config_get(struct vhost_user *user, void *bytes, unsigned size);
/* The driver has written some of them, of which `offset + size` is at most VHOST_USER_CONFIG_MAX. The same.
 */
bool vhost_user_config_set(struct vhost_user *user, unsigned offset, const void *bytes, unsigned size);

/* Have a range of memory mapped; when this returns it is. Without PROTOCOL_MEM_SLOTS it unmaps and maps all,
 * so no ring may be served. False and an error without a subject: the back end has refused it, has no slot
 * left, or is broken. */
bool vhost_user_memory_add(struct vhost_user *user, const struct vhost_user_region *region,
                           struct error *error);
/* Have it unmapped; when this returns nothing accesses it. The same. False: it is broken. */
bool vhost_user_memory_remove(struct vhost_user *user, const struct vhost_user_region *region);

/* The features that the driver has accepted, before its rings. False: it is broken, as in all that follow. */
bool vhost_user_set_features(struct vhost_user *user, uint64_t features);
/* Give it a ring, numbered from 0 to `rings` - 1, and have it served. */
bool vhost_user_ring_give(struct vhost_user *user, unsigned index, const struct vhost_ring *ring);
/* Have it served no longer: *next is the entry that it would have taken next. Requests that it has taken may
 * be under way still. */
bool vhost_user_ring_take(struct vhost_user *user, unsigned index, uint16_t *next);
/* A ring that it serves gets another interrupt. */
bool vhost_user_ring_call(struct vhost_user *user, unsigned index, int call);

/* What the back end asks for. */
enum vhost_user_request {
    VHOST_USER_NOTHING,        /* the whole request is not there yet, or it was one that is ignored */
    VHOST_USER_CONFIG_CHANGED, /* configuration space is to be read anew */
    VHOST_USER_BROKEN,
};
/* Take one request from `requests`, which is readable. */
enum vhost_user_request vhost_user_take_request(struct vhost_user *user);

#endif
