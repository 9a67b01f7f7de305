/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One message of vhost-user to the back end, and its answer (QEMU's docs/interop/vhost-user.rst).
 *
 * Threads: as in vhost/user.h. False always means that the connection is broken, by this call or before.
 */
#ifndef VMM_VHOST_USER_MESSAGE_H
#define VMM_VHOST_USER_MESSAGE_H

#include "vhost/user.h"

/* Header of a message; `size` bytes follow. Numbers are in the host's byte order. */
struct vhost_user_header {
    uint32_t request, flags, size;
};

#define VHOST_USER_VERSION 1u
#define VHOST_USER_VERSION_MASK 3u
#define VHOST_USER_REPLY 4u
#define VHOST_USER_NEED_REPLY 8u

/* A request: its number, its name for messages, the bytes after its header, and its descriptors, at most
 * VHOST_USER_TABLE_MAX. */
struct vhost_user_message {
    uint32_t request;
    const char *name;
    const void *bytes;
    uint32_t size;
    const int *fds;
    unsigned fd_count;
};

/* Send a request that has an answer of its own, and wait for it; it must have exactly `size` bytes. */
bool vhost_user_ask(struct vhost_user *user, const struct vhost_user_message *message, void *answer,
                    uint32_t size);
/* Send a request without an answer of its own, and wait for its acknowledgement: *result is 0 if the back end
 * has carried it out. */
bool vhost_user_do(struct vhost_user *user, const struct vhost_user_message *message, uint64_t *result);
/* The same for a request that the back end must not refuse: a refusal breaks the connection. */
bool vhost_user_must(struct vhost_user *user, const struct vhost_user_message *message);
/* Send a request without waiting for an acknowledgement: before REPLY_ACK has been negotiated. */
bool vhost_user_tell(struct vhost_user *user, const struct vhost_user_message *message);

#endif
