/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command line as plain structs. Parsing has no side effects: nothing is opened, created or started.
 * Everything is checked that can be checked without the host (values, ranges, duplicate ids, references
 * between options).
 */
#ifndef VMM_BASE_CONFIG_H
#define VMM_BASE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/event.h"

struct json_object;

enum chardev_kind { CHARDEV_NULL, CHARDEV_STDIO, CHARDEV_PTY, CHARDEV_FILE, CHARDEV_SOCKET };

/* -chardev, and what -serial, -monitor and -qmp spell in short. */
struct chardev_config {
    char *id; /* given, or made up as QEMU does: "serial0", "compat_monitor0" */
    enum chardev_kind kind;
    char *path;   /* file, socket */
    int fd;       /* socket: inherited file descriptor, or -1 */
    char *host;   /* socket: over TCP, at this port; "": all addresses of this host. Or NULL */
    char *port;   /* a number up to 65535 */
    bool telnet;  /* of TCP: the telnet protocol, for a person's terminal */
    bool nodelay; /* of TCP: bytes leave at once */
    bool server;  /* socket: listen (default off, as in QEMU) */
    bool wait;    /* socket server: wait for a client before the machine starts (default on with server) */
    uint64_t reconnect_ms; /* socket client: connect again so long after the end; 0: never */
    bool append;           /* file */
    bool signal;           /* stdio: Ctrl-C ends the program (default on; off with mon:stdio) */
    bool mux;              /* several front ends, Ctrl-A c changes between them */
    char *logfile;         /* NULL, or a copy of all output goes there */
    bool logappend;
    char *origin; /* the option that asked for it, for messages: "-serial stdio" */
};

/* An image that qemu-storage-daemon serves; a chardev, IMAGE_CHARDEV and its name, is the connection. */
struct image_config {
    char *name;
    char *node; /* the daemon's --blockdev */
    bool writable, write_through;
    bool used;          /* a device has it */
    const char *option; /* as in struct object_config */
    char *text;
};
#define IMAGE_CHARDEV "#image-" /* '#' begins no id */

/* -mon, -monitor, -qmp */
struct monitor_config {
    char *id;      /* may be NULL */
    char *chardev; /* id of a chardev */
    bool control;  /* true: QMP; false: HMP */
    bool pretty;   /* QMP: indented JSON */
};

/* -add-fd */
struct descriptor_config {
    int fd;
    int64_t set;
    char *opaque; /* owned, or NULL */
};

/* -fw_cfg: a file for firmware and guest, of a file's bytes or of a text. */
struct fw_cfg_config {
    char *name;
    char *file;   /* or NULL, */
    char *string; /* and this is what it is */
};

/* What one of -object, -device, -blockdev and -netdev makes, or one of their short forms (-drive, -nic), in
 * the order given.
 */
struct object_config {
    struct json_object *object; /* owned */
    bool keyval;
    /* What was given, for messages: the option's name, a literal; its argument, owned. */
    const char *option;
    char *text;
    bool format_unsaid; /* of a node over an image: raw, unless the image begins as another format does */
};

#define CPUS_MAX 255       /* what an 8-bit APIC id can tell apart */
#define NUMA_NODES_MAX 128 /* as in QEMU */

/* The guest's NUMA nodes, from -numa and -machine dimm-node=. Complete: what was left out is filled in. */
struct numa_config {
    uint32_t nodes;               /* 0: the guest is not told of nodes */
    uint32_t dimm_node;           /* of DIMMs that are not given one; below `nodes` */
    uint64_t ram[NUMA_NODES_MAX]; /* bytes of the RAM at start; their sum is ram_size */
    char *memdev[NUMA_NODES_MAX]; /* ids of the objects that are this RAM, or none has one */
    uint8_t cpu_node[CPUS_MAX];
    bool cpus_given;          /* some CPUs were given a node; those that were not are in node 0 */
    bool cpu_given[CPUS_MAX]; /* which */
    bool distances_given;     /* else the guest's own idea of distances applies */
    uint8_t distance[NUMA_NODES_MAX][NUMA_NODES_MAX]; /* [from][to] */
};

/* -accel */
enum accel {
    ACCEL_KVM,
    ACCEL_QTEST, /* no vCPU runs: a test plays the guest */
};

/* -memslot: a named place for memory that is plugged later. */
struct memslot_config {
    char *id;
    uint64_t size;  /* bytes */
    uint64_t start; /* guest-physical address, if given */
    bool start_given;
    uint32_t node; /* if given */
    bool node_given;
};

/* -machine: what it says of DIMMs. */
struct dimm_config {
    bool in_e820;         /* dimm-at-boot=e820: plugged DIMMs are in a booting guest's memory map */
    uint64_t granularity; /* dimm-granularity=: bytes, a power of two; sizes and addresses are multiples.
                           * 0, auto: the guest's memory block */
    uint32_t map_limit; /* dimm-map-limit=: percent of the guest's memory for the map of a new DIMM; 0: any */
    bool strict;        /* dimm-map-strict=on: more is an error */
    uint32_t plug_timeout;   /* plug-timeout=: seconds that a guest has to report on a plug */
    uint32_t unplug_timeout; /* unplug-timeout=: and to give a DIMM back */
    char *template;          /* dimm-template=: memory that DIMMs bring along, or NULL */
};

