/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtio device on PCI: Virtual I/O Device (VIRTIO) 1.2, modern only; references are to it. What all
 * devices have in common is here; each kind is a struct virtio_device_type in a file of its own, and rows in
 * device/type.c.
 *
 * Threads: queues and their handlers belong to the device's I/O thread (host/io_thread.h). vCPUs access the
 * registers under `lock`. The holder of that lock, or of the PCI lock, may wait for the I/O thread, so the
 * I/O thread takes neither. Everything else belongs to the main thread.
 *
 * How a device is halted: halt.h.
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

#define VIRTIO_QUEUES_MAX 130u /* at least 64 pairs of a network card and its control queue */
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
struct virtio_coming;
struct virtio_device;
struct virtio_setup;
struct virtio_user;

enum virtio_config_byte {
    VIRTIO_CONFIG_FIXED, /* it has to be the same: it follows from properties, or from what is behind them */
    VIRTIO_CONFIG_STATE, /* it is restored */
    VIRTIO_CONFIG_OWN,   /* it stays, and the driver is informed of a difference */
};

struct virtio_device_type {
    uint16_t virtio_id;      /* device id (5) */
    uint8_t class, subclass; /* of PCI */
    unsigned config_size;    /* length of device-specific configuration space, bytes */
    /* Number of entries of a queue, a power of two; NULL: that of the setup. Main thread, during creation. */
    uint16_t (*queue_size)(const struct virtio_device *device, unsigned index);
    size_t request_size; /* of the device's requests, which begin with a struct virtio_request, bytes */

    /* On the I/O thread; all except handle() may be NULL. */
    void (*started)(
        struct virtio_device *device); /* the driver is ready (DRIVER_OK); features are negotiated */
    /* A doorbell was rung, or may have been missed: pop the requests. True: handle() may be called again at
     * once if the queue has more. False: the device waits for something other than a doorbell, after which it
     * calls virtio_device_kick(). */
    bool (*handle)(struct virtio_device *device, struct virtio_queue *queue);
    /* No queue will be handled until the next started() or resumed(). Requests that do not wait for the host
     * are put back (virtio_queue_unpop()) or pushed now, or are counted in device->held. */
    void (*halted)(struct virtio_device *device);
    /* The end of a pause; all queues are handled next. */
    void (*resumed)(struct virtio_device *device);
    /* Return to the state before started(), and drop requests that are held (virtio_queue_drop()). */
    void (*reset)(struct virtio_device *device);

    /* A queue has broken: another server of the device's queues must stop. */
    void (*broken)(struct virtio_device *device);
    /* The driver has changed a queue's vector. */
    void (*vector_changed)(struct virtio_device *device);

    /* The driver has written to configuration space; of device->config only the bytes that `config_writable`
     * permits have changed. Under the device's lock. */
    void (*config_written)(struct virtio_device *device, unsigned offset, unsigned width);

    /* Saved state (virtio/saved.h). NULL: no device of the type has a saved form; of a byte of configuration
     * space that the driver cannot write: it is fixed. Main thread. */
    bool (*has_saved_form)(const struct virtio_device *device);
    enum virtio_config_byte (*config_byte)(unsigned offset);
    bool (*can_save)(struct virtio_device *device, struct error *error); /* now; NULL: yes. I/O thread */
    bool pops_again; /* requests that it holds at a pause can be popped again, in the order of the ring */
    /* Its own state. save() fills in the struct, of zeros (I/O thread); check_state() sees whether it fits
     * the device and the driver's features (main thread; NULL: always). */
    const struct state_table *state;
    void (*save)(struct virtio_device *device, void *state);
    bool (*check_state)(const struct virtio_device *device, uint64_t accepted, const void *state,
                        struct error *error);
    /* All else is restored; follows started(), if the driver was ready. May be NULL. I/O thread. */
    void (*continued)(struct virtio_device *device, const void *state);

