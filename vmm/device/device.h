/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list of devices, with their ids: for queries, device_add, device_del, resets and the end.
 *
 * Threads: main thread only, except board_raise().
 */
#ifndef VMM_DEVICE_DEVICE_H
#define VMM_DEVICE_DEVICE_H

#include "device/board.h"
#include "device/fields.h"
#include "device/type.h"
#include "state/stream.h"

struct operation;

/* The first member of each device's own struct. */
struct device {
    const struct device_type *type;
    char *id;          /* owned; NULL: none */
    uint32_t anon;     /* if it has none: its number among those of -device and device_add without an id */
    bool hotplugged;   /* added after the start */
    bool present;      /* its plug is complete; queries show it */
    bool unattached;   /* a CPU of the start: QEMU's path has this number of it, `anon` */
    bool leaving;      /* device_leave() was called */
    bool coming;       /* it is in the list of those that are coming, and not in the other */
    const void *asker; /* of such a device: `opaque` of its completion */
    /* Of device/request.h, for the board's `requests`: the operation that may still receive an event, and one
     * that has not begun. Both may be NULL. */
    struct operation *operation, *prepared;
    struct board *board;
    const struct child_bus *on; /* NULL: on a PCI bus, or on none */
    struct device *next;
};

#define DEVICE_PATH_SIZE 512

/* Append a device to the board's list. False and an error: out of memory. */
bool device_enlist(struct device *device, struct board *board, const struct device_type *type, const char *id,
                   bool hotplugged, struct error *error);
/* The same for a chip, which queries do not show. Cannot fail. */
void device_enlist_chip(struct device *device, struct board *board, const struct device_type *type);
/* The same for a CPU of the start, with its number. */
void device_enlist_unattached(struct device *device, struct board *board, const struct device_type *type,
                              uint32_t number);
/* Remove a device from the list; its id is free again. */
void device_delist(struct device *device);
/* Remove a device that is not busy and destroy it; first the devices on buses that it has created. Emits
 * DEVICE_DELETED for each; its id is free before a client can act on the event. */
void device_remove(struct device *device);
/* The same for a device that may be busy (device/type.h) and that the guest has released: at once, or by
 * devices_remove_left() when it is drained. Until then it keeps its id and everything that it uses, and
 * device_del is refused. */
void device_leave(struct device *device);
/* Remove the devices that are leaving and no longer busy. From the event loop, after board_drained(). */
void devices_remove_left(const struct board *board);

/* "/machine/peripheral/ID", "/machine/peripheral-anon/device[N]", or "/machine/unattached/device[N]"; returns
 * buffer. */
char *device_path(const struct device *device, char buffer[DEVICE_PATH_SIZE]);
/* The device with an id, present or not; NULL: there is none. */
struct device *device_find(const struct board *board, const char *id);
/* The device with an id or QOM path, present or not. NULL and an error: there is none (class DeviceNotFound,
 * with the names of devices that can be unplugged), or it is not of the type; `type` NULL: any type. */
struct device *device_resolve(const struct board *board, const char *reference,
                              const struct device_type *type, struct error *error);
/* Iterate over the devices that are present and have a path, in order of creation: NULL gives the first. NULL
 * after the last. */
struct device *device_next(const struct board *board, const struct device *device);

/* -device and device_add: create a device. `props` contains driver, perhaps id, and the type's properties.
 * OUTCOME_LATER, only with `hot`: completion->ended is called at the end; without `hot`, `completion` may be
 * NULL. OUTCOME_FAILED and an error: nothing is left. */
enum outcome device_add(struct board *board, struct props props, bool hot,
                        const struct completion *completion, struct error *error);

/* device_del: request the removal of a device, by id or QOM path. True: requested or done; DEVICE_DELETED
 * reports the end. False and an error: there is none (class DeviceNotFound), or it cannot be removed. */
bool device_del(struct board *board, const char *reference, struct error *error);

/* ---- coming.c: devices that wait for another program ---- */

/* A device whose create() returns OUTCOME_LATER is in a list of its own until its completion is called: there
 * nobody sees it, but its id and what else it will use are taken. `type`, `id` and `asker` are set. */
