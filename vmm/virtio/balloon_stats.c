/* SPDX-License-Identifier: BSD-2-Clause */
#include "virtio/balloon_stats.h"

#include <string.h>
#include <time.h>

#define UNKNOWN UINT64_MAX
/* Entries of a buffer that are looked at: a driver needs one for each tag. */
#define ENTRIES_MAX 64u
#define ENTRY_SIZE 10u /* 16 bits of tag, 64 bits of value, packed */

enum { TAG_TOTAL_MEMORY = 5 };

/* By tag, as QEMU names them. */
static const char *const names[BALLOON_STATS] = {
    "stat-swap-in",      "stat-swap-out",     "stat-major-faults",     "stat-minor-faults",
    "stat-free-memory",  "stat-total-memory", "stat-available-memory", "stat-disk-caches",
    "stat-htlb-pgalloc", "stat-htlb-pgfail",  "stat-oom-kills",        "stat-alloc-stalls",
    "stat-async-scans",  "stat-direct-scans", "stat-async-reclaims",   "stat-direct-reclaims",
};

static void clear(struct balloon_report *report)
{
    for (size_t i = 0; i < BALLOON_STATS; i++)
        report->values[i] = UNKNOWN;
    report->updated = 0;
}

/* ---- on the I/O thread ---- */

static bool may_give_back(const struct balloon_stats *stats)
{
    return stats->held && !stats->device->halting && pci_may_master(&stats->device->pci);
}

/* The driver answers with new numbers. */
static void give_back(struct balloon_stats *stats)
{
    struct virtio_request *request = stats->held;

    stats->held = NULL;
    stats->device->held--;
    virtio_queue_push(request, 0);
}

/* As many of them as there are, in any order; of a tag that comes twice the last one counts, as in QEMU.
 * Numbers are little-endian, as both hosts are. */
static void read_values(const struct virtio_request *request, uint64_t values[BALLOON_STATS])
{
    uint8_t bytes[ENTRIES_MAX * ENTRY_SIZE];
    const size_t got = virtio_request_read(request, 0, bytes, sizeof bytes);

    for (size_t at = 0; at + ENTRY_SIZE <= got; at += ENTRY_SIZE) {
        uint16_t tag;

        memcpy(&tag, bytes + at, sizeof tag);
        if (tag < BALLOON_STATS)
            memcpy(&values[tag], bytes + at + sizeof tag, sizeof values[tag]);
    }
}

static void keep(struct balloon_stats *stats, const struct virtio_request *request)
{
    struct balloon_report report;

    clear(&report);
    read_values(request, report.values);
    report.updated = (uint64_t)time(NULL);
    report.lent = atomic_load(&stats->lent);
    pthread_mutex_lock(&stats->lock);
    report.count = stats->last.count + 1;
    stats->last = report;
    pthread_mutex_unlock(&stats->lock);
}

/* The main thread is woken only if it has asked: a driver that reports all the time keeps nobody busy but
 * this thread. */
void balloon_stats_take_on_io(struct balloon_stats *stats, struct virtio_request *request)
{
    if (stats->held) /* a driver that has more than one in use */
        give_back(stats);
    keep(stats, request);
    virtio_request_let_go(request);
    stats->held = request;
    stats->device->held++;
    if (!stats->asked)
        return;
    if (stats->outdated) {
        stats->outdated = false;
        give_back(stats);
        return;
    }
    stats->asked = false;
    loop_post(stats->device->pci.device.board->loop, &stats->heard);
}

void balloon_stats_resume_on_io(struct balloon_stats *stats)
{
    if (!stats->asked || !may_give_back(stats))
        return;
    stats->outdated = false;
    give_back(stats);
}

void balloon_stats_reset_on_io(struct balloon_stats *stats)
{
    stats->asked = stats->outdated = false;
    pthread_mutex_lock(&stats->lock);
    clear(&stats->last);
    pthread_mutex_unlock(&stats->lock);
    if (!stats->held)
        return;
    stats->device->held--;
    virtio_queue_drop(stats->held);
    stats->held = NULL;
}

static void ask_on_io(void *opaque)
{
    struct balloon_stats *stats = opaque;

    if (stats->asked)
        return;
    stats->asked = true;
    stats->outdated = !may_give_back(stats);
    if (!stats->outdated)
        give_back(stats);
}

static void poll_on_io(void *opaque)
{
    struct balloon_stats *stats = opaque;

    if (may_give_back(stats))
        give_back(stats);
}

/* ---- on the main thread ---- */

static bool total(struct guest_statistics *source, struct guest_total *last)
{
    struct balloon_stats *stats = (void *)source;

    pthread_mutex_lock(&stats->lock);
    *last = (struct guest_total){ stats->last.values[TAG_TOTAL_MEMORY], stats->last.lent, stats->last.count };
    pthread_mutex_unlock(&stats->lock);
    return last->total != UNKNOWN;
}

static void request_statistics(struct guest_statistics *source)
{
    struct balloon_stats *stats = (void *)source;

    virtio_device_call(stats->device, ask_on_io, stats);
}

static void statistics_arrived(void *opaque)
{
    struct balloon_stats *stats = opaque;

    if (stats->source.heard)
        stats->source.heard(stats->source.opaque);
}

static void poll_again(void *opaque)
{
    struct balloon_stats *stats = opaque;

    virtio_device_call(stats->device, poll_on_io, stats);
    timer_start(stats->device->pci.device.board->loop, &stats->poll, stats->interval * UINT64_C(1000),
                poll_again, stats);
}

void balloon_stats_poll(struct balloon_stats *stats, uint32_t interval)
{
    if (interval == stats->interval)
        return;
    stats->interval = interval;
    timer_cancel(&stats->poll);
    if (interval > 0)
        timer_start(stats->device->pci.device.board->loop, &stats->poll, 0, poll_again, stats);
}

void balloon_stats_init(struct balloon_stats *stats, struct virtio_device *device)
{
    stats->source = (struct guest_statistics){ .total = total, .ask = request_statistics };
    stats->device = device;
    stats->heard = (struct work){ .run = statistics_arrived, .opaque = stats };
    pthread_mutex_init(&stats->lock, NULL);
    clear(&stats->last);
}

void balloon_stats_begin(struct balloon_stats *stats, uint32_t interval)
{
    stats->device->pci.device.board->statistics = &stats->source;
    balloon_stats_poll(stats, interval);
}

void balloon_stats_end(struct balloon_stats *stats)
{
    struct board *board = stats->device->pci.device.board;

    timer_cancel(&stats->poll);
    loop_cancel(board->loop, &stats->heard);
    if (board->statistics == &stats->source)
        board->statistics = NULL;
    pthread_mutex_destroy(&stats->lock);
}

void balloon_stats_lent(struct balloon_stats *stats, uint64_t bytes)
{
    atomic_store(&stats->lent, bytes);
}

size_t balloon_stats_show(struct balloon_stats *stats, struct live_number numbers[LIVE_NUMBERS_MAX])
{
    struct balloon_report last;

    pthread_mutex_lock(&stats->lock);
    last = stats->last;
    pthread_mutex_unlock(&stats->lock);
    for (size_t i = 0; i < BALLOON_STATS; i++)
        numbers[i] = (struct live_number){ "stats", names[i], last.values[i] };
    numbers[BALLOON_STATS] = (struct live_number){ NULL, "last-update", last.updated };
    return BALLOON_STATS + 1;
}
