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
#include "base/smbios_config.h"

struct json_object;

enum chardev_kind { CHARDEV_NULL, CHARDEV_STDIO, CHARDEV_PTY, CHARDEV_FILE, CHARDEV_SOCKET };

/* -chardev, and its short forms -serial, -monitor and -qmp. */
struct chardev_config {
    char *id; /* as given, or QEMU's default: "serial0", "compat_monitor0" */
    enum chardev_kind kind;
    char *path;    /* file, socket */
    int fd;        /* socket: its file descriptor, or -1: there is none yet */
    bool fd_given; /* the user gave its number, which hotram inherited; otherwise hotram opened it */
    char *host;    /* socket: over TCP, at this port; "": all addresses of this host. Or NULL */
    char *port;    /* a number up to 65535 */
    bool telnet;   /* of TCP: the telnet protocol, for a person's terminal */
    bool nodelay;  /* of TCP: bytes leave at once */
    bool server;   /* socket: listen (default off, as in QEMU) */
    bool wait;     /* socket server: wait for a client before the machine starts (default on with server) */
    uint64_t reconnect_ms; /* socket client: delay until it connects again, ms; 0: it does not */
    struct redial *redial; /* of TCP with it: what connects (host/redial.h); NULL until then */
    bool append;           /* file */
    bool signal;           /* stdio: Ctrl-C ends the program (default on; off with mon:stdio) */
    bool mux;              /* several front ends, Ctrl-A c changes between them */
    char *logfile;         /* file that receives a copy of all output, or NULL */
    bool logappend;
    char *origin; /* the option, for messages: "-serial stdio" */
};

/* An image that qemu-storage-daemon serves; a chardev, IMAGE_CHARDEV and its name, is the connection. */
struct image_config {
    char *name;
    char *node;               /* the daemon's --blockdev */
    struct json_object *flat; /* the same */
    bool keyval;              /* some of it was not given as JSON */
    bool writable;
    unsigned block_size; /* bytes that the guest reads and writes as a whole */
    bool used;           /* a device has it */
    /* With snapshot=on: the image below a temporary overlay, and its format; otherwise NULL. */
    char *base, *base_format;
    bool base_format_unsaid; /* as in struct object_config */
    const char *option;      /* likewise */
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
    bool stored;  /* with -restore: the snapshot has one of this name */
};

/* One -object, -device, -blockdev or -netdev, or one of their short forms (-drive, -nic), in the order given.
 */
struct object_config {
    struct json_object *object; /* owned */
    bool keyval;
    /* For messages: the name of the option, a literal; its argument, owned. */
    const char *option;
    char *text;
    bool format_unsaid; /* of a node over an image: raw, unless the image begins as another format does */
};

#define CPUS_MAX 255       /* 8-bit APIC ids */
#define NUMA_NODES_MAX 128 /* as in QEMU */

/* The guest's NUMA nodes, from -numa and -machine dimm-node=. Complete: defaults are filled in. */
struct numa_config {
    uint32_t nodes;               /* 0: the guest has no NUMA topology */
    uint32_t dimm_node;           /* of DIMMs without node=; less than `nodes` */
    uint64_t ram[NUMA_NODES_MAX]; /* bytes of the RAM at start; their sum is ram_size */
    char *memdev[NUMA_NODES_MAX]; /* ids of the objects that are this RAM; all NULL without memdev= */
    uint8_t cpu_node[CPUS_MAX];
    bool cpus_given;          /* some CPUs were assigned to nodes; all others are in node 0 */
    bool cpu_given[CPUS_MAX]; /* which */
    bool distances_given;     /* otherwise the guest assumes its own distances */
    uint8_t distance[NUMA_NODES_MAX][NUMA_NODES_MAX]; /* [from][to] */
};

/* -accel */
enum accel {
    ACCEL_KVM,
    ACCEL_QTEST, /* no vCPU runs: a test plays the guest */
};

/* -memslot: a named place for memory that can be plugged later. */
struct memslot_config {
    char *id;
    uint64_t size;  /* bytes */
    uint64_t start; /* guest-physical address, if given */
    bool start_given;
    uint32_t node; /* if given */
    bool node_given;
};

/* -machine: the keys about DIMMs. */
struct dimm_config {
    bool in_e820;         /* dimm-at-boot=e820: plugged DIMMs are in a booting guest's memory map */
    uint64_t granularity; /* dimm-granularity=: bytes, a power of two; sizes and addresses are multiples.
                           * 0, auto: the guest's memory block */
    uint32_t map_limit;   /* dimm-map-limit=: limit of a new DIMM's memory map, percent of the guest's memory;
                             0: none */
    bool strict;          /* dimm-map-strict=on: more is an error */
    uint32_t plug_timeout;   /* plug-timeout=: seconds until a guest must have reported on a plug */
    uint32_t unplug_timeout; /* unplug-timeout=: seconds until a guest must have released a DIMM */
    char *template;          /* dimm-template=: backends of DIMMs that are created by size, or NULL */
    bool template_left_out;  /* a snapshot's, which may name files of the host */
};

/* Banks of flash that a machine can have. */
#define FLASH_BANKS 2

/* What a machine starts with. */
enum firmware_source {
    FIRMWARE_NONE,  /* none: a kernel is booted directly, or the machine never runs */
    FIRMWARE_ROM,   /* an image that is only read: -bios, or the default */
    FIRMWARE_FLASH, /* the first bank of flash */
};

/* arm64 has no fixed ACPI hardware. */
#if defined(__aarch64__)
#define GED_BY_DEFAULT true
#else
#define GED_BY_DEFAULT false
#endif

