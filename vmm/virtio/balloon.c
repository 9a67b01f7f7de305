/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-balloon-pci: memory that the guest lends to the host (VIRTIO 1.2, 5.5), and free memory that it
 * reports; its statistics are balloon_stats.c.
 *
 * The host gets pages by madvise(): what the guest puts into the balloon, or reports as free, is dropped, and
 * comes back empty when it is touched. This is a hint: where the kernel refuses (locked memory, part of a
 * huge page), the memory stays, and nothing else happens. A DIMM may go with pages of the balloon in it.
 *
 * Threads: queues on the I/O thread; commands on the main thread; `actual` is written by vCPUs under the
 * device's lock.
 */
#include "virtio/balloon.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "virtio/balloon_stats.h"

#define QUEUE_SIZE 128u
enum queue { QUEUE_INFLATE, QUEUE_DEFLATE, QUEUE_STATS, QUEUE_REPORT };

#define F_STATS (UINT64_C(1) << 1)
#define F_DEFLATE_ON_OOM (UINT64_C(1) << 2)
#define F_REPORTING (UINT64_C(1) << 5)

#define PAGE_SHIFT 12u /* of the interface, whatever the guest's pages are */
#define NUMBERS 256u   /* page numbers that are copied at a time */
#define EVENT_MS 1000

/* Its configuration space. */
struct config {
    uint32_t wanted; /* pages in the balloon */
    uint32_t actual; /* the driver's */
};

struct balloon_values {
    struct virtio_values virtio;
    bool deflate_on_oom, reporting;
    uint32_t polling;
};

struct balloon {
    struct virtio_device virtio; /* first */
    struct balloon_values values;
    struct balloon_stats stats;
    struct work changed; /* posted to the main thread */
    struct timer quiet;  /* no event for a while */
    bool again;          /* but one afterwards */
};

static const struct property properties[] = {
    VIRTIO_PROPERTIES(balloon_values, virtio),
    PROPERTY_ROW(balloon_values, "deflate-on-oom", PROPERTY_BOOL, deflate_on_oom,
                 "the guest takes memory back before it ends processes for lack of it (default off)"),
    PROPERTY_ROW(balloon_values, "free-page-reporting", PROPERTY_BOOL, reporting,
                 "the guest reports free memory, which goes back to the host (default off)"),
    PROPERTY_ROW(balloon_values, "guest-stats-polling-interval", PROPERTY_UINT32, polling,
                 "seconds between two requests for the guest's statistics; 0 (default): none is made"),
};

/* ---- memory, on the I/O thread ---- */

/* Return whole pages to the host. */
static void drop(const struct guest_part *part, uint8_t *memory, uint64_t length)
{
    const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    const uint64_t before = -(uintptr_t)memory & (page - 1);

    if (length < before + page)
        return;
    memory += before;
    length = (length - before) & ~(page - 1);
    /* What another program can map is in a file, and stays there unless a hole is made. */
    RESULT_DOES_NOT_MATTER(madvise(memory, length, part->fd < 0 ? MADV_DONTNEED : MADV_REMOVE), "a hint");
}

static void drop_pages(struct virtio_queue *queue, uint64_t first, uint64_t count)
{
    uint64_t address = first << PAGE_SHIFT, left = count << PAGE_SHIFT;
    struct lease lease;

    while (left > 0 && !guest_memory_keeps(queue->memory) &&
           guest_memory_lease_some(queue->memory, queue->holder, LEASE_WRITE, address, left, &lease)) {
        const uint64_t length = lease.length;

        drop(guest_region_part(lease.region), lease.memory, length);
        lease_return(queue->memory, &lease);
        address += length;
        left -= length;
    }
}

/* Page numbers come one by one, mostly side by side, upwards or downwards. */
struct run {
    uint64_t first, count;
};

static void add_page(struct virtio_queue *queue, struct run *run, uint32_t number)
{
    if (run->count > 0 && number == run->first + run->count) {
        run->count++;
    } else if (run->count > 0 && number + UINT64_C(1) == run->first) {
        run->first--;
        run->count++;
    } else {
        if (run->count > 0)
            drop_pages(queue, run->first, run->count);
        *run = (struct run){ number, 1 };
    }
}

static void inflate(struct virtio_queue *queue, const struct virtio_request *request)
{
    uint32_t number[NUMBERS];
    struct run run = { 0, 0 };
    uint64_t offset = 0;
    size_t got;

    while ((got = virtio_request_read(request, offset, number, sizeof number)) >= sizeof number[0]) {
        for (size_t i = 0; i < got / sizeof number[0]; i++)
            add_page(queue, &run, number[i]);
        offset += got / sizeof number[0] * sizeof number[0];
    }
    if (run.count > 0)
        drop_pages(queue, run.first, run.count);
}

