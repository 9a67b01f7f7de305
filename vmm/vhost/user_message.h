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
 * VHOST_USER_TABLE_MAX. `answer_fd` is set to a descriptor that comes with its answer, which the caller owns,
 * also after a failure; NULL: none is received. */
struct vhost_user_message {
    uint32_t request;
    const char *name;
    const void *bytes;
    uint32_t size;
    const int *fds;
    unsigned fd_count;
    int *answer_fd;
};

/* Front end's requests, by the protocol's numbers. */
enum {
    GET_FEATURES = 1,
    SET_FEATURES = 2,
    SET_OWNER = 3,
    SET_MEM_TABLE = 5,
    SET_VRING_NUM = 8,
    SET_VRING_ADDR = 9,
    SET_VRING_BASE = 10,
    GET_VRING_BASE = 11,
    SET_VRING_KICK = 12,
    SET_VRING_CALL = 13,
    SET_VRING_ERR = 14,
    GET_PROTOCOL_FEATURES = 15,
    SET_PROTOCOL_FEATURES = 16,
    GET_QUEUE_NUM = 17,
    SET_VRING_ENABLE = 18,
    SEND_RARP = 19,
    SET_BACKEND_REQ_FD = 21,
    GET_CONFIG = 24,
    SET_CONFIG = 25,
    GET_INFLIGHT_FD = 31,
    SET_INFLIGHT_FD = 32,
    RESET_DEVICE = 34,
    GET_MAX_MEM_SLOTS = 36,
    ADD_MEM_REG = 37,
    REM_MEM_REG = 38,
    SET_STATUS = 39,
    GET_STATUS = 40,
};

/* Bit of the virtio features that says that there are protocol features. */
#define F_PROTOCOL_FEATURES (UINT64_C(1) << 30)

/* A message without and with a payload. */
#define MESSAGE(number) ((struct vhost_user_message){ .request = (number), .name = #number })
#define MESSAGE_OF(number, payload) \
    ((struct vhost_user_message){ \
        .request = (number), .name = #number, .bytes = &(payload), .size = sizeof(payload) })
#define MESSAGE_FD(number, payload, fd) \
    ((struct vhost_user_message){ .request = (number), \
                                  .name = #number, \
                                  .bytes = &(payload), \
                                  .size = sizeof(payload), \
                                  .fds = &(fd), \
                                  .fd_count = 1 })

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
