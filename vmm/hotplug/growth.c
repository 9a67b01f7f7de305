/* SPDX-License-Identifier: BSD-2-Clause */
#include "hotplug/growth.h"

#include <stdio.h>
#include <string.h>

#include "base/message.h"
#include "hotplug/state.h"

/* So long, in the machine's time, may a guest that has accepted a DIMM take to bring it online. */
#define WINDOW_MS 2000
#define AGAIN_MS 100
/* Linux may put a DIMM's memory map into the DIMM (memory_hotplug.memmap_on_memory): 64 bytes of each 4 KiB.
 */
#define MAP_SHARE 64u

static struct guest_statistics *statistics_of(const struct hotplug *hotplug)
{
    return hotplug->config.board->statistics;
}

static struct hotplug *hotplug_of(const struct operation *operation)
{
    return operation->subject.owner;
}

static struct growth *growth_of(struct operation *operation)
{
    return &operation->subject.memory.growth;
}

static bool is_under_way(const struct operation *operation)
{
    return operation && operation->result == OPERATION_IN_PROGRESS;
}

/* ---- what the growth adds to ---- */

static bool others_under_way(const struct operation *operation)
{
    const struct hotplug *hotplug = hotplug_of(operation);

    for (uint32_t slot = 0; slot < hotplug->config.slots; slot++)
        if (hotplug->operation[slot] != operation && is_under_way(hotplug->operation[slot]))
            return true;
    return false;
}

static bool unplug_is_open(const struct hotplug *hotplug)
{
    for (uint32_t slot = 0; slot < hotplug->config.slots; slot++)
        if (hotplug->operation[slot] && hotplug->operation[slot]->kind == OPERATION_UNPLUG)
            return true;
    return false;
}

/* What the guest said last, if nothing has changed since as far as is known. */
static void note_base(struct hotplug *hotplug)
{
    struct growth_ledger *ledger = &hotplug->growth;
    struct guest_statistics *statistics = statistics_of(hotplug);

    ledger->known = statistics && statistics->total(statistics, &ledger->base) &&
                    ledger->base.reports >= ledger->recent;
}

static void statistics_arrived(void *opaque);

static void request_statistics(struct hotplug *hotplug)
{
    struct guest_statistics *statistics = statistics_of(hotplug);

    if (!statistics)
        return;
    statistics->heard = statistics_arrived;
    statistics->opaque = hotplug;
    statistics->ask(statistics);
}

/* The guest's total is another one, or may soon be: reports from before do not count. One may be on its way
 * that was made before. */
static void note_change(struct hotplug *hotplug)
{
    struct guest_statistics *statistics = statistics_of(hotplug);
    struct guest_total last = { 0 };

    if (!statistics)
        return;
    statistics->total(statistics, &last);
    hotplug->growth.recent = last.reports + 2;
}

void growth_disturb(struct hotplug *hotplug)
{
    for (uint32_t slot = 0; slot < hotplug->config.slots; slot++)
        if (hotplug->operation[slot])
            growth_of(hotplug->operation[slot])->disturbed = true;
}

void growth_begin(struct operation *operation)
{
    struct hotplug *hotplug = hotplug_of(operation);

    if (operation->kind == OPERATION_PLUG) {
        growth_of(operation)->disturbed = unplug_is_open(hotplug);
        if (!others_under_way(operation))
            note_base(hotplug);
        if (!hotplug->growth.known)
            request_statistics(hotplug); /* the answer may come before the guest has noticed the DIMM */
        return;
    }
    growth_disturb(hotplug);
}

/* ---- the answer ---- */

static void warn(struct operation *operation)
{
    const size_t length = strlen(operation->warning);
    char gained[SIZE_TEXT_MAX], size[SIZE_TEXT_MAX];

    if (growth_of(operation)->gained == 0)
        snprintf(gained, sizeof gained, "nothing");
    else
        size_text(growth_of(operation)->gained, gained);
    snprintf(
        operation->warning + length, sizeof operation->warning - length,
        "%sby its own statistics the guest has gained %s of the DIMM's %s: its memory blocks are probably "
        "offline; bring them online in the guest (/sys/devices/system/memory), or boot it with "
        "memhp_default_state=online_movable",
        length ? "; " : "", gained, size_text(operation->subject.memory.size, size));
    warning("%s: %s", operation->subject.id ? operation->subject.id : "a DIMM without an id",
            operation->warning + length + (length ? 2 : 0));
}

static void end(struct operation *operation, enum growth_verdict verdict, uint64_t gained)
{
    growth_of(operation)->turn = 0;
    growth_of(operation)->verdict = verdict;
    growth_of(operation)->gained = gained;
    if (verdict == GROWTH_NO)
        warn(operation);
    hotplug_of(operation)->growth.happens(operation, OPERATION_TAKEN, NULL);
}

