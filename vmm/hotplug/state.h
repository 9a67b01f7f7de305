/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of hotplug/ share.
 *
 * bank, block and the notices are under the machine lock; everything else belongs to the main thread.
 */
#ifndef VMM_HOTPLUG_STATE_H
#define VMM_HOTPLUG_STATE_H

#include <hotram/memhp.h>

#include "device/ports.h"
#include "host/loop.h"
#include "hotplug/hotplug.h"
#include "memory/backend.h"
#include "memory/guest_memory.h"

/* A DIMM as the program knows it; what the guest knows of it is in the bank. */
struct dimm {
    struct hotplug *hotplug;
    uint32_t slot;
    char *id; /* or NULL */
    struct backend *backend;
    struct guest_region *region;
    bool hotplugged;
    bool coming;       /* its memory is being allocated: the guest and the monitors do not see it yet */
    bool owns_backend; /* a memslot's: made with the DIMM, and goes with it */
    bool leaving;      /* the guest gave it back; it goes when its last lease is returned */
    struct backend_watcher watcher; /* who waits for memory that is coming */
};

/* A named place for a DIMM. While no DIMM is in it, the bank's slot is reserved: nothing else gets slot,
 * range and capacity, and the guest sees an empty slot. */
struct memslot {
    char *id;
    uint64_t start;
    uint64_t size;
    uint32_t node;
};

/* What the guest did at the registers, for the main thread, in order. */
struct notice {
    enum { NOTICE_OST, NOTICE_EJECT } kind;
    uint32_t slot;
    uint32_t event;
    uint32_t status;
};

/* A guest that reports faster than the main thread reads loses the reports beyond these; the last codes of
 * each slot are kept in the bank all the same, and no eject is ever lost: it is a state of the bank. */
#define NOTICES_MAX 256u

struct hotplug {
    struct hotplug_config config;
    struct hotram_bank bank;
    struct hotram_memhp block;
    struct hotram_dimm slots[HOTRAM_SLOTS_MAX];
    struct notice notices[NOTICES_MAX];
    uint32_t notice_count;
    struct work work; /* handles the notices */
    struct dimm *dimm[HOTRAM_SLOTS_MAX];
    struct memslot *memslot[HOTRAM_SLOTS_MAX]; /* by the slot that it keeps */
};

/* The DIMM with an id, or NULL. */
struct dimm *hotplug_find(const struct hotplug *hotplug, const char *id);
/* "/machine/peripheral/ID"; returns buffer. */
#define DIMM_PATH 512
char *hotplug_path(const struct dimm *dimm, char buffer[DIMM_PATH]);
void dimm_free(struct dimm *dimm);

/* plug.c */
bool hotplug_check_node(const struct hotplug *hotplug, uint32_t node, struct error *error);
/* A DIMM that is coming into a slot that is reserved for it, with a backend that nobody uses. NULL: out of
 * memory. */
struct dimm *dimm_create(struct hotplug *hotplug, uint32_t slot, const char *id, struct backend *backend,
                         bool hot, struct error *error);
/* Its memory is there: into the guest's map, then show it to the guest. */
bool dimm_show(struct dimm *dimm, struct error *error);
/* It does not come about: nobody uses its backend, and the slot stays reserved. */
void dimm_discard(struct dimm *dimm);

/* explain.c: why the bank said no. False. */
bool hotplug_explain(const struct hotplug *hotplug, const struct hotram_dimm_request *request,
                     const struct hotram_dimm_result *result, enum hotram_status status, struct error *error);

/* memslot.c */
struct memslot *hotplug_find_memslot(const struct hotplug *hotplug, const char *id);
/* Under the machine lock: the slot is empty again; if it is a memslot's, keep it for the next time. */
void memslot_keep(struct hotplug *hotplug, uint32_t slot);
void memslot_free(struct memslot *memslot);

/* unplug.c: the bank's callbacks for what the guest did, and the work that follows. */
void hotplug_note_ost(void *opaque, uint32_t slot, uint32_t event, uint32_t status);
void hotplug_note_eject(void *opaque, uint32_t slot);
void hotplug_handle_notices(void *opaque);

#endif