/* What follows when the guest's kernel panics, in QEMU's terms. */
enum panic_action {
    PANIC_SHUTDOWN, /* as a power off */
    PANIC_PAUSE,
    PANIC_EXIT_FAILURE, /* the program ends with status 1 */
    PANIC_NONE,
};

/* What follows actions of the guest. */
struct actions {
    enum panic_action panic;       /* panic= */
    enum watchdog_action watchdog; /* -watchdog-action, watchdog= */
    bool reboot_is_shutdown;       /* -no-reboot, reboot=shutdown */
    bool shutdown_is_pause;        /* -no-shutdown, shutdown=pause */
};

/* -sandbox */
enum sandbox_mode {
    SANDBOX_DEFAULT, /* on if the program and the kernel support it; otherwise a warning */
    SANDBOX_ON,      /* on, or the start fails */
    SANDBOX_OFF,
    SANDBOX_LOG, /* calls outside the lists are permitted, and recorded in the kernel's audit log */
};

enum rtc_base { RTC_UTC, RTC_LOCALTIME, RTC_DATE };

/* An option that defines the machine, as it was given. */
struct given_option {
    char *name;     /* without dashes */
    char *argument; /* "" if it has none */
};

struct config {
    /* -machine */
    char *machine;        /* a name of machine_type_at(): "hotram-1", or "none" */
    enum accel accel;     /* -accel, -machine accel= */
    bool dump_guest_core; /* -machine dump-guest-core=: core dumps include guest memory (default on) */
    bool ged;             /* -machine acpi-events=ged: no fixed ACPI hardware but a Generic Event Device */
    bool acpi;            /* -machine acpi=: on, or (arm64) off: a device tree instead, and no hotplug */
    bool
        its; /* -machine its=, arm64: a GICv3 with its translation service, if KVM provides it (default on) */
    uint32_t gic_version; /* -machine gic-version=, arm64: 2, 3, or 0: the newest that the host supports */
    bool pv_eoi;          /* -cpu kvm-pv-eoi=, x86-64: the guest sees KVM's paravirtual EOI (default on) */
    bool mem_merge;       /* -machine mem-merge=: the host may merge equal pages of it (KSM; default on) */
    char *ram_backend;    /* -machine memory-backend=: id of the object that is the RAM at start, or NULL */
    bool ignore_absent;   /* -machine ignore-absent=: start without what is left_out */
    char **left_out;      /* sentences: what of the command line hotram lacks and a guest can do without */
    size_t left_out_count;
    struct dimm_config dimms;
    /* -m: bytes, multiples of 8 KiB (ram_size) and 4 KiB; maxmem == ram_size and slots == 0 when no
     * memory can be added, otherwise maxmem > ram_size, and slots is 0 (no DIMMs) ... 256 */
    uint64_t ram_size;
    uint64_t maxmem;
    uint32_t slots;
    char *memory; /* the last -m as given, or NULL */
    struct memslot_config *memslots;
    size_t memslot_count;
    bool region_grows; /* -m gave no maxmem: the hotplug region ends where the last memslot ends */
    /* -smp: maxcpus == sockets * cores * threads, and cpus is 1 ... maxcpus; values that were not given are
     * computed as by QEMU */
    uint32_t cpus;    /* present at the start: the first ones */
    uint32_t maxcpus; /* possible: the others can be plugged */
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
    char *pflash[FLASH_BANKS]; /* node-names of the flash banks, or NULL: -machine pflash0=, -pflash */
    struct descriptor_config *descriptors; /* -add-fd */
    size_t descriptor_count;
    struct object_config *netdevs; /* -netdev */
    size_t netdev_count;
    struct fw_cfg_config *fw_cfg_files; /* -fw_cfg */
    size_t fw_cfg_file_count;
    enum firmware_source firmware;
    char *bios;              /* -bios, or NULL: the default */
    char **firmware_folders; /* -L */
    size_t firmware_folder_count;
    struct boot_config_menu {
        char *order, *once; /* -boot: letters, or NULL */
        bool menu, strict;
        bool splash_given;
        uint32_t splash_time; /* milliseconds that the menu waits for a key, if given */
        int32_t
            reboot_timeout; /* milliseconds after which firmware that can boot nothing resets; -1: never */
    } boot;
    bool fw_cfg;     /* the machine has the device from which firmware reads */
    char **sections; /* of -readconfig: each section as the argument of its option */
    size_t section_count;
    /* Character devices and who uses them */
    struct chardev_config *chardevs;
    size_t chardev_count;
    char *serial_chardev; /* id of the chardev of COM1, or NULL: no serial port output */
    struct monitor_config *monitors;
    size_t monitor_count;
    char *qtest_chardev; /* -qtest: id of a chardev, or NULL */
    char *qtest_log;     /* -qtest-log: file that receives a copy of the conversation, or NULL */
    /* The rest */
    char *snapshot_file;        /* -incoming file:, -restore: the path of a snapshot, or NULL */
    bool restore;               /* -restore: the options that define the machine are those of the snapshot */
    struct given_option *given; /* these, for snapshots; without devices and objects */
    size_t given_count;
    char *incoming;     /* -incoming with another address, or "defer", or NULL; not with `snapshot_file` */
    bool preconfig;     /* --preconfig: most commands wait for x-exit-preconfig */
    char *name;         /* -name guest=; NULL if not given */
    bool debug_threads; /* -name debug-threads=on: threads are named */
    struct smbios_config smbios; /* -smbios */
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
    bool snapshot;    /* -snapshot: each drive has snapshot=on */
    bool lock_memory; /* -overcommit mem-lock=on */
    enum sandbox_mode sandbox;
    bool timestamps;         /* -msg timestamp=on */
    bool message_guest_name; /* -msg guest-name=on */
};

#endif
