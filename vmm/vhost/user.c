/* SPDX-License-Identifier: BSD-2-Clause */
#include "vhost/user.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vhost/user_message.h"

/* The back end's. */
enum { BACKEND_CONFIG_CHANGE_MSG = 2 };

#define WANTED \
    (VHOST_USER_PROTOCOL_REPLY_ACK | VHOST_USER_PROTOCOL_MQ | VHOST_USER_PROTOCOL_BACKEND_REQ | \
     VHOST_USER_PROTOCOL_INFLIGHT | VHOST_USER_PROTOCOL_RESET_DEVICE | VHOST_USER_PROTOCOL_MEM_SLOTS | \
     VHOST_USER_PROTOCOL_STATUS | VHOST_USER_PROTOCOL_RARP)

struct wire_region {
    uint64_t address, size, memory, offset;
};
struct wire_single_region {
    uint64_t padding;
    struct wire_region region;
};
struct wire_table {
    uint32_t count, padding;
    struct wire_region regions[VHOST_USER_TABLE_MAX];
};
struct wire_config {
    uint32_t offset, size, flags;
    uint8_t bytes[VHOST_USER_CONFIG_MAX];
};
#define CONFIG_HEADER (offsetof(struct wire_config, bytes))

/* ---- life ---- */

bool vhost_user_open(struct vhost_user *user, int fd, struct error *error)
{
    int pair[2];

    *user = (struct vhost_user){ .fd = fd, .requests = -1, .their_end = -1 };
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0) {
        error_set(error, "no socket can be had for the back end's requests: %s", strerror(errno));
        vhost_user_close(user);
        return false;
    }
    user->requests = pair[0];
    user->their_end = pair[1];
    return true;
}

void vhost_user_close(struct vhost_user *user)
{
    int *const all[] = { &user->fd, &user->requests, &user->their_end };

    for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (*all[i] >= 0)
            close(*all[i]);
        *all[i] = -1;
    }
}

/* ---- the beginning ---- */

static bool lacks(const char *name, struct error *error)
{
    return error_set(error, "the back end lacks %s of vhost-user, which hotram requires", name);
}

/* CONFIG is a feature only where it is required: a device without it answers for its configuration itself. */
static bool agree(struct vhost_user *user, uint64_t required, struct error *error)
{
    uint64_t offered;

    if (!vhost_user_ask(user, &MESSAGE(GET_FEATURES), &user->features, sizeof user->features))
        return false;
    if (!(user->features & F_PROTOCOL_FEATURES))
        return lacks("the protocol features", error);
    if (!vhost_user_ask(user, &MESSAGE(GET_PROTOCOL_FEATURES), &offered, sizeof offered))
        return false;
    if (!(offered & VHOST_USER_PROTOCOL_REPLY_ACK))
        return lacks("REPLY_ACK", error);
    if ((required & VHOST_USER_PROTOCOL_CONFIG) && !(offered & VHOST_USER_PROTOCOL_CONFIG))
        return lacks("CONFIG", error);
    user->protocol = offered & (WANTED | required);
    user->features &= ~F_PROTOCOL_FEATURES;
    return vhost_user_tell(user, &MESSAGE_OF(SET_PROTOCOL_FEATURES, user->protocol)) &&
           vhost_user_must(user, &MESSAGE(SET_OWNER));
}

static bool find_limits(struct vhost_user *user)
{
    uint64_t rings = 1, slots = VHOST_USER_TABLE_MAX;

    if ((user->protocol & VHOST_USER_PROTOCOL_MQ) &&
        !vhost_user_ask(user, &MESSAGE(GET_QUEUE_NUM), &rings, sizeof rings))
        return false;
    if ((user->protocol & VHOST_USER_PROTOCOL_MEM_SLOTS) &&
        !vhost_user_ask(user, &MESSAGE(GET_MAX_MEM_SLOTS), &slots, sizeof slots))
        return false;
    if (rings == 0 || slots == 0)
        return vhost_user_break(user, "it serves %" PRIu64 " queues and maps %" PRIu64 " ranges of memory",
                                rings, slots);
    user->rings = rings < VHOST_USER_RINGS_MAX ? (unsigned)rings : VHOST_USER_RINGS_MAX;
    user->slots_max = slots < UINT32_MAX ? (unsigned)slots : UINT32_MAX;
    return true;
}

