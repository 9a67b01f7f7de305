/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of hotplug/ share.
 *
 * bank, block, what was seen, and the notices are under the machine lock; everything else belongs to the main
 * thread.
 */
#ifndef VMM_HOTPLUG_STATE_H
#define VMM_HOTPLUG_STATE_H

#include <hotram/memhp.h>

#include "base/loop.h"
#include "bus/bus.h"
#include "device/device.h"
#include "host/guest_clock.h"
#include "hotplug/hotplug.h"
#include "hotplug/notice.h"
#include "hotplug/operation.h"
#include "memory/backend.h"
#include "memory/guest_memory.h"

/* A DIMM as the program knows it; what the guest knows of it is in the bank. */
struct dimm {
    struct device device; /* first */
    struct hotplug *hotplug;
    uint32_t slot;
    struct backend *backend;
    struct guest_region *region;
    bool populating; /* its memory is being allocated, or offered: the guest and the monitors do not see it */
    bool offered;    /* whoever maps guest memory is asked for this DIMM's (guest_memory_offer_part()) */
    bool owns_backend; /* a memslot's: made with the DIMM, and goes with it */
    bool brought;      /* its memory was mapped or allocated for it, and goes if it does not come about */
    bool removing;     /* the guest gave it back; it goes when its last lease is returned */
    bool releasing;    /* it is being removed, and its memory is on its way back to the host */
    bool kept;    /* it is being removed, but KVM keeps its KVM slot: slot, addresses and id stay taken */
    bool refused; /* the guest has refused to give it back, and was not asked again */
    bool block_warned;          /* it was said that the guest takes nothing of it */
    struct operation *plugging; /* begins when the DIMM is shown to the guest; NULL after that and at start */
    struct completion watcher;  /* who waits for memory that is coming */
};

/* A named place for a DIMM. While no DIMM is in it, the bank's slot is reserved: nothing else gets slot,
 * range and capacity, and the guest sees an empty slot. */
struct memslot {
    char *id;
    uint64_t start;
    uint64_t size;
    uint32_t node;
};

/* What a guest has read and written of the DIMM in a slot since it was shown, or since the last reset:
 * enumeration.c. */
struct seen {
    bool noticed;   /* it has cleared the insert event */
    bool status;    /* it has read the flags, as _STA */
    bool found;     /* and then where the DIMM is */
    unsigned looks; /* and then the flags again, so often (up to a few) */
    bool premature; /* it reported a failure to take the DIMM before it had found it */
    bool began;     /* it said that it was about to give it back */
    bool unheard;   /* it reported a failure to do so before it began: it is asked again when it looks */
    bool report;    /* for the main thread: it has the DIMM, and will not report so */
};

/* The guest's last word on a request is no, with these codes of _OST. The bank has taken the request back
 * then; but whoever else takes one back leaves the same state there, so that this is a message of its own. */
struct denied {
    bool is;
    uint32_t event, status;
};

struct hotplug {
    struct hotplug_config config;
    struct hotram_bank bank;
    struct hotram_memhp block;
    uint64_t memory_block; /* the guest's, since its last boot; bytes. Main thread only */
    struct hotram_dimm slots[HOTRAM_PLACES_MAX]; /* and behind them, ranges */
    struct seen seen[HOTRAM_SLOTS_MAX];
    bool scanned;      /* the guest has read the pending register since the last reset: it runs our AML */
    uint32_t scanning; /* and was told of this slot, whose flags it reads next */
    struct notice_queue notices;
    struct denied denied[HOTRAM_SLOTS_MAX];
    struct ost_reporter ost; /* main thread only, like all that follows */
    struct ost_limit limits[HOTRAM_SLOTS_MAX];
    struct dimm *dimm[HOTRAM_SLOTS_MAX];
    struct memslot *memslot[HOTRAM_SLOTS_MAX]; /* by the slot that it keeps */
    struct mem_device *mem[HOTRAM_RANGES_MAX]; /* of virtio-mem, by the range that it has: hotplug_mem() */
    struct operations operations;
    struct operation *operation[HOTRAM_SLOTS_MAX];      /* hotplug_operation() */
    struct operation *mem_operation[HOTRAM_RANGES_MAX]; /* the same of virtio-mem */
    struct growth_ledger growth;
    struct resize *resize;                       /* memory set that is in progress, or NULL */
    const struct device_type *type;              /* pc-dimm: of all DIMMs */
    void (*expire)(struct operation *operation); /* an operation's deadline has passed: notices.c */
};

