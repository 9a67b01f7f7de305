/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest's memory in sums, as status and top show it.
 */
#ifndef CTL_VIEW_H
#define CTL_VIEW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "qmp_client.h"

struct view {
    pid_t pid;
    struct json_object *name;       /* query-name's result */
    struct json_object *state;      /* query-status's */
    struct json_object *devices;    /* query-memory-devices' */
    struct json_object *operations; /* query-memory-operations'; NULL where the guest has no such command */
    struct json_object *map;        /* query-memory-map's; the same */
    uint64_t base;                  /* bytes at start */
    uint64_t plugged;
    uint64_t slots;    /* of the machine */
    uint64_t maxmem;   /* 0: unknown */
    uint64_t resident; /* bytes of the host's memory that the program has */
};

/* Ask a guest for all of it. Every answer has to come within `patience` ms. What was asked for until an error
 * came has to be freed, too. */
bool view_read(struct view *view, struct qmp *qmp, uint64_t answer_timeout, struct error *error);
void view_free(struct view *view);

/* What --json shows of it. */
struct json_object *view_document(const struct view *view, const char *socket);

size_t view_in_progress(const struct view *view);

#endif