/* Its end is its own then: this program sees when it closes it. */
static bool open_requests(struct vhost_user *user)
{
    struct vhost_user_message message = MESSAGE(SET_BACKEND_REQ_FD);

    if (!(user->protocol & VHOST_USER_PROTOCOL_BACKEND_REQ))
        return true;
    message.fds = &user->their_end;
    message.fd_count = 1;
    if (!vhost_user_must(user, &message))
        return false;
    close(user->their_end);
    user->their_end = -1;
    return true;
}

bool vhost_user_begin(struct vhost_user *user, uint64_t required, struct error *error)
{
    error->text[0] = '\0';
    if (agree(user, required, error) && find_limits(user) && open_requests(user))
        return true;
    return user->broken ? error_set(error, "the back end: %s", user->why.text) : false;
}

void vhost_user_announce(struct vhost_user *user, const uint8_t mac[6])
{
    uint8_t payload[8] = { 0 }; /* a number whose first bytes are the address */
    uint64_t result;

    if (!(user->protocol & VHOST_USER_PROTOCOL_RARP))
        return;
    memcpy(payload, mac, 6);
    RESULT_DOES_NOT_MATTER(!vhost_user_do(user, &MESSAGE_OF(SEND_RARP, payload), &result),
                           "the connection is broken then, which the caller sees");
}

/* ---- configuration space ---- */

bool vhost_user_config_get(struct vhost_user *user, void *bytes, unsigned size)
{
    struct wire_config config = { .size = size }, answer;
    const uint32_t length = (uint32_t)CONFIG_HEADER + size;
    struct vhost_user_message message = MESSAGE_OF(GET_CONFIG, config);

    message.size = length;
    if (!vhost_user_ask(user, &message, &answer, length))
        return false;
    if (answer.size != size || answer.offset != 0)
        return vhost_user_break(user, "its answer to GET_CONFIG is of %u bytes at %u", answer.size,
                                answer.offset);
    memcpy(bytes, answer.bytes, size);
    return true;
}

bool vhost_user_config_set(struct vhost_user *user, unsigned offset, const void *bytes, unsigned size)
{
    struct wire_config config = { .offset = offset, .size = size };
    struct vhost_user_message message = MESSAGE_OF(SET_CONFIG, config);

    memcpy(config.bytes, bytes, size);
    message.size = (uint32_t)CONFIG_HEADER + size;
    return vhost_user_must(user, &message);
}

/* ---- memory ---- */

static struct wire_region to_wire(const struct vhost_user_region *region)
{
    return (struct wire_region){ .address = region->address,
                                 .size = region->size,
                                 .memory = (uint64_t)(uintptr_t)region->memory,
                                 .offset = region->offset };
}

static bool send_table(struct vhost_user *user, uint64_t *result)
{
    struct wire_table table = { .count = user->slots };
    int fds[VHOST_USER_TABLE_MAX];
    struct vhost_user_message message = MESSAGE_OF(SET_MEM_TABLE, table);

    message.size = (uint32_t)(offsetof(struct wire_table, regions) + user->slots * sizeof table.regions[0]);
    for (unsigned i = 0; i < user->slots; i++) {
        table.regions[i] = to_wire(&user->table[i]);
        fds[i] = user->table[i].fd;
    }
    message.fds = fds;
    message.fd_count = user->slots;
    return vhost_user_do(user, &message, result);
}

static bool add_to_table(struct vhost_user *user, const struct vhost_user_region *region, uint64_t *result)
{
    uint64_t again = 0;

    user->table[user->slots++] = *region;
    if (!send_table(user, result))
        return false;
    if (*result == 0)
        return true;
    user->slots--; /* the table is as it was, if the back end takes that */
    return user->slots == 0 || (send_table(user, &again) &&
                                (again == 0 || vhost_user_break(user, "it has refused SET_MEM_TABLE")));
}

