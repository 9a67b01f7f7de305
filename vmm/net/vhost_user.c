/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -netdev vhost-user: another program moves the frames, between the rings of the card and a network
 * (virtio/user.h). The back end is only a name here: of the chardev that connects to that program, which the
 * card does. Names and defaults are QEMU's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/count_of.h"
#include "net/type.h"

struct vhost_user_values {
    char *chardev;
    uint32_t queues;
    bool queues_given, force;
};

static const struct property properties[] = {
    PROPERTY_ROW_REQUIRED(vhost_user_values, "chardev", PROPERTY_STRING, chardev,
                          "id of a -chardev socket that connects to the program",
                          "Parameter 'chardev' is missing: chardev=ID, of a -chardev socket,id=ID,path=PATH"),
    PROPERTY_ROW_GIVEN_RANGE(vhost_user_values, "queues", PROPERTY_UINT32, queues,
                             "pairs of queues (default 1)", NUMBER_RANGE(1, NET_QUEUES_MAX)),
    PROPERTY_ROW(vhost_user_values, "vhostforce", PROPERTY_BOOL, force,
                 "has no effect: the program moves all frames"),
};

static bool open_name(struct net_backend *backend, const void *opaque, struct props props,
                      struct error *error)
{
    const struct vhost_user_values *values = opaque;

    (void)props;
    backend->state = strdup(values->chardev);
    if (!backend->state)
        return error_set(error, "out of memory");
    snprintf(backend->description, sizeof backend->description, "type=vhost-user,chardev=%s",
             values->chardev);
    return net_backend_make_queues(backend, values->queues_given ? values->queues : 1, error);
}

static void forget_name(struct net_backend *backend)
{
    free(backend->state);
}

const struct net_type net_vhost_user_type = {
    .name = "vhost-user",
    .properties = properties,
    .property_count = COUNT_OF(properties),
    .values_size = sizeof(struct vhost_user_values),
    .open = open_name,
    .close = forget_name,
};

const char *net_backend_chardev(const struct net_backend *backend)
{
    return backend->type == &net_vhost_user_type ? backend->state : NULL;
}
