/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtio device on PCI: Virtual I/O Device (VIRTIO) 1.2, modern only. What all of them do is here and in
 * transport_pci.c; a device is a struct virtio_device_type, a file of its own, and its rows in device/type.c.
 *
 * Threads: the queues and what handles them belong to the device's I/O thread (host/io_thread.h). The
 * registers are any vCPU's, under `lock`, which may be held while its holder waits for the I/O thread: so the
 * I/O thread never takes it, nor the PCI lock. Everything else is the main thread's.
 *
 * Halting is one state machine, whoever asks for it, and nobody waits for the host:
 *
 *     handling -> halting, and busy while the host works on requests -> drained -> stopped, or paused
 *
 * A pause (the guest stands still: stop, the machine's reset, the program's end) and a stop (the driver
 * resets the device, the device leaves) each begin it by a call of the I/O thread, which ends at once: no
 * queue is handled from then on. One may come while the other is under way. A stop ends in stopped queues,
 * also while the guest stands still; a guest that runs again ends a pause, even one that is not drained, but
 * no stop. If nothing is at the host, all of it has happened when the call returns. Otherwise the device is
 * `busy`; its requests end as always, each is pushed, and the I/O thread posts `drained` to the main loop
 * after the last one: there a driver's reset ends, and board_drained() lets the machine continue with what it
 * waits for.
 *
 * A driver's reset: the status reads as before until it is complete (2.4.1, 4.1.4.3.2), and the registers
 * take no write (`resetting`).
 */
#ifndef VMM_VIRTIO_DEVICE_H
#define VMM_VIRTIO_DEVICE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/count_of.h"
#include "device/type.h"
#include "host/io_thread.h"
#include "pci/function.h"
#include "pci/place.h"
#include "virtio/queue.h"

#define VIRTIO_QUEUES_MAX \
    130u /* 64 pairs of a network card and its control queue; a byte's worth for vectors */
#define VIRTIO_CONFIG_MAX 128u

/* Feature bits of all devices (6). */
#define VIRTIO_F_INDIRECT_DESC (UINT64_C(1) << 28)
#define VIRTIO_F_EVENT_IDX (UINT64_C(1) << 29)
#define VIRTIO_F_VERSION_1 (UINT64_C(1) << 32)

/* Device status (2.1). */
#define VIRTIO_STATUS_DRIVER_OK 4u
#define VIRTIO_STATUS_FEATURES_OK 8u
#define VIRTIO_STATUS_NEEDS_RESET 64u

#define VIRTIO_NO_VECTOR 0xffffu

struct iothread;
struct virtio_device;
struct virtio_setup;

struct virtio_device_type {
    uint16_t virtio_id;      /* 5 */
    uint8_t class, subclass; /* PCI's */
    unsigned config_size;    /* of its own configuration space, bytes */
    /* Entries of a queue, a power of two; NULL: as the setup says. Main thread, before the guest sees it. */
    uint16_t (*queue_size)(const struct virtio_device *device, unsigned index);
    size_t
        request_size; /* of the queues' requests: sizeof(struct virtio_request), or of what begins with one */

    /* On the I/O thread; all but handle() may be NULL. */
    void (*started)(struct virtio_device *device); /* the driver is ready; features are negotiated */
    /* A doorbell was rung, or would have been: pop what there is. False: it waits for something else than a
     * doorbell, and calls virtio_device_kick() then. */
    bool (*handle)(struct virtio_device *device, struct virtio_queue *queue);
    /* No queue will be handled until the next started() or resumed(). Requests that do not wait for the host
     * are put back (virtio_queue_unpop()) or pushed now, or are counted in device->held. */
    void (*halted)(struct virtio_device *device);
    /* Only after a halt for a pause: all queues are handled next. */
    void (*resumed)(struct virtio_device *device);
    /* Everything is as before the driver came; what is held is dropped (virtio_queue_drop()). */
    void (*reset)(struct virtio_device *device);

    /* A queue breaks: whoever else serves queues of the device stops. */
    void (*broken)(struct virtio_device *device);
    /* The driver has given a queue another vector. */
    void (*vector_changed)(struct virtio_device *device);

    /* With the device's lock: the driver has written to device->config, of which `config_writable` bytes may
     * be. */
    void (*config_written)(struct virtio_device *device, unsigned offset, unsigned width);