static bool add_one(struct vhost_user *user, const struct vhost_user_region *region, uint64_t *result)
{
    const struct wire_single_region payload = { .region = to_wire(region) };

    if (!vhost_user_do(user, &MESSAGE_FD(ADD_MEM_REG, payload, region->fd), result))
        return false;
    user->slots += *result == 0;
    return true;
}

bool vhost_user_memory_full(const struct vhost_user *user, struct error *error)
{
    return error_set(error,
                     "its back end maps at most %u ranges of guest memory, and has so many; give fewer and "
                     "larger DIMMs, or device_del the device",
                     user->slots_max);
}

bool vhost_user_memory_add(struct vhost_user *user, const struct vhost_user_region *region,
                           struct error *error)
{
    uint64_t result = 0;

    if (user->slots >= user->slots_max)
        return vhost_user_memory_full(user, error);
    if (!(user->protocol & VHOST_USER_PROTOCOL_MEM_SLOTS ? add_one(user, region, &result)
                                                         : add_to_table(user, region, &result)))
        return error_set(error, "its back end: %s", user->why.text);
    return result == 0 ||
           error_set(error, "its back end has refused %" PRIu64 " bytes of guest memory at 0x%" PRIx64,
                     region->size, region->address);
}

static bool remove_from_table(struct vhost_user *user, const struct vhost_user_region *region)
{
    unsigned i = 0;
    uint64_t result;

    while (i < user->slots && user->table[i].address != region->address)
        i++;
    if (i == user->slots)
        return true;
    user->table[i] = user->table[--user->slots];
    return send_table(user, &result) &&
           (result == 0 || vhost_user_break(user, "it has refused SET_MEM_TABLE"));
}

bool vhost_user_memory_remove(struct vhost_user *user, const struct vhost_user_region *region)
{
    const struct wire_single_region payload = { .region = to_wire(region) };

    if (!(user->protocol & VHOST_USER_PROTOCOL_MEM_SLOTS))
        return remove_from_table(user, region);
    if (!vhost_user_must(user, &MESSAGE_OF(REM_MEM_REG, payload)))
        return false;
    user->slots--;
    return true;
}

/* ---- its own requests ---- */

static bool acknowledge(const struct vhost_user *user, const struct vhost_user_header *request)
{
    const struct {
        struct vhost_user_header header;
        uint32_t result[2]; /* a number of 64 bits, without padding before it */
    } answer = { .header = { request->request, VHOST_USER_VERSION | VHOST_USER_REPLY, 8 } };

    return write(user->requests, &answer, sizeof answer) == sizeof answer;
}

enum vhost_user_request vhost_user_take_request(struct vhost_user *user)
{
    struct vhost_user_header header;
    const ssize_t count = read(user->requests, &header, sizeof header);

    if (user->broken || (count < 0 && (errno == EAGAIN || errno == EINTR)))
        return user->broken ? VHOST_USER_BROKEN : VHOST_USER_NOTHING;
    /* All that it may send is a header alone, which it sends as a whole. */
    if (count != sizeof header)
        vhost_user_break(user, "%s",
                         count == 0 ? "it has closed the connection" : "it has sent a part of a request");
    else if (header.request != BACKEND_CONFIG_CHANGE_MSG || header.size != 0 ||
             (header.flags & (VHOST_USER_VERSION_MASK | VHOST_USER_REPLY)) != VHOST_USER_VERSION)
        vhost_user_break(user, "its request %u with flags 0x%x and %u bytes is none that it may make",
                         header.request, header.flags, header.size);
    else if ((header.flags & VHOST_USER_NEED_REPLY) && !acknowledge(user, &header))
        vhost_user_break(user, "it does not read the answers to its requests");
    return user->broken ? VHOST_USER_BROKEN : VHOST_USER_CONFIG_CHANGED;
}
