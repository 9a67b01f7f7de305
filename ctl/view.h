/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sums of a guest's memory and CPUs, as status and top show them.
 */
#ifndef CTL_VIEW_H
#define CTL_VIEW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "qmp_client.h"

/* Results of queries, and sums in bytes. */
struct view {
    pid_t pid;
    struct json_object *name;       /* query-name's result */
    struct json_object *state;      /* query-status's */
    struct json_object *devices;    /* query-memory-devices' */
    struct json_object *operations; /* query-memory-operations'; NULL where the guest has no such command */
    struct json_object *map;        /* query-memory-map's; likewise */
    struct json_object *cpus;       /* query-hotpluggable-cpus'; NULL where the guest does not answer it */
    struct json_object *cpu_operations; /* query-cpu-operations'; NULL where the guest has no such command */
    struct json_object *device_operations; /* query-device-operations'; likewise */
    uint64_t base;                         /* bytes at start */
    uint64_t plugged;
    uint64_t slots;    /* number of DIMM slots */
    uint64_t maxmem;   /* 0: unknown */
    uint64_t resident; /* of the program, on the host; 0: unknown */
};

/* Query a guest, which has `answer_timeout` ms for each answer. False and an error: no answer, or a command
 * was refused. view_free() is required in either case. */
bool view_read(struct view *view, struct qmp *qmp, uint64_t answer_timeout, struct error *error);
void view_free(struct view *view);

/* The document of --json: a new object. */
struct json_object *view_document(const struct view *view, const char *socket);

/* How many of query-hotpluggable-cpus' result are present. */
size_t view_present_cpus(struct json_object *cpus);

/* The number of slots in use: virtio-mem devices have none. */
size_t view_slots_in_use(const struct view *view);

/* The number of operations in progress. */
size_t view_in_progress(const struct view *view);

#endif
