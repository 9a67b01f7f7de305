/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The properties of -netdev stream (stream.c). Names and rules are QEMU's, except those about TCP.
 */
#ifndef VMM_NET_STREAM_PROPERTIES_H
#define VMM_NET_STREAM_PROPERTIES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/un.h>

#include "base/props.h"

/* Size of a UNIX socket's path, including the NUL. */
#define STREAM_PATH_BYTES (sizeof((struct sockaddr_un *)NULL)->sun_path)

struct stream_values {
    char *type, *path, *host, *port;
    bool server;
    uint32_t reconnect, reconnect_ms;
    bool reconnect_given, reconnect_ms_given;
};

#define STREAM_PROPERTIES 7
extern const struct property stream_properties[STREAM_PROPERTIES];

/* Check the properties of one -netdev stream (`opaque`, a struct stream_values) without effects, for struct
 * net_type. False and an error: a property is missing or conflicts with another, or its value is not valid.
 * Any thread. */
bool stream_check(const void *opaque, bool keyval, struct error *error);

#endif