static void report(const struct virtio_request *request)
{
    for (unsigned i = 0; i < request->in_count; i++) {
        const struct lease *lease = &request->leases[request->out_count + i];

        drop(guest_region_part(lease->region), request->in[i].iov_base, request->in[i].iov_len);
    }
}

/* Drivers number the queues of the features that they have accepted, in order (5.5.2). */
static enum queue queue_of(const struct virtio_device *device, unsigned index)
{
    if (index < QUEUE_STATS)
        return (enum queue)index;
    return index == QUEUE_STATS && virtio_device_has(device, F_STATS) ? QUEUE_STATS : QUEUE_REPORT;
}

static bool handle(struct virtio_device *device, struct virtio_queue *queue)
{
    struct balloon *balloon = (void *)device;
    const enum queue kind = queue_of(device, queue->index);
    struct virtio_request *request;

    while ((request = virtio_queue_pop(queue)) != NULL) {
        if (kind == QUEUE_STATS) {
            balloon_stats_take_on_io(&balloon->stats, request);
            continue;
        }
        if (kind == QUEUE_INFLATE)
            inflate(queue, request);
        else if (kind == QUEUE_REPORT && virtio_device_has(device, F_REPORTING))
            report(request);
        virtio_queue_push(request, 0); /* deflate: the guest just takes them */
    }
    return true;
}

static void resumed(struct virtio_device *device)
{
    balloon_stats_resume_on_io(&((struct balloon *)device)->stats);
}

static void driver_gone(struct virtio_device *device)
{
    balloon_stats_reset_on_io(&((struct balloon *)device)->stats);
}

/* ---- its saved form: both sizes; statistics that it holds are read again from the driver's buffer ---- */

static enum virtio_config_byte config_byte(unsigned offset)
{
    return offset < sizeof(struct config) ? VIRTIO_CONFIG_STATE : VIRTIO_CONFIG_FIXED;
}

static void continued(struct virtio_device *device, const void *state)
{
    uint32_t actual;

    (void)state;
    memcpy(&actual, device->config + offsetof(struct config, actual), sizeof actual);
    balloon_stats_lent(&((struct balloon *)device)->stats, (uint64_t)actual << PAGE_SHIFT);
}

/* ---- what it says, on the main thread ---- */

static struct config config_of(struct balloon *balloon)
{
    struct config config;

    pthread_mutex_lock(&balloon->virtio.lock);
    memcpy(&config, balloon->virtio.config, sizeof config);
    pthread_mutex_unlock(&balloon->virtio.lock);
    return config;
}

static uint64_t kept(struct balloon *balloon)
{
    const uint64_t memory = guest_memory_size(balloon->virtio.memory);
    const uint64_t lent = (uint64_t)config_of(balloon).actual << PAGE_SHIFT;

    return lent < memory ? memory - lent : 0; /* the guest says what it likes */
}

static void send_change_event(void *opaque);

static void quiet_ends(void *opaque)
{
    struct balloon *balloon = opaque;

    if (balloon->again)
        send_change_event(balloon);
}

/* At most once a second: a guest may write as often as it likes. */
static void send_change_event(void *opaque)
{
    struct balloon *balloon = opaque;
    const struct board *board = balloon->virtio.pci.device.board;

    balloon->again = timer_runs(&balloon->quiet);
    if (balloon->again)
        return;
    board->event(board->machine,
                 &(struct event){ .kind = EVENT_BALLOON_CHANGE, .balloon.actual = kept(balloon) });
    timer_start(board->loop, &balloon->quiet, EVENT_MS, quiet_ends, balloon);
}

static void config_written(struct virtio_device *device, unsigned offset, unsigned width)
{
    struct balloon *balloon = (void *)device;
    struct config config;

    if (offset + width <= offsetof(struct config, actual))
        return;
    memcpy(&config, device->config, sizeof config);
    balloon_stats_lent(&balloon->stats, (uint64_t)config.actual << PAGE_SHIFT);
    loop_post(device->pci.device.board->loop, &balloon->changed);
}

static const struct virtio_device_type type;

/* ---- its type ---- */

static struct balloon *find(const struct board *board)
{
    for (struct device *device = board->devices; device; device = device->next)
        if (device->type->virtio == &type)
            return (void *)device;
    return NULL;
}

static bool prepare(struct virtio_device *device, struct board *board, const char *id,
                    struct virtio_setup *setup, struct error *error)
{
    struct balloon *balloon = (void *)device;
    const struct balloon *other = find(board);

