/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-rng-pci: random bytes for the guest (VIRTIO 1.2, 5.4), out of an object rng-random (a file such as
 * /dev/urandom) or rng-builtin (getrandom()).
 *
 * Threads: the source is opened on the main thread and read on the I/O thread; all else as virtio/device.h
 * says.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/message.h"
#include "host/passed.h"
#include "memory/object.h"
#include "virtio/device.h"

/* ---- sources ---- */

extern const struct object_type rng_random_type, rng_builtin_type;

struct source_values {
    char *filename; /* NULL: rng-builtin */
    bool opened;
};

struct source {
    struct object object; /* first */
    struct source_values values;
    int fd;    /* -1: rng-builtin */
    bool told; /* that it has ended; the I/O thread's */
};

#define FILENAME_DEFAULT "/dev/urandom"

#define OPENED PROPERTY_ROW(source_values, "opened", PROPERTY_BOOL, opened, "obsolete: changes nothing")

static const struct property builtin_properties[] = { OPENED };
static const struct property random_properties[] = {
    PROPERTY_ROW(source_values, "filename", PROPERTY_STRING, filename,
                 "file to read that does not end (default " FILENAME_DEFAULT ")"),
    OPENED,
};

static void destroy_source(struct object *object)
{
    struct source *source = (void *)object;

    if (source->fd >= 0)
        close(source->fd);
    free(source->values.filename);
    free(source);
}

/* Not blocking: the I/O thread waits in its event loop. */
static bool open_source(struct source *source, struct error *error)
{
    char **name = &source->values.filename;
    struct stat status;

    if (!*name && !(*name = strdup(FILENAME_DEFAULT)))
        return error_set(error, "out of memory");
    source->fd = passed_open(*name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, 0);
    if (source->fd >= 0 && fstat(source->fd, &status) == 0 &&
        S_ISDIR(status.st_mode)) { /* nothing can be read */
        close(source->fd);
        source->fd = -1;
        errno = EISDIR;
    }
    if (source->fd < 0) {
        const char *why = passed_why(*name, errno);

        return error_set(
            error,
            "rng-random: Could not open '%.200s': %s; filename=/dev/urandom is on every host, and "
            "rng-builtin needs no file",
            *name, why ? why : strerror(errno));
    }
    return true;
}

static enum outcome make_source(struct backends *backends, struct props props, const struct object_type *type,
                                struct error *error)
{
    static const char *const names[] = { "qom-type", "id", NULL };
    struct source *source = calloc(1, sizeof *source);

    if (!source) {
        error_set(error, "out of memory");
        return OUTCOME_FAILED;
    }
    source->fd = -1;
    source->object.destroy = destroy_source;
    source->object.values = &source->values;
    if (props_read(props, type->properties, type->property_count, names, type->name, &source->values,
                   error) &&
        (type == &rng_builtin_type || open_source(source, error)) &&
        object_enlist(backends, &source->object, type, props, error))
        return OUTCOME_DONE;
    destroy_source(&source->object);
    return OUTCOME_FAILED;
}

static enum outcome create_random(struct backends *backends, struct props props,
                                  const struct completion *completion, struct error *error)
{
    (void)completion;
    return make_source(backends, props, &rng_random_type, error);
}

static enum outcome create_builtin(struct backends *backends, struct props props,
                                   const struct completion *completion, struct error *error)
{
    (void)completion;
    return make_source(backends, props, &rng_builtin_type, error);
}

const struct object_type rng_random_type = {
    .name = "rng-random",
    .example_id = "rng0",
    .parent = "rng-backend",
    .properties = random_properties,
    .property_count = sizeof random_properties / sizeof random_properties[0],
    .create = create_random,
};

const struct object_type rng_builtin_type = {
    .name = "rng-builtin",
    .example_id = "rng0",
    .parent = "rng-backend",
    .properties = builtin_properties,
    .property_count = sizeof builtin_properties / sizeof builtin_properties[0],
    .create = create_builtin,
};