    /* Creation and removal, on the main thread (type.c). The device's own struct has `size` bytes, initially
     * zero, and begins with a struct virtio_device; at offset `values` are the values of its properties,
     * which begin with a struct virtio_values. All functions except prepare() may be NULL. */
    size_t size, values;
    void (*defaults)(void *values); /* set defaults other than 0; not those of virtio */
    bool (*check)(const void *values, struct error *error); /* check values without a machine; likewise */
    bool shares_memory;    /* another program maps guest memory, by descriptors */
    bool withholds_memory; /* guest memory that it provides is not to be reached by such a program */
    bool own_thread;       /* it has an I/O thread of its own, since it waits for another program */
    /* The same for devices with some values; NULL: `own_thread` is true of all. */
    bool (*needs_thread)(const void *values, const struct board *board);
    /* The id of the object iothread on which its queues are handled; NULL: the machine's I/O thread. */
    const char *(*iothread)(const void *values);
    /* Acquire what the device uses besides its place, and fill in `setup`; device->io is set. False and an
     * error; release() is called next. */
    bool (*prepare)(struct virtio_device *device, struct board *board, const char *id,
                    struct virtio_setup *setup, struct error *error);
    /* The back end of a device whose `user` is set has answered: fill in `setup`, of which prepare() fills in
     * nothing then. False and an error; likewise. NULL: no device of the type has one. */
    bool (*answered)(struct virtio_device *device, struct board *board, struct virtio_setup *setup,
                     struct error *error);
    /* The device is on its bus, where the guest may already use it. False and an error: it is removed. */
    bool (*plugged)(struct virtio_device *device, struct error *error);
    /* The device is not on a bus (or never was): release everything that prepare() and plugged() acquired,
     * also if they failed halfway. */
    void (*release)(struct virtio_device *device);
};

/* Registers of a queue (4.1.4.3); under the device's lock. */
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
    uint16_t resumes_at; /* entry of the available ring, of a state that is being restored */
    int bell;            /* an eventfd: the driver's doorbell */
    struct watch *watch;
    bool has_doorbell;
    bool elsewhere;       /* the I/O thread's: another server has it (virtio_queue_hand_over()) */
    struct timer starved; /* handles the queue again after it was out of memory */
};

/* The first member of each device's own struct. */
struct virtio_device {
    struct pci_function pci; /* first */
    const struct virtio_device_type *type;
    struct io_thread *io;
    struct guest_memory *memory;
    struct virtio_user *user;     /* of vhost-user (virtio/user.h), from prepare() on; NULL: another device */
    struct virtio_coming *coming; /* the main thread's: its device_add waits (coming.c); or NULL */
    char *name; /* its id, or the name of its type: for messages, and as a holder of leases */

    pthread_mutex_t lock; /* of the registers: */
    bool resetting;       /* the driver has reset the device, which is not drained yet */
    uint64_t offered;     /* feature bits; fixed after the start */
    uint64_t needed;      /* those that a driver has to accept; likewise */
    uint64_t accepted;
    uint32_t device_feature_select, driver_feature_select;
    uint16_t queue_select;
    /* Little endian, as the driver reads it. Bytes that virtio_device_config_put() changes are also under
     * `interrupt`. */
    uint8_t config[VIRTIO_CONFIG_MAX];
    uint8_t config_writable[VIRTIO_CONFIG_MAX]; /* for each byte, not 0: the driver may change it */
    uint64_t doorbells; /* address of the notification area, or PCI_UNMAPPED; under the PCI lock */
    unsigned window;    /* offset of the PCI configuration access capability (4.1.4.9); fixed */

    _Atomic uint8_t status;     /* written under the lock; NEEDS_RESET also on the I/O thread */
    _Atomic uint8_t generation; /* of config */
    _Atomic uint16_t config_vector;
    atomic_bool needs_reset;
    /* Of `isr`, `has_pin` and the pin, and of bytes of `config`; below it is only PCI's interrupt lock. */
    pthread_mutex_t interrupt;
    uint8_t isr;
    bool has_pin; /* the device is on a bus */

