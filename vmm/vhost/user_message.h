/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One message of vhost-user to the back end, and its answer.
 *
 * Threads: as vhost/user.h says.
 */
#ifndef VMM_VHOST_USER_MESSAGE_H
#define VMM_VHOST_USER_MESSAGE_H

#include "vhost/user.h"

/* A message: this, and `size` bytes. Numbers are in the host's byte order. */
struct vhost_user_header {
    uint32_t request, flags, size;
};

#define VHOST_USER_VERSION 1u
#define VHOST_USER_VERSION_MASK 3u
#define VHOST_USER_REPLY 4u
#define VHOST_USER_NEED_REPLY 8u

/* A request: its number, its name for messages, what follows its header, and a descriptor or -1. */
struct vhost_user_message {
    uint32_t request;
    const char *name;
    const void *bytes;
    uint32_t size;
    const int *fds;
    unsigned fd_count;
};

/* Send a request and wait for its own answer, which has exactly `size` bytes. False: it is broken. */
bool vhost_user_ask(struct vhost_user *user, const struct vhost_user_message *message, void *answer,
                    uint32_t size);
/* Send one that has no answer of its own, and wait for its acknowledgement: *result is 0 if it was carried
 * out. */
bool vhost_user_do(struct vhost_user *user, const struct vhost_user_message *message, uint64_t *result);
/* The same of one that the back end has no reason to refuse. */
bool vhost_user_must(struct vhost_user *user, const struct vhost_user_message *message);
/* Send it, without an answer: before acknowledgements are agreed on. */
bool vhost_user_tell(struct vhost_user *user, const struct vhost_user_message *message);

#endif