/* arm64 has no fixed ACPI hardware. */
#if defined(__aarch64__)
#define GED_BY_DEFAULT true
#else
#define GED_BY_DEFAULT false
#endif

/* What becomes of a guest whose kernel panics: QEMU's words. */
enum panic_action {
    PANIC_SHUTDOWN, /* as a power off */
    PANIC_PAUSE,
    PANIC_EXIT_FAILURE, /* the program ends with status 1 */
    PANIC_NONE,
};

/* What becomes of what a guest does. */
struct actions {
    enum panic_action panic;       /* panic= */
    enum watchdog_action watchdog; /* -watchdog-action, watchdog= */
    bool reboot_is_shutdown;       /* -no-reboot, reboot=shutdown */
    bool shutdown_is_pause;        /* -no-shutdown, shutdown=pause */
};

/* -sandbox */
enum sandbox_mode {
    SANDBOX_DEFAULT, /* on, where the program and the kernel can; else a warning */
    SANDBOX_ON,      /* on, or the start fails */
    SANDBOX_OFF,
    SANDBOX_LOG, /* calls outside the lists are made, and the kernel's audit log names them */
};

enum rtc_base { RTC_UTC, RTC_LOCALTIME, RTC_DATE };

struct config {
    /* -machine */
    char *machine;        /* a name of machine_type_at(): "hotram-1", or "none" */
    enum accel accel;     /* -accel, -machine accel= */
    bool dump_guest_core; /* -machine dump-guest-core=: guest memory is part of core dumps (default on) */
    bool ged;             /* -machine acpi-events=ged: no fixed ACPI hardware but a Generic Event Device */
    bool acpi;            /* -machine acpi=: on, or (arm64) off: a device tree instead, and no hotplug */
    bool its; /* -machine its=, arm64: a GICv3 has its translation service, where KVM has it (default on) */
    uint32_t gic_version; /* -machine gic-version=, arm64: 2, 3, or 0 for the newest that the host has */
    bool mem_merge;       /* -machine mem-merge=: the host may merge equal pages of it (KSM; default on) */
    char *ram_backend;    /* -machine memory-backend=: id of the object that is the RAM at start, or NULL */
    struct dimm_config dimms;
    /* -m: bytes, multiples of 8 KiB (ram_size) and 4 KiB; maxmem == ram_size and slots == 0 when there is no
     * hotplug, otherwise slots is 1 ... 256 and maxmem > ram_size */
    uint64_t ram_size;
    uint64_t maxmem;
    uint32_t slots;
    char *memory; /* -m as it was given last; NULL: it was not */
    struct memslot_config *memslots;
    size_t memslot_count;
    bool region_grows; /* -m gave no maxmem: the hotplug region reaches as far as the memslots */
    /* -smp: cpus == sockets * cores * threads; what was not given is reckoned as QEMU does */
    uint32_t cpus;
    uint32_t sockets;
    uint32_t cores;   /* in one socket */
    uint32_t threads; /* in one core */
    struct numa_config numa;
    /* Linux loader */
    char *kernel; /* NULL only with -S or machine "none" */
    char *initrd;
    char *append; /* NULL: "" */
    /* -object, -device */
    struct object_config *objects;
    size_t object_count;
    struct object_config *devices;
    size_t device_count;
    struct object_config *blockdevs; /* -blockdev */
    size_t blockdev_count;
    struct image_config *images;
    size_t image_count;
    struct descriptor_config *descriptors; /* -add-fd */
    size_t descriptor_count;
    struct object_config *netdevs; /* -netdev */
    size_t netdev_count;
    struct fw_cfg_config *fw_cfg_files; /* -fw_cfg */
    size_t fw_cfg_file_count;
    bool fw_cfg;     /* the machine has the device from which firmware reads */
    char **sections; /* of -readconfig: the arguments of the options that they are */
    size_t section_count;
    /* Character devices and who uses them */
    struct chardev_config *chardevs;
    size_t chardev_count;
    char *serial_chardev; /* id of the chardev of COM1, or NULL: no serial port output */
    struct monitor_config *monitors;
    size_t monitor_count;
    char *qtest_chardev; /* -qtest: id of a chardev, or NULL */
    char *qtest_log;     /* -qtest-log: the file that gets a copy of what is said there, or NULL */
    /* The rest */
    bool preconfig;     /* --preconfig: most commands wait for x-exit-preconfig */
    char *name;         /* -name guest=; NULL if not given */
    bool debug_threads; /* -name debug-threads=on: threads are named */
    bool uuid_given;
    uint8_t uuid[16];
    enum rtc_base rtc_base;
    int64_t rtc_date;  /* RTC_DATE: what the clock shows at start, seconds since 1970 */
    bool start_paused; /* -S */
    bool daemonize;
    char *pidfile;
    struct actions actions; /* -no-reboot, -no-shutdown, -action, -watchdog-action */
    bool watchdog_strapped; /* -global ICH9-LPC.noreboot=on: the watchdog never acts */
    bool no_defaults;
    bool lock_memory; /* -overcommit mem-lock=on */
    enum sandbox_mode sandbox;
    bool timestamps;         /* -msg timestamp=on */
    bool message_guest_name; /* -msg guest-name=on */
};

#endif
