/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CPUs that come and go: where the bank of CPUs (hotram/cpu.h), vCPUs, devices and monitors meet.
 *
 * cpus.c           the making, and the registers
 * cpu_list.c       which there are, for queries
 * cpu_device.c     the type of device_add, and the place that its properties name
 * cpu_plug.c       a CPU on its way in, and the request that it goes
 * cpu_set.c        several of either: cpus set
 * cpu_operation.c  CPUs as subjects of operations (operation.h)
 * cpu_notices.c    what the guest did at the registers; resets
 * cpu_saved.c      CPUs in snapshots
 *
 * Only a machine with more possible CPUs than it starts with has CPU hotplug: otherwise there are no
 * registers, no ACPI devices of processors, and no operations, and all CPUs stay.
 *
 * Threads: all functions run on the main thread, except cpus_is_pending(). The bank and its register block
 * are also read and written by vCPU threads; both sides hold the machine lock for that. An eject only posts
 * to the main thread, which waits for the vCPU to leave the guest (vcpus_remove()) without the lock.
 */
#ifndef VMM_HOTPLUG_CPUS_H
#define VMM_HOTPLUG_CPUS_H

#include <stdbool.h>
#include <stdint.h>

#include <hotram/cpu.h>

#include "base/config.h"
#include "base/error.h"
#include "base/event.h"
#include "bus/bus.h"
#include "device/device.h"

struct cpus;
struct hotram_saved;
struct operation;
struct operations;
struct stream_writer;
struct vcpus;

struct cpus_config {
    const struct config *config; /* -smp, -numa */
    bool fixed;                  /* CPUs of -smp stay (arm64: the MADT calls them enabled) */
    const char *id_name;         /* of the hardware id, for errors: "APIC ID" */
    /* The hardware id of a possible CPU. */
    uint64_t (*hardware_id)(const struct config *config, uint32_t index);
    uint64_t registers; /* first I/O port or address of the register block */
    enum bus_space space;
    struct vcpus *vcpus; /* without any under -accel qtest */
    struct board *board;
    /* Notify the guest that a slot has an event pending. Called under the machine lock, on any thread. */
    void (*raise)(void *opaque);
    struct operations *operations; /* of the machine */
    event_sink *event;             /* for the monitors, on the main thread */
    void *opaque;
};

/* A possible CPU as queries show it. Strings are borrowed, valid until the next call of these functions. */
struct cpu_info {
    uint32_t index;
    bool present;
    const struct device *device; /* of CPU hotplug; NULL: absent, or the machine has none */
    const char *id;              /* of its device, or NULL */
    const char *path;            /* QOM's; NULL: absent */
    int tid;                     /* Linux thread id; 0: no vCPU runs */
    uint32_t socket, core, thread;
    bool has_node;
    uint32_t node;
    uint32_t ost_event, ost_status; /* its last report */
};

struct cpus *cpus_create(const struct cpus_config *config, struct error *error);
/* After the guest's vCPUs have been created: those of -device. False and an error: KVM refuses. */
bool cpus_complete(struct cpus *cpus, struct error *error);
/* Called when the guest no longer runs. Operations have been freed. */
void cpus_destroy(struct cpus *cpus);

/* Whether the machine has CPU hotplug. */
bool cpus_enabled(const struct cpus *cpus);
/* Whether a booting guest finds a possible CPU. */
bool cpus_present(struct cpus *cpus, uint32_t index);
uint32_t cpus_count(struct cpus *cpus); /* how many are present */
uint32_t cpus_possible(const struct cpus *cpus);
/* Whether CPUs have come or gone since the last call, or since the start. */
bool cpus_have_changed(struct cpus *cpus);

/* Called at a reset of the guest, while vCPUs are paused, before its tables are written: removals that were
 * requested are completed, and CPUs with a pending insert event are present at boot. */
void cpus_reset(struct cpus *cpus);
/* The guest has not begun to run, and its tables are written anew: CPUs that have come are in them. */
void cpus_before_start(struct cpus *cpus);
/* Whether an event is pending that the guest has not seen. Called under the machine lock, any thread. */
bool cpus_is_pending(const struct cpus *cpus);

/* A possible CPU, 0 to cpus_possible() - 1. */
void cpus_inspect(struct cpus *cpus, uint32_t index, struct cpu_info *info);
/* Those that are present, in the order in which they came: *cursor is 0 for the first. False after the last.
 */
bool cpus_next(struct cpus *cpus, uint32_t *cursor, struct cpu_info *info);

/* Plug or request the removal of CPUs until `count` are present or remain: absent ones by rising index, then
 * the highest first. `deadline`: the milliseconds that the guest has for each; 0: those of the machine. The
 * operations are numbered *first to *last (last < first: none was needed). False and an error, and nothing
 * has changed: the count is out of range or below the CPUs that stay, KVM refuses a vCPU, or out of memory.
 */
bool cpus_set(struct cpus *cpus, uint32_t count, uint64_t deadline, uint64_t *first, uint64_t *last,
              struct error *error);

/* Operations on CPUs, as hotplug_next_operation(). */
const struct operation *cpus_next_operation(const struct cpus *cpus, const struct operation *last);

/* cpu_saved.c. Whether CPUs can be saved now; false and an error: why not. */
bool cpus_can_save(struct cpus *cpus, struct error *error);
/* As hotplug_settle(). */
void cpus_settle(struct cpus *cpus);
/* Append sections about CPUs and operations, and the state of the bank, if the machine has CPU hotplug. While
 * vCPUs are paused. */
bool cpus_save(struct cpus *cpus, struct stream_writer *writer, struct error *error);
/* Restore them in a new machine with the same CPUs, whose other operations have been restored. `scratch` is
 * not used for anything else. False and an error: the CPUs differ, with both values, or the state is invalid;
 * the machine cannot be used. */
bool cpus_restore(struct cpus *cpus, const struct hotram_saved *stream, struct stream_writer *scratch,
                  struct error *error);
/* Of a migration: append the section of which CPUs there are, which a target compares before the source
 * stops; and whether it describes those of this machine. False and an error. */
bool cpus_save_config(struct cpus *cpus, struct stream_writer *writer, struct error *error);
bool cpus_check_config(struct cpus *cpus, const struct hotram_saved *stream, struct stream_writer *scratch,
                       struct error *error);

/* -device and device_add; and the values of its properties (struct device_type's values_size bytes) of a CPU
 * without a device. */
void cpu_info_values(const struct cpu_info *info, void *values);
extern const struct device_type host_cpu_type;

#endif