    /* How one comes and goes, on the main thread (type.c). Its own struct has `size` bytes, all zero before,
     * and begins with a struct virtio_device; the values of its properties are at `values` in it and begin
     * with a struct virtio_values. All functions but prepare() may be NULL. */
    size_t size, values;
    void (*defaults)(void *values);                         /* that are not zero; without virtio's */
    bool (*check)(const void *values, struct error *error); /* without a machine; without virtio's */
    bool shares_memory; /* another program maps guest memory for it, by descriptors */
    bool own_thread;    /* it waits for another program, and keeps no other device waiting meanwhile */
    /* The id of the object iothread that its queues are handled on; NULL: on the machine's I/O thread. */
    const char *(*iothread)(const void *values);
    /* Take what it needs besides its place, and say in `setup` what it is; device->io is there. */
    bool (*prepare)(struct virtio_device *device, struct board *board, const char *id,
                    struct virtio_setup *setup, struct error *error);
    /* It is on its bus, and may be in use. False: it goes again. */
    bool (*plugged)(struct virtio_device *device, struct error *error);
    /* It is on no bus (or never was): whatever of that was taken goes. */
    void (*release)(struct virtio_device *device);
};

/* One queue, as registers have it; with the device's lock. */
struct virtio_queue_registers {
    struct virtio_queue_layout layout;
    uint16_t size_max;
    bool enabled;
};

struct virtio_queue_link {
    struct virtio_device *device;
    struct virtio_queue queue;
    struct virtio_queue_registers registers;
    _Atomic uint16_t vector;
    int bell; /* an eventfd: the driver's doorbell */
    struct watch *watch;
    bool has_doorbell;
    bool elsewhere;       /* the I/O thread's: the kernel serves it, and nothing here touches its rings */
    struct timer starved; /* tries again */
};

/* The first member of each device's own struct. */
struct virtio_device {
    struct pci_function pci; /* first */
    const struct virtio_device_type *type;
    struct io_thread *io;
    struct guest_memory *memory;
    char *name; /* its id, or its type's name: for messages, and as a holder of leases */

    pthread_mutex_t lock; /* of the registers: */
    bool resetting;       /* the driver has reset the device, which is not drained yet */
    uint64_t offered;     /* feature bits; fixed after the start */
    uint64_t accepted;
    uint32_t device_feature_select, driver_feature_select;
    uint16_t queue_select;
    /* Little-endian, as the driver reads it. Of what virtio_device_config_put() changes, also `interrupt`. */
    uint8_t config[VIRTIO_CONFIG_MAX];
    uint8_t config_writable[VIRTIO_CONFIG_MAX];
    uint64_t doorbells; /* where the notification area is, or PCI_UNMAPPED: with the PCI lock */
    unsigned window;    /* where its PCI configuration access capability is; fixed */

    _Atomic uint8_t status;     /* written with the lock, NEEDS_RESET also on the I/O thread */
    _Atomic uint8_t generation; /* of config */
    _Atomic uint16_t config_vector;
    atomic_bool needs_reset;
    /* Of `isr`, `has_pin` and the pin, and of bytes of `config`; a leaf but for PCI's interrupt lock. */
    pthread_mutex_t interrupt;
    uint8_t isr;
    bool has_pin; /* it is on a bus */

    unsigned vector_count; /* 0: without MSI-X */
    int *vector_fd;        /* [vector_count], eventfds that raise them */
    unsigned queue_count;
    struct virtio_queue_link *queues;

    /* The I/O thread's: */
    bool running;       /* queues are started */
    bool halting;       /* and not handled */
    bool paused;        /* the guest stands still */
    bool stopping;      /* queues stop when nothing is at the host */
    unsigned held;      /* requests that wait for the guest or a client alone; the device counts them */
    bool told;          /* of a fault of the guest's, since the machine's last reset */
    struct work settle; /* posted to itself: a request has ended while it halts */

    atomic_bool busy; /* it halts, and the host works on requests; written by the I/O thread, read by any */

    /* The main thread's: */
    struct work drained; /* posted by the I/O thread: not busy any more */
    bool stands_still;
    bool owns_thread;
    struct iothread *iothread; /* that `io` is of (virtio/iothread.h); NULL: the machine's */
    struct virtio_device *next_of_iothread;
    struct guest_listener listener;
    struct work memory_left;    /* posted to the I/O thread */
    struct work vector_changed; /* the same, by the thread that has written it */
};

