/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices as queries, device_add and device_del see them: a list, with ids.
 *
 * Threads: main thread only.
 */
#ifndef VMM_DEVICE_DEVICE_H
#define VMM_DEVICE_DEVICE_H

#include "device/board.h"
#include "device/type.h"

/* The first member of each device's own struct. */
struct device {
    const struct device_type *type;
    char *id;        /* owned; NULL: it has none */
    uint32_t anon;   /* then its number among those of -device and device_add without an id */
    bool hotplugged; /* not there from the start */
    bool present;    /* its plug has come to an end; queries show it */
    struct board *board;
    struct device *next;
};

#define DEVICE_PATH_SIZE 512

/* Into the board's list, as its last. False: out of memory. */
bool device_enlist(struct device *device, struct board *board, const struct device_type *type, const char *id,
                   bool hotplugged, struct error *error);
/* Out of it; its id is free. */
void device_delist(struct device *device);

/* "/machine/peripheral/ID", or "/machine/peripheral-anon/device[N]"; returns buffer. */
char *device_path(const struct device *device, char buffer[DEVICE_PATH_SIZE]);
/* The one with an id, present or not; NULL: there is none. */
struct device *device_find(const struct board *board, const char *id);
/* The one that an id or a QOM path names, present or not; NULL and an error otherwise, of class
 * DeviceNotFound if there is none. */
struct device *device_resolve(const struct board *board, const char *reference, struct error *error);
/* Error class DeviceNotFound, with the names of those that could be unplugged. */
void device_not_found(const struct board *board, const char *reference, struct error *error);
/* In order of creation: NULL gives the first of those that are present and have a path. */
struct device *device_next(const struct board *board, const struct device *device);

/* -device and device_add: `props` has driver, perhaps id, and the type's properties. OUTCOME_LATER only with
 * `hot`; `completion` may be NULL otherwise. */
enum outcome device_add(struct board *board, struct props props, bool hot,
                        const struct completion *completion, struct error *error);

/* device_del: ask for it to go, by id or QOM path. Error class DeviceNotFound if there is none. */
bool device_del(struct board *board, const char *reference, struct error *error);

/* All devices after power-on, in order of creation. vCPUs are paused. */
void devices_reset(const struct board *board);
/* What they have to say in the DSDT, in the scope \_SB. */
void devices_aml(const struct board *board, struct hotram_aml *aml);
/* The end, in reverse order of creation. */
void devices_destroy(struct board *board);

#endif
