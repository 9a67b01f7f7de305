/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files about CPUs share.
 *
 * bank, block, slots, asked, and the queue of notices are under the machine lock; everything else belongs to
 * the main thread.
 */
#ifndef VMM_HOTPLUG_CPU_STATE_H
#define VMM_HOTPLUG_CPU_STATE_H

#include <hotram/cpuhp.h>

#include "base/loop.h"
#include "hotplug/cpu_asked.h"
#include "hotplug/cpus.h"
#include "hotplug/notice.h"
#include "hotplug/operation.h"

/* A CPU that is present. Those of -smp have no id, and are at QEMU's path for these. */
struct cpu {
    struct device device; /* first */
    struct cpus *cpus;
    uint32_t index;
    bool committed; /* the guest may use it */
    bool wanted;    /* it was plugged while the guest may be working on a removal: it comes back */
    bool kept;      /* that plug was while the guest had it: one that refuses the removal has the CPU */
    bool away;      /* the guest has ejected it before it comes back: the slot is empty */
    struct operation *plugging; /* begins when it is shown to the guest; NULL after that and at start */
};

struct cpus {
    struct cpus_config config;
    uint32_t possible;
    bool enabled;
    struct hotram_cpus bank;
    struct hotram_cpuhp block;
    struct hotram_cpu slots[CPUS_MAX];
    struct cpu_asked asked[CPUS_MAX]; /* by slot */
    struct notice_queue notices;
    bool denied[CPUS_MAX]; /* under the lock: the guest refused a removal, with these codes */
    struct notice denial[CPUS_MAX];
    struct ost_reporter ost;
    struct ost_limit limits[CPUS_MAX];
    struct operation *operation[CPUS_MAX]; /* by slot: as struct subject's `open` */
    struct cpu *cpu[CPUS_MAX];
    uint32_t order[CPUS_MAX]; /* the present ones, as they came */
    uint32_t count;
    bool changed;
    const struct device_type *type;              /* of all of them */
    void (*expire)(struct operation *operation); /* an operation's deadline has passed: cpu_notices.c */
    char path[DEVICE_PATH_SIZE];                 /* of the last cpu_info */
};

/* cpu_list.c: a CPU is in the list, or no longer. */
void cpus_append(struct cpus *cpus, uint32_t index);
void cpus_drop(struct cpus *cpus, uint32_t index);
struct hotram_cpu cpus_slot(struct cpus *cpus, uint32_t index);

/* cpu_plug.c. A CPU for an empty place: its vCPU is ready, and the guest does not see it yet. NULL and an
 * error, and nothing has changed. Then show it, or take it back. */
struct cpu *cpu_new(struct cpus *cpus, uint32_t index, const char *id, bool hot, struct error *error);
void cpu_show(struct cpu *cpu);
void cpu_discard(struct cpu *cpu);
/* Plug again a CPU that is to go, by an operation that is prepared. */
void cpu_keep(struct cpu *cpu, struct operation *plug);
/* Whether the guest is asked to give it back. */
bool cpu_is_going(const struct cpu *cpu);
/* Show one that is away to the guest again, with an event if `hot`. False: KVM has refused, and it is gone
 * for good. */
bool cpu_return(struct cpu *cpu, bool hot);
/* DEVICE_DELETED, for one that is no more; `reason` is its operation's. */
void cpu_forget(struct cpu *cpu, const char *reason);
/* Ask the guest for it; a request that is in progress is repeated. False and an error. */
bool cpu_unplug(struct cpu *cpu, struct error *error);
/* The same, with an operation that has not begun, or NULL: the one in progress is joined. */
void cpu_request_removal(struct cpu *cpu, struct operation *prepared);
/* Whether it can go. False and an error that says why not. */
bool cpu_can_go(const struct cpu *cpu, struct error *error);

/* cpu_operation.c */
struct operation *cpu_operation_new(struct cpu *cpu, enum operation_kind kind, struct error *error);
void cpu_reported(struct cpus *cpus, const struct notice *notice);
void cpu_denied(struct cpus *cpus, const struct notice *notice);
void cpu_gone(struct cpus *cpus, uint32_t index, const char *reason);

/* cpu_notices.c: callbacks of the bank, and the work that follows. */
void cpus_record_ost(void *opaque, uint32_t slot, uint32_t event, uint32_t status);
void cpus_record_eject(void *opaque, uint32_t slot);
void cpus_handle_notices(void *opaque);
void cpus_expire(struct operation *operation);
void cpus_emit_ost(void *opaque, const struct notice *notice);

#endif