/* ---- the device ---- */

#define QUEUE_SIZE 8u
#define PIECE 4096u /* bytes at a time, so that no guest keeps the thread from others for long */
#define AGAIN_MS 100
#define PERIOD_DEFAULT 65536u

struct rng_values {
    struct virtio_values virtio;
    char *rng;          /* the object's id; NULL: one of its own */
    uint64_t max_bytes; /* in each period */
    uint32_t period;    /* milliseconds */
};

struct rng {
    struct virtio_device virtio; /* first */
    struct rng_values values;
    struct source *source; /* NULL: getrandom() */
    /* The I/O thread's: */
    uint64_t left;          /* of max-bytes in this period */
    struct timer next;      /* the next period */
    struct timer again;     /* the source is read again, where it cannot be watched */
    struct watch *readable; /* of the source, when it has nothing for us */
};

static const struct property properties[] = {
    VIRTIO_PROPERTIES(rng_values, virtio),
    PROPERTY_ROW(rng_values, "rng", PROPERTY_STRING, rng,
                 "id of an object rng-random or rng-builtin (default: as rng-builtin)"),
    PROPERTY_ROW_RANGE(rng_values, "max-bytes", PROPERTY_UINT64, max_bytes,
                       "bytes that the guest gets in each period (default: any number)",
                       NUMBER_RANGE(1, UINT64_MAX)),
    PROPERTY_ROW_RANGE(rng_values, "period", PROPERTY_UINT32, period,
                       "milliseconds for which max-bytes is (default 65536)", NUMBER_RANGE(1, UINT32_MAX)),
};

static void period_ends(void *opaque)
{
    struct rng *rng = opaque;

    rng->left = rng->values.max_bytes;
    virtio_device_kick(&rng->virtio, 0);
}

static void try_again(void *opaque)
{
    struct rng *rng = opaque;

    virtio_device_kick(&rng->virtio, 0);
}

static void is_readable(void *opaque, uint32_t events)
{
    struct rng *rng = opaque;

    (void)events;
    watch_remove(rng->readable);
    rng->readable = NULL;
    virtio_device_kick(&rng->virtio, 0);
}

/* Wait until the source has more. What epoll does not take is read again in a while. */
static void wait_for_source(struct rng *rng)
{
    struct loop *loop = io_thread_loop(rng->virtio.io);

    if (rng->source && rng->source->fd >= 0 && errno == EAGAIN)
        rng->readable = watch_add(loop, rng->source->fd, EPOLLIN, is_readable, rng);
    if (!rng->readable)
        timer_start(loop, &rng->again, AGAIN_MS, try_again, rng);
}

static ssize_t take(const struct rng *rng, uint8_t *bytes, size_t length)
{
    if (rng->source && rng->source->fd >= 0)
        return read(rng->source->fd, bytes, length);
    return getrandom(bytes, length, 0);
}

/* Once: a file that ends, such as /dev/null, or that cannot be read leaves the guest's requests waiting. */
static void warn_of_end(struct rng *rng, ssize_t got, int failure)
{
    struct source *source = rng->source;

    if (!source || source->fd < 0 || source->told || (got < 0 && (failure == EAGAIN || failure == EINTR)))
        return;
    source->told = true;
    warning("rng-random '%s': '%.200s' %s%s; the guest's requests wait until there is more: "
            "filename=/dev/urandom and rng-builtin have no end",
            source->object.id, source->values.filename,
            got == 0 ? "is at its end" : "cannot be read: ", got == 0 ? "" : strerror(failure));
}

/* Random bytes into a request, as many as there are. False: none, and it is to wait. */
static bool fill(struct rng *rng, struct virtio_request *request)
{
    uint8_t bytes[PIECE];
    size_t length = request->in_bytes < PIECE ? request->in_bytes : PIECE;
    ssize_t got;

    if (length > rng->left)
        length = rng->left;
    errno = 0;
    got = take(rng, bytes, length);
    if (got <= 0) {
        const int failure = errno;

        wait_for_source(rng);
        warn_of_end(rng, got, failure);
        return false;
    }
    rng->left -= (size_t)got;
    virtio_queue_push(request, (uint32_t)virtio_request_write(request, 0, bytes, (size_t)got));
    return true;
}