    (void)id;
    if (other)
        return error_set(
            error,
            "Only one balloon device is supported, and '%.80s' exists already; leave this one out, or remove that one first",
            other->virtio.name);
    setup->features = F_STATS | (balloon->values.deflate_on_oom ? F_DEFLATE_ON_OOM : 0) |
                      (balloon->values.reporting ? F_REPORTING : 0);
    setup->queues = balloon->values.reporting ? 4 : 3;
    setup->queue_size = QUEUE_SIZE;
    memset(device->config_writable + offsetof(struct config, actual), true, sizeof(uint32_t));
    balloon->changed = (struct work){ .run = send_change_event, .opaque = balloon };
    balloon_stats_init(&balloon->stats, device);
    return true;
}

static bool plugged(struct virtio_device *device, struct error *error)
{
    struct balloon *balloon = (void *)device;

    (void)error;
    balloon_stats_begin(&balloon->stats, balloon->values.polling);
    return true;
}

static void release(struct virtio_device *device)
{
    struct balloon *balloon = (void *)device;

    if (!device->pci.device.board) /* it was on no bus */
        return;
    loop_cancel(device->pci.device.board->loop, &balloon->changed);
    timer_cancel(&balloon->quiet);
    balloon_stats_end(&balloon->stats);
}

/* A new driver finds an empty balloon, and what is wanted as before. */
static void reset(struct device *device)
{
    struct balloon *balloon = (void *)device;

    virtio_device_reset(device);
    memset(balloon->virtio.config + offsetof(struct config, actual), 0, sizeof(uint32_t));
    balloon_stats_lent(&balloon->stats, 0);
}

static const struct virtio_device_type type = {
    .virtio_id = 5,
    .class = 0x00,
    .subclass = 0xff,
    .config_size = sizeof(struct config),
    .request_size = sizeof(struct virtio_request),
    .handle = handle,
    .resumed = resumed,
    .reset = driver_gone,
    .config_written = config_written,
    .has_saved_form = virtio_is_saved,
    .config_byte = config_byte,
    .pops_again = true,
    .continued = continued,
    .size = sizeof(struct balloon),
    .values = offsetof(struct balloon, values),
    .prepare = prepare,
    .plugged = plugged,
    .release = release,
};

static size_t get_statistics(const struct device *device, struct live_number numbers[LIVE_NUMBERS_MAX])
{
    return balloon_stats_show(&((struct balloon *)(uintptr_t)device)->stats, numbers);
}

static void set_polling(struct device *device, uint64_t seconds)
{
    struct balloon *balloon = (void *)device;

    balloon->values.polling = (uint32_t)seconds;
    balloon_stats_poll(&balloon->stats, (uint32_t)seconds);
}

static const struct live_property live[] = {
    { .name = "guest-stats",
      .type = "guest statistics",
      .help = "what the guest reported of its memory last, and when",
      .get = get_statistics },
    { .name = "guest-stats-polling-interval", .set = set_polling, .max = UINT32_MAX },
};

VIRTIO_DEVICE_TYPE_LIVE(virtio_balloon_pci_type, "virtio-balloon-pci", type, properties,
                        struct balloon_values, true, reset, live);
VIRTIO_DEVICE_TYPE_LIVE(virtio_balloon_pci_non_transitional_type, "virtio-balloon-pci-non-transitional", type,
                        properties, struct balloon_values, true, reset, live);

/* ---- commands ---- */

static struct balloon *require(const struct board *board, struct error *error)
{
    struct balloon *balloon = board ? find(board) : NULL;

    if (!balloon)
        error_set_class(error, ERROR_DEVICE_NOT_ACTIVE,
                        "No balloon device has been activated: start hotram with -device virtio-balloon-pci");
    return balloon;
}

bool balloon_kept(const struct board *board, uint64_t *size, struct error *error)
{
    struct balloon *balloon = require(board, error);

    if (balloon)
        *size = kept(balloon);
    return balloon;
}

bool balloon_ask(const struct board *board, int64_t size, struct error *error)
{
    struct balloon *balloon = require(board, error);
    char given[SIZE_TEXT_MAX], most[SIZE_TEXT_MAX];
    int64_t memory;
    uint32_t wanted;

    if (!balloon)
        return false;
    memory = (int64_t)guest_memory_size(balloon->virtio.memory);
    if (size <= 0 || size > memory)
        return error_set(
            error, "Parameter 'value' expects a size up to %s, which is the memory of the guest; got %s%s",
            size_text((uint64_t)memory, most), size < 0 ? "-" : "",
            size_text(size < 0 ? -(uint64_t)size : (uint64_t)size, given));
    wanted = (uint32_t)((memory - size) >> PAGE_SHIFT < UINT32_MAX ? (memory - size) >> PAGE_SHIFT
                                                                   : UINT32_MAX);
    virtio_device_config_set(&balloon->virtio, offsetof(struct config, wanted), &wanted, sizeof wanted);
    return true;
}