/* What every device can be told; in its values. */
struct virtio_values {
    struct pci_place place;
    uint32_t vectors;
    bool vectors_given;
    bool indirect, event_index; /* both on by default: virtio_values_default() */
    char *disable_legacy;
    bool disable_modern, iommu, ats, packed, page_per_queue;
    bool ioeventfd; /* on by default */
};
/* Rows of its table of properties: `field` is a struct virtio_values in struct `values`. */
#define VIRTIO_PROPERTIES(values, field) \
    PCI_PLACE_PROPERTIES(values, field.place), \
        PROPERTY_ROW_GIVEN_RANGE( \
            values, "vectors", PROPERTY_UINT32, field.vectors, \
            "interrupts by MSI-X (default: enough for all queues; 0: the pin INTA# only)", \
            NUMBER_RANGE(0, VIRTIO_QUEUES_MAX + 1)), \
        PROPERTY_ROW(values, "indirect_desc", PROPERTY_BOOL, field.indirect, \
                     "indirect descriptors (default on)"), \
        PROPERTY_ROW(values, "event_idx", PROPERTY_BOOL, field.event_index, "event index (default on)"), \
        PROPERTY_ROW(values, "disable-legacy", PROPERTY_STRING, field.disable_legacy, \
                     "on or auto (default): the device is modern only"), \
        PROPERTY_ROW(values, "disable-modern", PROPERTY_BOOL, field.disable_modern, \
                     "off (default): the device is modern only"), \
        PROPERTY_ROW(values, "iommu_platform", PROPERTY_BOOL, field.iommu, \
                     "off (default): there is no IOMMU"), \
        PROPERTY_ROW(values, "ats", PROPERTY_BOOL, field.ats, "off (default): there is no IOMMU"), \
        PROPERTY_ROW(values, "packed", PROPERTY_BOOL, field.packed, "off (default): rings are split"), \
        PROPERTY_ROW(values, "ioeventfd", PROPERTY_BOOL, field.ioeventfd, \
                     "on (default): KVM signals doorbells to the device's I/O thread"), \
        PROPERTY_ROW(values, "page-per-vq", PROPERTY_BOOL, field.page_per_queue, \
                     "off (default): doorbells are 4 bytes apart")

void virtio_values_default(struct virtio_values *values);
/* What can be checked without a machine. */
bool virtio_values_check(const struct virtio_values *values, struct error *error);

/* What a device asks for when it is made. */
struct virtio_setup {
    const struct device_type *type;     /* filled in before prepare(), and so is: */
    const struct virtio_values *values; /* the place of its own ones */
    uint64_t features;                  /* besides those of all devices */
    unsigned queues;
    uint16_t queue_size;
    unsigned vectors; /* where none are given; 0: one for each queue and one more */
};

/* Make the part that all have, in an owner's zeroed struct with its `io`, enlist the device and put it on its
 * bus: the guest finds it from now on. device->config may be filled in before. False: nothing is left of it.
 * Main thread. */
bool virtio_device_plug(struct virtio_device *device, struct board *board, const char *id, bool hot,
                        const struct virtio_setup *setup, struct error *error);
/* Take it off its bus, and begin to stop it. It stays enlisted. Main thread. */
void virtio_device_leave(struct virtio_device *device);
/* After that, and not while it is busy; or for one that no guest has used yet: no thread uses it any more. */
void virtio_device_unplug(struct virtio_device *device);
/* After that: what virtio_device_plug() has allocated goes. */
void virtio_device_free(struct virtio_device *device);

/* For the rows of device types. A reset is not for one that is busy: the machine pauses all first, and waits.
 */
void virtio_device_reset(struct device *device);
void virtio_device_run(struct device *device, bool run);
void virtio_device_describe(const struct device *device, struct virtio_values *values);
bool virtio_type_check(struct props props, struct error *error);
enum outcome virtio_type_create(struct board *board, const char *id, struct props props, bool hot,
                                const struct completion *completion, struct error *error);
void virtio_type_describe(const struct device *device, void *values);
bool virtio_type_unplug(struct device *device, struct error *error);
bool virtio_type_stays(const struct device *device);
bool virtio_type_busy(const struct device *device);
void virtio_type_leave(struct device *device);
void virtio_type_destroy(struct device *device);