/* What there is for the next DIMM. False: the numbers make no sense, or something else has changed them. */
static bool growth_so_far(struct hotplug *hotplug, uint64_t *growth)
{
    const struct growth_ledger *ledger = &hotplug->growth;
    struct guest_statistics *statistics = statistics_of(hotplug);
    struct guest_total now;

    if (!ledger->known || !statistics || !statistics->total(statistics, &now) ||
        now.lent != ledger->base.lent || now.total < ledger->base.total ||
        now.total > guest_memory_size(hotplug->config.memory))
        return false;
    *growth = now.total - ledger->base.total;
    return true;
}

static bool is_over(struct operation *operation)
{
    return operations_now(operation->operations) - growth_of(operation)->since >= WINDOW_MS;
}

/* End it if its answer is known; or, `last`, with what there is. */
static void judge(struct operation *operation, bool last)
{
    struct hotplug *hotplug = hotplug_of(operation);
    uint64_t growth;
    bool all;

    if (growth_of(operation)->disturbed || !growth_so_far(hotplug, &growth) ||
        (last && !growth_of(operation)->heard)) {
        end(operation, GROWTH_UNKNOWN, 0);
        return;
    }
    if (growth > operation->subject.memory.size)
        growth = operation->subject.memory.size;
    all = growth >= operation->subject.memory.size - operation->subject.memory.size / MAP_SHARE;
    if (!all && !last)
        return;
    hotplug->growth.base.total += growth;
    end(operation, all ? GROWTH_YES : is_over(operation) ? GROWTH_NO : GROWTH_UNKNOWN, growth);
}

/* The next one that is being verified, in the order of acceptance. NULL: no more. */
static struct operation *next_turn(const struct hotplug *hotplug, uint64_t after)
{
    struct operation *next = NULL;

    for (uint32_t slot = 0; slot < hotplug->config.slots; slot++) {
        struct operation *operation = hotplug->operation[slot];

        if (operation && growth_of(operation)->turn > after &&
            (!next || growth_of(operation)->turn < growth_of(next)->turn))
            next = operation;
    }
    return next;
}

static void judge_all(struct hotplug *hotplug, bool has_heard)
{
    struct operation *operation;
    uint64_t turn = 0;

    while ((operation = next_turn(hotplug, turn)) != NULL) {
        turn = growth_of(operation)->turn;
        growth_of(operation)->heard |= has_heard;
        if (has_heard || is_over(operation))
            judge(operation, is_over(operation));
    }
}

/* The guest has not noticed any of the DIMMs that were shown to it. */
static bool nothing_noticed(struct hotplug *hotplug)
{
    bool nothing = true;

    machine_lock_take(hotplug->config.board->lock);
    for (uint32_t slot = 0; slot < hotplug->config.slots; slot++)
        if (is_under_way(hotplug->operation[slot]) && !hotplug->slots[slot].insert_pending)
            nothing = false;
    machine_lock_release(hotplug->config.board->lock);
    return nothing;
}

/* A report that was made after the last question. */
static void statistics_arrived(void *opaque)
{
    struct hotplug *hotplug = opaque;

    hotplug->growth.recent = 0;
    if (!hotplug->growth.known && nothing_noticed(hotplug))
        note_base(hotplug);
    judge_all(hotplug, true);
}

static void look_again(void *opaque)
{
    struct hotplug *hotplug = opaque;

    judge_all(hotplug, false);
    if (!next_turn(hotplug, 0))
        return;
    request_statistics(hotplug);
    timer_start(hotplug->config.board->loop, &hotplug->growth.again, AGAIN_MS, look_again, hotplug);
}

bool growth_verify(struct operation *operation)
{
    struct hotplug *hotplug = hotplug_of(operation);
    struct growth *growth = growth_of(operation);

    if (!is_under_way(operation) || growth->disturbed || !hotplug->growth.known || !statistics_of(hotplug))
        return false;
    growth->turn = ++hotplug->growth.turns;
    growth->since = operations_now(&hotplug->operations);
    request_statistics(hotplug);
    if (!timer_runs(&hotplug->growth.again))
        timer_start(hotplug->config.board->loop, &hotplug->growth.again, AGAIN_MS, look_again, hotplug);
    return true;
}

bool growth_is_verified(const struct operation *operation)
{
    return operation->subject.memory.growth.turn > 0;
}

bool growth_settle(struct operation *operation)
{
    if (growth_of(operation)->turn == 0)
        return false;
    judge(operation, true);
    return true;
}

void growth_ended(struct operation *operation)
{
    growth_of(operation)->turn = 0;
    if (growth_of(operation)->verdict == GROWTH_YES)
        return;
    /* Without an answer, later ones could not tell its growth from theirs. What the guest did not gain it
     * may gain at any time, by the hand of its owner. */
    note_change(hotplug_of(operation));
    if (growth_of(operation)->verdict == GROWTH_UNKNOWN)
        request_statistics(hotplug_of(operation));
}

void growth_free(struct hotplug *hotplug)
{
    struct guest_statistics *statistics = statistics_of(hotplug);

    timer_cancel(&hotplug->growth.again);
    if (statistics && statistics->opaque == hotplug)
        statistics->heard = NULL;
}