#define DIMM_PATH_SIZE DEVICE_PATH_SIZE
/* An id: of a DIMM, or of the backend that is made for one ("memory." and its id). */
#define DIMM_ID_SIZE DIMM_PATH_SIZE

/* The DIMM with an id, or NULL. */
struct dimm *hotplug_find(const struct hotplug *hotplug, const char *id);
/* The DIMM that an id or a QOM path names, or NULL and an error that says what there is. */
struct dimm *hotplug_resolve(const struct hotplug *hotplug, const char *reference, struct error *error);
/* machine_stopped(). */
const char *hotplug_stopped(const struct hotplug *hotplug);
/* What a reference to it can be: its id, or its path. Returns that or buffer. */
const char *hotplug_name(const struct dimm *dimm, char buffer[DIMM_PATH_SIZE]);
/* Free one that nothing refers to any more: neither the bank, nor the guest's map, nor an operation. */
void dimm_free(struct dimm *dimm);
/* unplug.c: ask the guest for it; a request that is in progress is repeated. One whose memory is still being
 * allocated is taken back: its device_add ends with an error. False and an error: out of memory. */
bool dimm_unplug(struct dimm *dimm, struct error *error);
/* The plug of one whose memory is being allocated or offered ends soon with an error; `why`, if it is
 * offered. */
void dimm_cancel_plug(const struct dimm *dimm, const struct error *why);

/* reserve.c. The checks: false and an error, and nothing has changed: the machine has no region for memory
 * that comes and goes; it has no slots; it has no such node; the id is invalid, or a device has it. */
bool hotplug_check_region(const struct hotplug *hotplug, struct error *error);
bool hotplug_check_enabled(const struct hotplug *hotplug, struct error *error);
bool hotplug_check_node(const struct hotplug *hotplug, uint32_t node, struct error *error);
bool hotplug_check_id(const struct hotplug *hotplug, const char *id, struct error *error);
/* What sizes and addresses of new DIMMs are multiples of, as the guest is now. Bytes. */
uint64_t hotplug_granularity(const struct hotplug *hotplug);
/* What a DIMM's address and size are multiples of, if its memory wants `align`. Bytes. */
uint64_t hotplug_alignment(const struct hotplug *hotplug, uint64_t align);
/* What is requested of the bank for a DIMM of `size` bytes that wants this place; without a node it gets the
 * machine's default. */
struct hotram_dimm_request hotplug_place_request(const struct hotplug *hotplug,
                                                 const struct dimm_place *place, uint64_t size,
                                                 uint64_t align);
/* Who asks the bank for a place, for its errors: there is a monitor to type into (`hot`), and what the
 * address is called where it is given ("addr"). */
struct reserver {
    bool hot;
    const char *address;
};
/* hotram_bank_reserve() with an error for people; and back. */
bool hotplug_reserve(struct hotplug *hotplug, const struct hotram_dimm_request *request,
                     struct reserver reserver, struct hotram_dimm_result *result, struct error *error);
void hotplug_cancel_slot(struct hotplug *hotplug, uint32_t slot);
/* plug.c: a DIMM that is coming into a slot that is reserved for it. NULL: out of memory, or (hot) the guest
 * could hardly take it. */
struct dimm *dimm_create(struct hotplug *hotplug, uint32_t slot, const char *id, uint64_t size, bool hot,
                         struct error *error);
/* Its memory, which nobody else uses. */
bool dimm_use(struct dimm *dimm, struct backend *backend, struct error *error);
/* Its memory is there: into the guest's map, then show it to the guest. OUTCOME_LATER, with a watcher: other
 * programs map the memory first; if they cannot, dimm_give_up() follows. Without one (NULL), it is waited for
 * here. */
enum outcome dimm_show(struct dimm *dimm, const struct completion *watcher, struct error *error);
/* After OUTCOME_LATER: its memory goes as it came, and its watcher is called with the reason, now or later.
 */
