/* SPDX-License-Identifier: BSD-2-Clause */
/* Rings of a vhost-user device, and what a back end has to know before it gets them. */
#include <inttypes.h>
#include <unistd.h>

#include "vhost/user_message.h"

/* Bits of the device's status (VIRTIO 1.2, 2.1). */
#define STATUS_FOUND 3u /* ACKNOWLEDGE and DRIVER */
#define STATUS_DRIVER_OK 4u
#define STATUS_FEATURES_OK 8u

struct wire_ring_state {
    uint32_t index, number;
};
struct wire_ring_address {
    uint32_t index, flags;
    uint64_t descriptors, used, available, log;
};
struct wire_inflight {
    uint64_t size, offset;
    uint16_t rings, ring_size;
    uint32_t padding;
};

/* ---- features and status ---- */

static bool set_status(struct vhost_user *user, uint64_t status)
{
    return vhost_user_must(user, &MESSAGE_OF(SET_STATUS, status));
}

bool vhost_user_set_features(struct vhost_user *user, uint64_t features)
{
    const uint64_t all = features | F_PROTOCOL_FEATURES;
    uint64_t status;

    if (!vhost_user_must(user, &MESSAGE_OF(SET_FEATURES, all)))
        return false;
    if (!(user->protocol & VHOST_USER_PROTOCOL_STATUS))
        return true;
    if (!set_status(user, STATUS_FOUND | STATUS_FEATURES_OK) ||
        !vhost_user_ask(user, &MESSAGE(GET_STATUS), &status, sizeof status))
        return false;
    return (status & STATUS_FEATURES_OK) ||
           vhost_user_break(user, "it does not accept features 0x%" PRIx64 ", which it has offered",
                            features);
}

bool vhost_user_driver_ready(struct vhost_user *user)
{
    return !(user->protocol & VHOST_USER_PROTOCOL_STATUS) ||
           set_status(user, STATUS_FOUND | STATUS_FEATURES_OK | STATUS_DRIVER_OK);
}

bool vhost_user_reset(struct vhost_user *user)
{
    if (user->protocol & VHOST_USER_PROTOCOL_STATUS)
        return set_status(user, 0);
    return !(user->protocol & VHOST_USER_PROTOCOL_RESET_DEVICE) ||
           vhost_user_must(user, &MESSAGE(RESET_DEVICE));
}

/* ---- requests in progress ---- */

bool vhost_user_inflight_make(struct vhost_user *user, unsigned rings, unsigned ring_size,
                              struct vhost_user_inflight *inflight)
{
    const struct wire_inflight wanted = { .rings = (uint16_t)rings, .ring_size = (uint16_t)ring_size };
    struct vhost_user_message message = MESSAGE_OF(GET_INFLIGHT_FD, wanted);
    struct wire_inflight answer;
    int fd = -1;

    message.answer_fd = &fd;
    if (!vhost_user_ask(user, &message, &answer, sizeof answer) || fd < 0 || answer.size == 0) {
        if (fd >= 0)
            close(fd);
        return vhost_user_break(user, "its answer to GET_INFLIGHT_FD has no memory");
    }
    *inflight = (struct vhost_user_inflight){ fd, answer.size, answer.offset, wanted.rings,
                                              wanted.ring_size };
    return true;
}

bool vhost_user_inflight_pass(struct vhost_user *user, const struct vhost_user_inflight *inflight)
{
    const struct wire_inflight payload = { .size = inflight->size,
                                           .offset = inflight->offset,
                                           .rings = inflight->rings,
                                           .ring_size = inflight->ring_size };

    return vhost_user_must(user, &MESSAGE_FD(SET_INFLIGHT_FD, payload, inflight->fd));
}

void vhost_user_inflight_free(struct vhost_user_inflight *inflight)
{
    if (inflight->fd >= 0)
        close(inflight->fd);
    inflight->fd = -1;
}

/* ---- rings given and taken ---- */

bool vhost_user_ring_give(struct vhost_user *user, unsigned index, const struct vhost_ring *ring)
{
    const struct wire_ring_state size = { index, ring->size }, base = { index, ring->next },
                                 on = { index, 1 };
    const struct wire_ring_address address = { .index = index,
                                               .descriptors = (uint64_t)(uintptr_t)ring->descriptors,
                                               .used = (uint64_t)(uintptr_t)ring->used,
                                               .available = (uint64_t)(uintptr_t)ring->available };
    const uint64_t number = index;

    return vhost_user_must(user, &MESSAGE_OF(SET_VRING_NUM, size)) &&
           vhost_user_must(user, &MESSAGE_OF(SET_VRING_BASE, base)) &&
           vhost_user_must(user, &MESSAGE_OF(SET_VRING_ADDR, address)) &&
           vhost_user_must(user, &MESSAGE_FD(SET_VRING_ERR, number, ring->error)) &&
           vhost_user_must(user, &MESSAGE_FD(SET_VRING_CALL, number, ring->call)) &&
           vhost_user_must(user, &MESSAGE_FD(SET_VRING_KICK, number, ring->kick)) &&
           vhost_user_must(user, &MESSAGE_OF(SET_VRING_ENABLE, on));
}

bool vhost_user_ring_take(struct vhost_user *user, unsigned index, uint16_t *next)
{
    const struct wire_ring_state state = { .index = index };
    struct wire_ring_state answer;

    if (!vhost_user_ask(user, &MESSAGE_OF(GET_VRING_BASE, state), &answer, sizeof answer))
        return false;
    if (answer.index != index || answer.number > UINT16_MAX)
        return vhost_user_break(user, "its answer to GET_VRING_BASE of queue %u is %u of queue %u", index,
                                answer.number, answer.index);
    *next = (uint16_t)answer.number;
    return true;
}

bool vhost_user_ring_call(struct vhost_user *user, unsigned index, int call)
{
    const uint64_t number = index;

    return vhost_user_must(user, &MESSAGE_FD(SET_VRING_CALL, number, call));
}