    unsigned vector_count; /* 0: without MSI-X */
    int *vector_fd;        /* [vector_count], eventfds that raise them */
    unsigned queue_count;
    struct virtio_queue_link *queues;

    /* The I/O thread's: */
    bool running;       /* queues have been started */
    bool halting;       /* queues are not handled */
    bool paused;        /* the guest is paused */
    bool stopping;      /* queues stop once the host has no requests */
    unsigned held;      /* requests in flight that do not wait for the host; the device counts them */
    bool told;          /* a message about a broken queue was written since the machine's last reset */
    struct work settle; /* posted by the thread to itself: a request has ended during a halt */

    atomic_bool
        busy; /* halting, and the host works on requests; the I/O thread writes it, any thread reads it */

    /* Of a device whose thread nobody waits for. Any thread: */
    atomic_uint asked; /* how often it was, since the I/O thread has carried out all */
    atomic_bool asked_stop, asked_pause;
    struct work carry_out;  /* posted to the I/O thread */
    pthread_mutex_t asking; /* held for `carried_out` alone, and with it no other */
    pthread_cond_t carried_out;

    /* The main thread's: */
    struct work drained; /* posted by the I/O thread: no longer busy */
    bool config_news;    /* a restored driver knows another configuration than there is */
    bool stands_still;   /* virtio_device_run() has paused it */
    bool owns_thread;
    bool maps_memory;          /* another program maps guest memory for the device */
    struct iothread *iothread; /* the object whose thread `io` is (virtio/iothread.h); NULL: none */
    struct virtio_device *next_of_iothread;
    struct guest_listener listener;
    struct work memory_left;    /* posted to the I/O thread: memory has been or is being removed */
    struct work vector_changed; /* posted to the I/O thread, by the vCPU that changed a vector */
};

/* Properties that all virtio devices have, in the values of each. */
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
/* Check them without a machine. False and an error: a value that requests an unsupported feature. */
bool virtio_values_check(const struct virtio_values *values, struct error *error);

/* What a device requests when it is created. */
struct virtio_setup {
    const struct device_type *type;     /* set before prepare(), like the next */
    const struct virtio_values *values; /* in the device's own values */
    bool hot;                           /* likewise: the guest runs, or a client waits */
    uint64_t features;                  /* in addition to those of all devices */
    uint64_t needed;                    /* those of them without which no driver can use it */
    unsigned queues;                    /* number of queues, at most VIRTIO_QUEUES_MAX */
    uint16_t queue_size;                /* entries of each, a power of two */
    unsigned vectors;                   /* if the property is not given; 0: one for each queue and one more */
};

/* Take the device off its bus, and begin to stop it. It stays enlisted. May be repeated. Main thread. */
void virtio_device_leave(struct virtio_device *device);
/* Complete that, for a device that is not busy, or that was built only: when this returns, no thread uses it.
 * Main thread. */
void virtio_device_unplug(struct virtio_device *device);
/* After that: free what virtio_device_build() has allocated. */
void virtio_device_free(struct virtio_device *device);

/* coming.c */
void virtio_type_give_up(struct device *device, const struct error *why, bool now);

/* Functions for the rows of device types. A reset is not permitted while the device is busy: the machine
 * pauses all devices first, and waits. */
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
/* saved.c; virtio_is_saved() is for types all devices of which have a saved form. */
bool virtio_type_has_saved_form(const struct device *device);
bool virtio_type_save(struct device *device, struct hotram_buffer *out, struct error *error);
bool virtio_type_restore(struct device *device, bool check, struct hotram_saved *saved, struct error *error);
void virtio_type_restored(struct device *device);
const struct state_table *virtio_type_part(const struct device *device, unsigned index);
void virtio_type_summary(const struct device *device, struct text *text);
bool virtio_is_saved(const struct virtio_device *device);

