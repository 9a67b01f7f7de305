/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events of the machine, as plain structs. The code that detects an event passes it to the event_sink that
 * it was given; monitor/events.c makes QMP's names and members of it.
 *
 * Pointers in an event are valid during the call only.
 *
 * Threads: main thread only.
 */
#ifndef VMM_BASE_EVENT_H
#define VMM_BASE_EVENT_H

#include <stdbool.h>
#include <stdint.h>

struct operation_info; /* hotplug/operation_info.h */
struct resize_report;  /* hotplug/resize_report.h */

/* Named after QMP's. Behind each, the member of struct event that it fills in. */
enum event_kind {
    EVENT_ACPI_DEVICE_OST,                /* ost */
    EVENT_BLOCK_IO_ERROR,                 /* block */
    EVENT_BLOCK_WRITE_THRESHOLD,          /* threshold */
    EVENT_DEVICE_DELETED,                 /* device */
    EVENT_DEVICE_OPERATION_DONE,          /* operation */
    EVENT_DEVICE_OPERATION_LATE,          /* operation */
    EVENT_DEVICE_OPERATION_STARTED,       /* operation */
    EVENT_DEVICE_UNPLUG_GUEST_ERROR,      /* device */
    EVENT_BALLOON_CHANGE,                 /* balloon */
    EVENT_CPU_OPERATION_DONE,             /* operation */
    EVENT_CPU_OPERATION_LATE,             /* operation */
    EVENT_CPU_OPERATION_STARTED,          /* operation */
    EVENT_GUEST_CRASHLOADED,              /* panic */
    EVENT_GUEST_PANICKED,                 /* panic */
    EVENT_MEMORY_DEVICE_SIZE_CHANGE,      /* size_change */
    EVENT_MEMORY_FAILURE,                 /* memory_failure */
    EVENT_MEMORY_OPERATION_DONE,          /* operation */
    EVENT_MEMORY_OPERATION_LATE,          /* operation */
    EVENT_MEMORY_OPERATION_STARTED,       /* operation */
    EVENT_MEMORY_PREALLOC,                /* prealloc */
    EVENT_MEMORY_SET_DONE,                /* set */
    EVENT_MIGRATION,                      /* migration */
    EVENT_MIGRATION_PASS,                 /* pass */
    EVENT_NETDEV_STREAM_CONNECTED,        /* netdev */
    EVENT_NETDEV_STREAM_DISCONNECTED,     /* netdev */
    EVENT_NETDEV_VHOST_USER_CONNECTED,    /* netdev */
    EVENT_NETDEV_VHOST_USER_DISCONNECTED, /* netdev */
    EVENT_NIC_RX_FILTER_CHANGED,          /* device */
    EVENT_POWERDOWN,                      /* none, as for RESUME and STOP */
    EVENT_RESET,                          /* cause */
    EVENT_RESUME,
    EVENT_SHUTDOWN, /* cause */
    EVENT_STOP,
    EVENT_VSERPORT_CHANGE, /* port */
    EVENT_WATCHDOG,        /* watchdog */
    EVENT_KINDS
};

/* Why the machine shuts down or is reset: QMP's ShutdownCause. */
enum shutdown_cause {
    CAUSE_HOST_QMP_QUIT,
    CAUSE_HOST_QMP_SYSTEM_RESET,
    CAUSE_HOST_SIGNAL,
    CAUSE_HOST_UI,        /* Ctrl-A x */
    CAUSE_GUEST_SHUTDOWN, /* S5 */
    CAUSE_GUEST_RESET,    /* reset register, triple fault */
    CAUSE_GUEST_PANIC,
    CAUSE_HOST_ERROR,
};

/* What follows a panic of the guest's kernel: QMP's GuestPanicAction. */
enum panic_outcome { GUEST_RUNS_ON, GUEST_PAUSES, GUEST_POWERS_OFF };

/* What follows a failed request of a disk: QMP's BlockErrorAction. */
enum block_action { BLOCK_REPORTS, BLOCK_IGNORES, BLOCK_STOPS };

/* What follows when the watchdog expires: QMP's WatchdogAction. */
enum watchdog_action {
    WATCHDOG_RESETS,
    WATCHDOG_SHUTS_DOWN, /* presses the power button */
    WATCHDOG_POWERS_OFF, /* ends the program */
    WATCHDOG_PAUSES,
    WATCHDOG_DEBUGS, /* prints a message */
    WATCHDOG_NOTHING,
    WATCHDOG_INJECTS_NMI,
};

/* QMP's MigrationStatus; MIGRATION_NONE: there was none. */
enum migration_status {
    MIGRATION_NONE,
    MIGRATION_SETUP,
    MIGRATION_ACTIVE,
    MIGRATION_PRE_SWITCHOVER, /* the guest is stopped, and migrate-continue is awaited */
    MIGRATION_DEVICE,         /* after that */
    MIGRATION_COMPLETED,
    MIGRATION_FAILED,
    MIGRATION_CANCELLING,
    MIGRATION_CANCELLED,
};

struct event {
    enum event_kind kind;
    union {
        enum migration_status migration;
        uint64_t pass; /* its number: 1 is the first */
        /* A report by _OST of the device in a slot. */
        struct {
            const char *device; /* its id, or NULL */
            uint32_t slot;
            uint32_t source, status; /* the codes */
            bool cpu;                /* a CPU; otherwise a DIMM */
        } ost;
        struct {
            const char *qdev; /* id or QOM path of the disk */
            const char *node;
            bool write;
            enum block_action action;
            bool nospace;
            int error; /* errno's */
        } block;
        struct {
            const char *node;
            uint64_t threshold, amount; /* bytes; by how many a write went beyond it */
        } threshold;
        struct {
            const char *id; /* or NULL */
            const char *path;
        } device;
        struct {
            uint64_t actual; /* bytes that the guest keeps */
        } balloon;
        struct {
            const char *id; /* or NULL */
            const char *path;
            uint64_t size; /* bytes that the guest has plugged */
        } size_change;
        struct {
            enum panic_outcome outcome;
        } panic;
        struct {
            const char *backend, *file; /* or NULL: unknown, or not in a file */
            const char *reason;
        } memory_failure;
        struct {
            const char *backend;
            uint64_t done, size; /* bytes */
        } prealloc;
        struct {
            const char *id;
            /* Of CONNECTED: a UNIX socket's path, or the other end's address and port over TCP, as numbers.
             */
            const char *path; /* NULL: TCP */
            const char *host, *port;
            bool ipv6;
            const char *chardev; /* of a VHOST_USER one */
        } netdev;
        struct {
            const char *id;
            bool open; /* by the guest */
        } port;
        struct {
            enum watchdog_action action;
        } watchdog;
        enum shutdown_cause cause;
        const struct operation_info *operation;
        const struct resize_report *set;
    };
};

typedef void event_sink(void *opaque, const struct event *event);

#endif
