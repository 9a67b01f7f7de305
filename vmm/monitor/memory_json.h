/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Operations and memory set as QMP shows them, in events and answers alike.
 *
 * Threads: main thread only.
 */
#ifndef VMM_MONITOR_MEMORY_JSON_H
#define VMM_MONITOR_MEMORY_JSON_H

struct json_object;
struct operation;
struct operation_info;
struct resize_report;

/* MemoryOperation or CpuOperation, and MemorySet of qmp/schema_types.c: new objects. */
struct json_object *operation_json(const struct operation_info *info);
struct json_object *operation_json_now(const struct operation *operation);
struct json_object *resize_json(const struct resize_report *report);

#endif