/* The row of a type: its kind, a struct virtio_device_type; its table of properties and the struct that they
 * are in; whether device_add makes it, too; its reset, virtio_device_reset() or one that calls it; and,
 * with LIVE, a table of struct live_property. */
#define VIRTIO_DEVICE_TYPE(symbol, text, kind, table, values_struct, is_hot, resets) \
    VIRTIO_DEVICE_ROW(symbol, text, kind, table, values_struct, is_hot, resets, NULL, 0)
#define VIRTIO_DEVICE_TYPE_LIVE(symbol, text, kind, table, values_struct, is_hot, resets, lives) \
    VIRTIO_DEVICE_ROW(symbol, text, kind, table, values_struct, is_hot, resets, lives, COUNT_OF(lives))
#define VIRTIO_DEVICE_ROW(symbol, text, kind, table, values_struct, is_hot, resets, lives, lives_count) \
    extern const struct device_type symbol; \
    const struct device_type symbol = { \
        .name = text, \
        .parent = "virtio-pci", \
        .properties = table, \
        .property_count = COUNT_OF(table), \
        .values_size = sizeof(values_struct), \
        .live = lives, \
        .live_count = lives_count, \
        .hot = is_hot, \
        .virtio = &(kind), \
        .check = virtio_type_check, \
        .create = virtio_type_create, \
        .describe = virtio_type_describe, \
        .unplug = virtio_type_unplug, \
        .stays = virtio_type_stays, \
        .unsaved = true, \
        .reset = resets, \
        .run = virtio_device_run, \
        .busy = virtio_type_busy, \
        .leave = virtio_type_leave, \
        .destroy = virtio_type_destroy, \
    }

/* Change bytes of configuration space and tell the driver. Main thread. */
void virtio_device_config_set(struct virtio_device *device, unsigned offset, const void *bytes,
                              unsigned length);

/* The same without telling the driver, for what it has asked for itself. On the I/O thread. */
void virtio_device_config_put(struct virtio_device *device, unsigned offset, const void *bytes,
                              unsigned length);

/* Whether the driver has accepted a feature; fixed from started() to reset(). */
static inline bool virtio_device_has(const struct virtio_device *device, uint64_t feature)
{
    return (device->accepted & feature) == feature;
}

static inline struct virtio_queue *virtio_device_queue(struct virtio_device *device, unsigned index)
{
    return &device->queues[index].queue;
}

/* Have a queue handled again on the I/O thread, as by a doorbell. Any thread. */
void virtio_device_kick(struct virtio_device *device, unsigned queue);
/* The same at once, without a round through the event loop. On the I/O thread, and not from the type's own
 * callbacks. */
void virtio_device_handle(struct virtio_device *device, unsigned queue);

/* Run on the device's I/O thread and wait for it. Main thread. */
static inline void virtio_device_call(struct virtio_device *device, void (*run)(void *opaque), void *opaque)
{
    io_thread_call(device->io, run, opaque);
}

/* ---- between device.c, common.c and transport_pci.c ---- */

/* Registers of the common configuration structure, with the lock. */
uint32_t virtio_common_read(struct virtio_device *device, uint64_t offset, unsigned width);
void virtio_common_write(struct virtio_device *device, uint64_t offset, unsigned width, uint32_t value);

bool virtio_transport_init(struct virtio_device *device, struct error *error);
/* It is on a bus, and has a pin to raise, or no longer. */
void virtio_transport_pin(struct virtio_device *device, bool has);
/* No eventfd raises an interrupt any more, no doorbell rings. */
void virtio_transport_end(struct virtio_device *device);
/* Registers as at power-on. With the lock, or vCPUs paused. */
void virtio_transport_reset(struct virtio_device *device);
/* Any thread: the driver is to look at a queue, or at the configuration. */
void virtio_interrupt_queue(struct virtio_device *device, unsigned queue);
void virtio_interrupt_config(struct virtio_device *device);
/* The driver has written DRIVER_OK, or 0. With the lock, on a vCPU or the main thread; waits for the I/O
 * thread, and not for requests. */
void virtio_device_start(struct virtio_device *device);
void virtio_device_begin_reset(struct virtio_device *device);
/* Halt, and stop the queues; any thread but the I/O thread. It may be busy then, and stops later. */
void virtio_device_stop(struct virtio_device *device);
/* Any thread: it halts, and the host works on requests. */
bool virtio_device_busy(const struct virtio_device *device);

#endif