static bool handle(struct virtio_device *device, struct virtio_queue *queue)
{
    struct rng *rng = (void *)device;
    struct virtio_request *request = NULL;

    while (rng->left > 0 && !rng->readable && (request = virtio_queue_pop(queue)) != NULL) {
        if (request->in_bytes == 0) {
            virtio_queue_push(request, 0);
        } else if (!fill(rng, request)) {
            virtio_queue_unpop(request);
            return false;
        }
    }
    /* A period begins with its first byte. */
    if (rng->left < rng->values.max_bytes && rng->values.max_bytes != UINT64_MAX && !timer_runs(&rng->next))
        timer_start(io_thread_loop(device->io), &rng->next, rng->values.period, period_ends, rng);
    return rng->left > 0 && !rng->readable;
}

static void halted(struct virtio_device *device)
{
    struct rng *rng = (void *)device;

    timer_cancel(&rng->next);
    timer_cancel(&rng->again);
    watch_remove(rng->readable);
    rng->readable = NULL;
}

static void begin(struct virtio_device *device)
{
    struct rng *rng = (void *)device;

    rng->left = rng->values.max_bytes;
}

/* ---- its type ---- */

static void set_defaults(void *opaque)
{
    struct rng_values *values = opaque;

    values->max_bytes = UINT64_MAX;
    values->period = PERIOD_DEFAULT;
}

static bool find_source(struct rng *rng, struct board *board, struct error *error)
{
    const char *id = rng->values.rng;
    struct object *object;

    if (!id)
        return true;
    object = board->backends ? object_resolve(board->backends, id) : NULL;
    if (!object || (object->type != &rng_random_type && object->type != &rng_builtin_type))
        return error_set(
            error,
            "Device property 'virtio-rng-pci.rng' can't find value '%.80s': there is no object rng-random or "
            "rng-builtin of that id; create it with -object or object_add",
            id);
    if (object->used_by)
        return error_set(error, "object '%.80s' is used by '%.80s' already; make another one for this device",
                         id, object->used_by);
    rng->source = (void *)object;
    return true;
}

static bool prepare(struct virtio_device *device, struct board *board, const char *id,
                    struct virtio_setup *setup, struct error *error)
{
    (void)id;
    setup->queues = 1;
    setup->queue_size = QUEUE_SIZE;
    return find_source((struct rng *)(void *)device, board, error);
}

static bool plugged(struct virtio_device *device, struct error *error)
{
    struct rng *rng = (void *)device;

    (void)error;
    if (rng->source) {
        rng->source->object.used_by = device->name;
        rng->source->object.user_stays = pci_function_stays(&device->pci);
    }
    return true;
}

static void release(struct virtio_device *device)
{
    struct rng *rng = (void *)device;

    if (rng->source) /* it was free before */
        rng->source->object.used_by = NULL;
}

static const struct virtio_device_type type = {
    .virtio_id = 4,
    .class = 0x00,
    .subclass = 0xff,
    .request_size = sizeof(struct virtio_request),
    .started = begin,
    .resumed = begin,
    .handle = handle,
    .halted = halted,
    .has_saved_form = virtio_is_saved, /* a period begins anew */
    .size = sizeof(struct rng),
    .values = offsetof(struct rng, values),
    .defaults = set_defaults,
    .prepare = prepare,
    .plugged = plugged,
    .release = release,
};

VIRTIO_DEVICE_TYPE(virtio_rng_pci_type, "virtio-rng-pci", type, properties, struct rng_values, true,
                   virtio_device_reset);
VIRTIO_DEVICE_TYPE(virtio_rng_pci_non_transitional_type, "virtio-rng-pci-non-transitional", type, properties,
                   struct rng_values, true, virtio_device_reset);