void device_expect(struct device *device, struct board *board);
/* Take it out of that list. */
void device_expected(struct device *device);
/* The device of that list with an id or QOM path. NULL: there is none. */
struct device *device_coming(const struct board *board, const char *reference);
/* Iterate over the devices of both lists: NULL gives the first. NULL after the last. */
const struct device *device_any(const struct board *board, const struct device *device);
/* The client of a device_add has cancelled it, which ends with an error soon. False: the device is not
 * coming. */
bool device_cancel_add(const struct board *board, const void *asker);
/* Whether no device is coming. False and an error that names one. */
bool devices_none_coming(const struct board *board, struct error *error);
/* At the end of the program, when no event loop runs: none of them comes, of which the clients hear. */
void devices_stop_coming(const struct board *board);

/* Iterate over busy devices (device/type.h), in order of creation: NULL gives the first. NULL: no more. */
const struct device *devices_busy(const struct board *board, const struct device *device);
/* Its id, or the name of its type if it has none. */
const char *device_name(const struct device *device);
/* Call the board's drained(), if it is set. */
void board_drained(const struct board *board);

/* Reset all devices to their state after power-on, in order of creation. vCPUs are paused, the machine lock
 * is held, no device is busy. */
void devices_reset(const struct board *board);
/* Pause all devices, or let them run again, with the guest. vCPUs are paused. Devices may be busy after a
 * pause.
 */
void devices_run(const struct board *board, bool run);
/* The machine's I/O thread, which is created for the first device that uses it. NULL and an error: the host
 * cannot create it. */
struct io_thread *device_io(struct board *board, struct error *error);
/* Append the devices' entries to the DSDT: of chips, or of all others with the chips that lead to them
 * (`leads` of struct device_type). */
void devices_aml(const struct board *board, bool chips, struct hotram_aml *aml);
/* Append the methods for events after them, those of the parts that there are. Returns the first status that
 * is not HOTRAM_OK. */
enum hotram_status devices_aml_events(const struct board *board, const struct hot_parts *parts,
                                      struct hotram_aml *aml);
/* Call write() for each device with a node in the device tree. */
void devices_fdt(const struct board *board, void (*write)(void *opaque, const struct tree_node *node),
                 void *opaque);
/* Raise an event for the guest. Any thread, under the machine lock. */
void board_raise(const struct board *board, enum board_event event);

/* ---- saved.c ---- */

/* For save() and restore() of struct device_type: a part, with its table, and its number if there may be
 * several; -1: there is one. */
void device_save_part(const struct device *device, const struct state_table *table, int number,
                      const void *state, struct hotram_buffer *out);
bool device_restore_part(const struct device *device, const struct state_table *table, int number,
                         void *state, struct hotram_saved *saved, struct error *error);
/* For errors: its id, or else its path; returns `words`. */
const char *device_words(const struct device *device, char words[DEVICE_PATH_SIZE]);

/* Open a section that says which devices there are, except chips and devices of banks. False: none. */
bool devices_describe(const struct board *board, struct stream_writer *writer);
/* Whether all devices have a saved form. False and an error that names one that has none. */
bool devices_can_save(const struct board *board, struct error *error);
/* Open a section that describes the fields of their states, for programs that print them. */
void devices_describe_fields(const struct board *board, struct stream_writer *writer);
/* Number of bytes that devices_save() appends now. */
size_t devices_length(const struct board *board);
/* Append the states of all devices, in order of creation (device/fields.h), except of DIMMs, whose state is
 * part of the bank's. vCPUs are paused, and no other thread uses a device. False and an error: a device has
 * no saved form, and nothing has been appended; one cannot be saved now; or the buffer is too small. */
bool devices_save(const struct board *board, struct hotram_buffer *out, struct error *error);
/* Restore them, with the same devices, under the machine lock. False and an error: no device and nothing of
 * `saved` has changed. */
bool devices_restore(const struct board *board, struct hotram_saved *saved, struct error *error);
/* Destroy all devices, in reverse order of creation, and the I/O thread. None is busy. */
void devices_destroy(struct board *board);

#endif
