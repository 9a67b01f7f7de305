/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tree of QOM, QEMU's object model: which objects exist, by path, and the values of their properties.
 * Paths and types are QEMU's.
 *
 * Threads: main thread only.
 */
#ifndef VMM_MONITOR_COMMANDS_QOM_TREE_H
#define VMM_MONITOR_COMMANDS_QOM_TREE_H

#include <stdbool.h>

#include "base/error.h"
#include "monitor/command.h"

struct device;
struct json_object;

/* One object of the tree, while a command looks at it. */
struct qom_node {
    const char *type;             /* qom_type_find() describes it */
    struct json_object *values;   /* of properties by name: an object, owned */
    struct json_object *children; /* the type of each child by its name: an object, owned */
    struct device *device;        /* borrowed; NULL: the node is not a device */
};

/* Find the object at `path`, absolute or partial (base/qom_path.h), and fill in *node, which
 * qom_node_release() frees. False and an error: no object has this path (of class DeviceNotFound), several
 * have it, or memory is insufficient; then there is nothing to release. */
bool qom_node_find(struct monitor_context *context, const char *path, struct qom_node *node,
                   struct error *error);

/* Free the values and children of a node that was found. `type` and `device` remain valid. */
void qom_node_release(struct qom_node *node);

#endif
