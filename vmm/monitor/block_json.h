/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Block nodes and their users as QMP shows them. Members and their order are QEMU 7.2's.
 *
 * Threads: main thread only.
 */
#ifndef VMM_MONITOR_BLOCK_JSON_H
#define VMM_MONITOR_BLOCK_JSON_H

struct block_node;
struct block_user;
struct json_object;

/* BlockDeviceInfo, BlockInfo and BlockStats of qmp/schema_types.c: new objects. */
struct json_object *block_node_json(const struct block_node *node);
struct json_object *block_user_json(const struct block_user *user);
/* Of a node alone, whose numbers are 0: users are what is counted. */
struct json_object *block_node_stats_json(const struct block_node *node);
struct json_object *block_user_stats_json(const struct block_user *user);

#endif