/* Define the row of a type: its kind, a struct virtio_device_type; its table of properties and the struct of
 * their values; whether device_add can create it; its reset, virtio_device_reset() or one that calls it; and,
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
        .give_up = virtio_type_give_up, \
        .unplug = virtio_type_unplug, \
        .stays = virtio_type_stays, \
        .has_saved_form = virtio_type_has_saved_form, \
        .save = virtio_type_save, \
        .restore = virtio_type_restore, \
        .restored = virtio_type_restored, \
        .part = virtio_type_part, \
        .summary = virtio_type_summary, \
        .reset = resets, \
        .run = virtio_device_run, \
        .busy = virtio_type_busy, \
        .leave = virtio_type_leave, \
        .destroy = virtio_type_destroy, \
    }

/* Change bytes of configuration space, and interrupt the driver (2.5). Main thread. */
void virtio_device_config_set(struct virtio_device *device, unsigned offset, const void *bytes,
                              unsigned length);
/* The same without an interrupt, for a change that the driver has requested. I/O thread. */
void virtio_device_config_put(struct virtio_device *device, unsigned offset, const void *bytes,
                              unsigned length);

/* Whether the driver has accepted all of these feature bits; fixed from started() to reset(). */
static inline bool virtio_device_has(const struct virtio_device *device, uint64_t feature)
{
    return (device->accepted & feature) == feature;
}

static inline struct virtio_queue *virtio_device_queue(struct virtio_device *device, unsigned index)
{
    return &device->queues[index].queue;
}

/* Have a queue handled on the I/O thread, as by its doorbell. Any thread. */
void virtio_device_kick(struct virtio_device *device, unsigned queue);
/* Handle a queue at once. I/O thread, but not within callbacks of struct virtio_device_type. */
void virtio_device_handle(struct virtio_device *device, unsigned queue);

/* Run a function on the device's I/O thread, and wait until it has returned. Main thread. */
static inline void virtio_device_call(struct virtio_device *device, void (*run)(void *opaque), void *opaque)
{
    io_thread_call(device->io, run, opaque);
}

/* ---- between device.c, common.c and transport_pci.c ---- */

/* Accesses to the common configuration structure (4.1.4.3), under the lock; `offset` is within it. */
uint32_t virtio_common_read(struct virtio_device *device, uint64_t offset, unsigned width);
void virtio_common_write(struct virtio_device *device, uint64_t offset, unsigned width, uint32_t value);

/* Add BARs, capabilities and vectors to the PCI function. False and an error: out of memory, or of
 * interrupts. Main thread, before the device is on its bus. */
bool virtio_transport_init(struct virtio_device *device, struct error *error);
/* The device is on a bus, so that it can raise its pin, or no longer. Main thread. */
void virtio_transport_pin(struct virtio_device *device, bool has);
/* Detach eventfds from interrupts and doorbells. Main thread, after the device has left its bus. */
void virtio_transport_end(struct virtio_device *device);
/* Set the registers to their state after power-on. Under the lock, or while vCPUs are paused. */
void virtio_transport_reset(struct virtio_device *device);
/* Interrupt the driver because of a queue, or of configuration space, by its vector or the pin (4.1.5). Any
 * thread. */
void virtio_interrupt_queue(struct virtio_device *device, unsigned queue);
void virtio_interrupt_config(struct virtio_device *device);
/* The latter's vector once more, if there are vectors: whether the pin is raised, a saved state says. */
void virtio_repeat_config(struct virtio_device *device);
/* The driver has written DRIVER_OK. Under the lock, on a vCPU. Waits for the I/O thread, but not for
 * requests.
 */
void virtio_device_start(struct virtio_device *device);
/* The registers of a paused device are restored: if its driver was ready, start its queues where they stood;
 * call continued() of its type with its state. Under the lock, on the main thread. */
void virtio_device_continue(struct virtio_device *device, const void *state);

#endif