void dimm_give_up(struct dimm *dimm, const struct error *why);
/* At the end of the program, when no event loop runs: it is offered no more, of which its watcher hears. */
void dimm_stop_offer(struct dimm *dimm);
/* For its watcher: so much of its memory is there. Of struct completion. */
void dimm_populate_progress(void *opaque, const char *id, uint64_t done, uint64_t size);
/* It does not come about: nobody uses its backend. The slot stays reserved; or is free again, unless it is a
 * memslot's. */
void dimm_discard(struct dimm *dimm);
void dimm_abort(struct dimm *dimm);

/* limits.c: whether the guest can take a DIMM that is about to come: it is whole memory blocks, and there is
 * room for its memory map. `warning_text` has OPERATION_REASON_SIZE bytes: the warning, or "". */
bool hotplug_check_limits(struct dimm *dimm, uint64_t size, char *warning_text, struct error *error);

/* auto_dimm.c: make memory by its properties for a DIMM that has a place, and show it. On failure the DIMM is
 * to be aborted. */
enum outcome dimm_populate(struct dimm *dimm, struct props props, const struct completion *watcher,
                           struct error *error);

/* bank_errors.c: why the bank said no. False. */
bool hotplug_bank_error(const struct hotplug *hotplug, const struct hotram_dimm_request *request,
                        struct reserver reserver, const struct hotram_dimm_result *result,
                        enum hotram_status status, struct error *error);

/* dimms.c */
/* Whether there is a region, and so a bank. */
bool hotplug_has_region(const struct hotplug *hotplug);
/* The virtio-mem device that has a range of the bank, by the bank's number; NULL: none, or it is a slot. */
struct mem_device *hotplug_mem(const struct hotplug *hotplug, uint32_t slot);
/* The slot's DIMM, if the guest has given it back and its memory is still leased. Else NULL. */
const struct dimm *hotplug_leased(const struct hotplug *hotplug, uint32_t slot);
struct memslot *hotplug_find_memslot(const struct hotplug *hotplug, const char *id);
/* Under the machine lock: the slot is empty again; if it is a memslot's, keep it for the next time. */
void memslot_keep(struct hotplug *hotplug, uint32_t slot);
void memslot_free(struct memslot *memslot);

/* enumeration.c: the guest's accesses to the register block; and whether its report is none on what it was
 * asked. Under the machine lock. */
uint64_t hotplug_block_read(void *opaque, uint64_t offset, unsigned width);
void hotplug_block_write(void *opaque, uint64_t offset, unsigned width, uint64_t value);
bool hotplug_is_no_answer(struct hotplug *hotplug, uint32_t slot, uint32_t event, uint32_t status);

/* dimm_operation.c: for a DIMM that has its slot, an operation to begin later; `size` in bytes. NULL: out of
 * memory. And the operation of a slot that is in progress, or that has ended without the guest's answer and
 * may still get one. NULL: none. */
struct operation *dimm_operation_new(struct dimm *dimm, enum operation_kind kind, uint64_t size,
                                     struct error *error);
struct operation *hotplug_operation(const struct hotplug *hotplug, uint32_t slot);
/* The guest's _OST; its last word on a request; its eject; that it took the DIMM as it enumerated its
 * devices, which no report tells; a reset, before DIMMs go. */
void dimm_reported(struct hotplug *hotplug, uint32_t slot, uint32_t event, uint32_t status);
void dimm_denied(struct hotplug *hotplug, uint32_t slot, uint32_t event, uint32_t status);
void dimm_gone(struct hotplug *hotplug, uint32_t slot);
void dimm_found(struct hotplug *hotplug, uint32_t slot);
void dimms_before_reset(struct hotplug *hotplug);
/* Write into the reason what the guest has done so far, for one that has no answer. */
void dimm_explain_silence(struct operation *operation, bool noticed);

/* notices.c: the bank's callbacks for what the guest did, and the work that follows. */
void hotplug_record_ost(void *opaque, uint32_t slot, uint32_t event, uint32_t status);
void hotplug_record_eject(void *opaque, uint32_t slot);
void hotplug_handle_notices(void *opaque);
/* The event ACPI_DEVICE_OST of a slot. */
void hotplug_emit_ost(void *opaque, const struct notice *notice);
/* The deadline of a DIMM's operation has passed: struct subject_type's `expired`. */
void hotplug_expire(struct operation *operation);

#endif
