/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sets of the host's NUMA nodes, and the policies by which memory is placed on them: the properties
 * host-nodes and policy of a memory backend.
 */
#ifndef VMM_BASE_HOST_NODES_H
#define VMM_BASE_HOST_NODES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct json_object;

/* Nodes are numbered 0 to 127, as in QEMU. */
#define HOST_NODES_MAX 128

struct host_nodes {
    uint64_t bits[HOST_NODES_MAX / 64];
};

/* QEMU's HostMemPolicy. */
enum host_policy {
    HOST_POLICY_DEFAULT,
    HOST_POLICY_PREFERRED,
    HOST_POLICY_BIND,
    HOST_POLICY_INTERLEAVE,
    HOST_POLICY_COUNT
};
extern const char *const host_policy_names[HOST_POLICY_COUNT];

/* Parse "0", "0-3", "0-1,4", or the JSON list [0, 1, 4], and a policy's name. False and an error that lacks
 * its subject, as size_parse()'s: not such a text, or a node beyond HOST_NODES_MAX. */
bool host_nodes_parse(const char *text, struct host_nodes *nodes, struct error *error);
/* [0, 1, 4] */
bool host_nodes_read_json(struct json_object *list, struct host_nodes *nodes, struct error *error);
bool host_policy_parse(const char *text, enum host_policy *policy, struct error *error);

bool host_nodes_has(const struct host_nodes *nodes, unsigned node);
bool host_nodes_empty(const struct host_nodes *nodes);

/* Write "0-1,4"; returns buffer. */
#define HOST_NODES_TEXT_MAX 512
char *host_nodes_text(const struct host_nodes *nodes, char buffer[HOST_NODES_TEXT_MAX]);

#endif
