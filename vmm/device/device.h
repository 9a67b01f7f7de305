/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices as queries, device_add and device_del see them: a list, with ids.
 *
 * Threads: main thread only.
 */
#ifndef VMM_DEVICE_DEVICE_H
#define VMM_DEVICE_DEVICE_H

#include "device/board.h"
#include "device/fields.h"
#include "device/type.h"

/* The first member of each device's own struct. */
struct device {
    const struct device_type *type;
    char *id;        /* owned; NULL: it has none */
    uint32_t anon;   /* then its number among those of -device and device_add without an id */
    bool hotplugged; /* not present from the start */
    bool present;    /* its plug has come to an end; queries show it */
    bool leaving;    /* device_leave() */
    struct board *board;
    const struct child_bus *on; /* NULL: a PCI bus, or none */
    struct device *next;
};

#define DEVICE_PATH_SIZE 512

/* Into the board's list, as its last. False: out of memory. */
bool device_enlist(struct device *device, struct board *board, const struct device_type *type, const char *id,
                   bool hotplugged, struct error *error);
/* The same for a chip; nothing can fail. No query shows it. */
void device_enlist_chip(struct device *device, struct board *board, const struct device_type *type);
/* Out of it; its id is free. */
void device_delist(struct device *device);
/* It goes for good, and before it what is on buses that it makes: each with its event, while it has a name.
 * Before any client can act on that the id is free. */
void device_remove(struct device *device);
/* The same for one that the guest has let go and may be busy (device/type.h): at once, or by
 * devices_remove_left() when it is drained. Until then it keeps its id, and what it uses; device_del says so.
 */
void device_leave(struct device *device);
/* Remove those that leave and are not busy any more. From the event loop, for who hears board_drained(). */
void devices_remove_left(const struct board *board);

/* "/machine/peripheral/ID", or "/machine/peripheral-anon/device[N]"; returns buffer. */
char *device_path(const struct device *device, char buffer[DEVICE_PATH_SIZE]);
/* The one with an id, present or not; NULL: there is none. */
struct device *device_find(const struct board *board, const char *id);
/* The one that an id or a QOM path names, present or not. NULL and an error: there is none (class
 * DeviceNotFound, with the names of those that can be unplugged), or it is not of the type; `type` NULL: any.
 */
struct device *device_resolve(const struct board *board, const char *reference,
                              const struct device_type *type, struct error *error);
/* In order of creation: NULL gives the first of those that are present and have a path. */
struct device *device_next(const struct board *board, const struct device *device);

/* -device and device_add: `props` has driver, perhaps id, and the type's properties. OUTCOME_LATER only with
 * `hot`; `completion` may be NULL otherwise. */
enum outcome device_add(struct board *board, struct props props, bool hot,
                        const struct completion *completion, struct error *error);

/* device_del: ask for it to go, by id or QOM path. Error class DeviceNotFound if there is none. */
bool device_del(struct board *board, const char *reference, struct error *error);

/* The next that is busy (device/type.h), in order of creation: NULL gives the first. NULL: none is. */
const struct device *devices_busy(const struct board *board, const struct device *device);
/* Its id, or without one the name of its type. */
const char *device_name(const struct device *device);
/* Board's drained(), if there is one. */
void board_drained(const struct board *board);

/* All devices after power-on, in order of creation. vCPUs are paused, no device is busy. */
void devices_reset(const struct board *board);
/* The guest stands still, or runs again. vCPUs are paused. Devices may be busy after the former. */
void devices_run(const struct board *board, bool run);
/* The thread of all devices that move data, made for the first. NULL and an error: the host gives none. */
struct io_thread *device_io(struct board *board, struct error *error);
/* What chips, or the other devices with the chips that lead to them, have to say in the DSDT. */
void devices_aml(const struct board *board, bool chips, struct hotram_aml *aml);
/* And how events come, `memory`: also of memory devices. The first status that is not HOTRAM_OK. */
enum hotram_status devices_aml_events(const struct board *board, bool memory, struct hotram_aml *aml);
/* Their nodes in a device tree, one call each. */
void devices_fdt(const struct board *board, void (*write)(void *opaque, const struct tree_node *node),
                 void *opaque);
/* An event for the guest. Under the machine lock. */
void board_raise(const struct board *board, enum board_event event);

/* The states of all devices, one behind the other, in order of creation (device/fields.h): vCPUs are paused,
 * and nobody else uses a device. False: one of the devices has no saved form, and nothing was appended; or
 * the buffer is too small. DIMMs are not among them: their state is the bank's. */
bool devices_save(const struct board *board, struct hotram_buffer *out, struct error *error);
/* The same devices take what was saved, under the machine lock. False: not one has changed, and `saved` is as
 * it was. */
bool devices_restore(const struct board *board, struct hotram_saved *saved, struct error *error);
/* The end, in reverse order of creation. None is busy. */
void devices_destroy(struct board *board);

#endif
