/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vhost-vsock-pci: sockets between the guest and the host (VIRTIO 1.2, 5.10), by the kernel's vhost-vsock.
 * The guest has an address, its CID, which is one in the whole host. The kernel serves the queues of both
 * directions; the third one, for events, is this program's. Its only event says that all connections are
 * lost, and the driver reads its CID anew: after a restore from a saved state, since connections are the
 * host's. Otherwise the buffers stay the driver's. Stop, cont and hotplug keep connections.
 *
 * Threads: the descriptor is opened, told its CID and closed on the main thread; all else as virtio/vhost.h
 * says.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/passed.h"
#include "vhost/vsock.h"
#include "virtio/vhost.h"

#define DEVICE (vhost_vsock_kind.path)
#define QUEUE_SIZE 128u
#define SERVED 2u /* queues, of */
#define QUEUES 3u
#define TRANSMIT 1u
#define EVENTS 2u
#define EVENT_TRANSPORT_RESET 0u

#define VIRTIO_VSOCK_F_SEQPACKET (UINT64_C(1) << 1)

/* The host is 2, and lower ones are reserved; the highest stands for any address (linux/vm_sockets.h). */
#define CID_MIN 3u
#define CID_MAX (UINT32_MAX - 1)

struct vsock_values {
    struct virtio_values virtio;
    uint64_t cid;
    char *vhostfd, *seqpacket;
};

struct vsock {
    struct virtio_device virtio; /* first */
    struct vsock_values values;
    int fd; /* of /dev/vhost-vsock; -1: none yet. Fixed while the device is on its bus */
    struct virtio_vhost vhost;
    bool tells_reset; /* the I/O thread's: the driver is to be informed that all connections are lost */
};

static const char *const seqpacket_words[] = { "auto", "on", "off", NULL };
enum seqpacket { SEQPACKET_AUTO, SEQPACKET_ON, SEQPACKET_OFF };

static const struct property properties[] = {
    VIRTIO_PROPERTIES(vsock_values, virtio),
    { "guest-cid", PROPERTY_UINT64, offsetof(struct vsock_values, cid), PROPERTY_NO_GIVEN,
      "the guest's address, which no other guest of the host has; required",
      "Parameter 'guest-cid' is missing: the guest's address among sockets, such as guest-cid=3", NULL,
      NUMBER_RANGE(CID_MIN, CID_MAX) },
    PROPERTY_ROW(vsock_values, "vhostfd", PROPERTY_STRING, vhostfd,
                 "an open /dev/vhost-vsock, by number or by name in getfd (default: it is opened)"),
    PROPERTY_ROW_WORDS(
        vsock_values, "seqpacket", seqpacket,
        "sockets of the type SOCK_SEQPACKET: on, off, or auto (default): if the kernel has them",
        seqpacket_words),
};

static const struct virtio_device_type type;

static struct vsock *vsock_of(struct virtio_device *device)
{
    return (struct vsock *)(void *)device;
}

/* ---- the kernel's device ---- */

/* Which device of this machine has the CID, or NULL. */
static const struct device *owner_of(const struct board *board, uint64_t cid)
{
    for (const struct device *device = board->devices; device; device = device->next)
        if (device->type->virtio == &type && ((const struct vsock *)(const void *)device)->values.cid == cid)
            return device;
    return NULL;
}

static bool cid_is_taken(const struct vsock *vsock, const struct board *board, struct error *error)
{
    const struct device *owner = owner_of(board, vsock->values.cid);
    const unsigned long long cid = vsock->values.cid;

    if (owner)
        return error_set(error,
                         "guest-cid=%llu: device '%.80s' of this machine has this CID; choose another one",
                         cid, owner->id ? owner->id : owner->type->name);
    return error_set(error,
                     "guest-cid=%llu: another guest of this host has this CID, or a descriptor that is still "
                     "open; choose another one",
                     cid);
}

/* For errors: what the descriptor was found by. */
static const char *name_of(const struct vsock *vsock)
{
    return vsock->values.vhostfd ? vsock->values.vhostfd : DEVICE;
}

/* A descriptor that somebody else has opened may have had a CID: libvirt gives it the same one. */
static bool set_cid(struct vsock *vsock, const struct board *board, struct error *error)
{
    const uint64_t cid = vsock->values.cid;
    const bool good = vhost_vsock_set_cid(vsock->fd, cid);
    const int failure = errno;

    if (good)
        return true;
    if (failure == EADDRINUSE)
        return cid_is_taken(vsock, board, error);
    if (failure == EINVAL)
        return error_set(error, "guest-cid=%llu: the kernel takes it for no guest's CID; choose another one",
                         (unsigned long long)cid);
    return error_set(error, "vhostfd=%.80s: it is no descriptor of %s: VHOST_VSOCK_SET_GUEST_CID: %s",
                     name_of(vsock), DEVICE, strerror(failure));
}

static bool open_kernel(struct vsock *vsock, const struct board *board, uint64_t *features,
                        struct error *error)
{
    const char *passed = vsock->values.vhostfd;

    vsock->fd = passed ? passed_copy("vhostfd", passed, error) : vhost_open(&vhost_vsock_kind, error);
    if (vsock->fd < 0)
        return false;
    if (!vhost_features(vsock->fd, features))
        return error_set(error, "vhostfd=%.80s: it is no descriptor of %s", name_of(vsock), DEVICE);
    if ((*features & VHOST_RING_FEATURES) != VHOST_RING_FEATURES)
        return error_set(error, "%s: this kernel's vhost-vsock is too old: Linux 4.8 is the first with it",
                         DEVICE);
    return set_cid(vsock, board, error);
}

static bool set_memory(struct virtio_device *device, const struct vhost_span *spans, unsigned count,
                       struct error *error)
{
    return vhost_set_memory(vsock_of(device)->fd, spans, count, error) ||
           error_prefix(error, "the kernel's vhost-vsock: ");
}

static void stop(struct virtio_device *device, unsigned queues, uint16_t *next)
{
    struct vsock *vsock = vsock_of(device);

    RESULT_DOES_NOT_MATTER(!vhost_vsock_run(vsock->fd, false), "it is this program's, and runs or does not");
    for (unsigned i = 0; i < queues; i++)
        vhost_ring_take(vsock->fd, i, &next[i]);
}

static bool give(struct vsock *vsock, unsigned queues, const struct vhost_ring *rings)
{
    if (!vhost_set_features(vsock->fd,
                            vsock->virtio.accepted & (VHOST_RING_FEATURES | VIRTIO_VSOCK_F_SEQPACKET)))
        return false;
    for (unsigned i = 0; i < queues; i++)
        if (!vhost_ring_give(vsock->fd, i, &rings[i]))
            return false;
    return vhost_vsock_run(vsock->fd, true);
}

static bool start(struct virtio_device *device, unsigned queues, struct vhost_ring *rings,
                  struct error *error)
{
    uint16_t next[QUEUES] = { 0 };

    if (give(vsock_of(device), queues, rings)) {
        /* The kernel looks for what the guest is to receive, but not for what it sent before this moment. */
        virtio_device_kick(device, TRANSMIT);
        return true;
    }
    error_set(error, "the kernel's vhost-vsock: %s", strerror(errno));
    stop(device, queues, next);
    return false;
}

static bool set_call(struct virtio_device *device, unsigned queue, int call)
{
    return vhost_ring_call(vsock_of(device)->fd, queue, call);
}

/* Nobody else can serve it. */
static void gave_up(struct virtio_device *device, const char *why)
{
    if (device->running)
        virtio_queue_break(virtio_device_queue(device, 0), "%s", why);
}

static const struct virtio_vhost_type vhost_type = {
    .name = "vhost-vsock",
    .server = "the kernel's vhost-vsock",
    .instead = "",
    .set_memory = set_memory,
    .start = start,
    .stop = stop,
    .set_call = set_call,
    .gave_up = gave_up,
};

/* ---- the device ---- */

static void begin(struct vsock *vsock)
{
    if (!virtio_vhost_start_if_possible(&vsock->vhost, SERVED) && vsock->vhost.wrong)
        gave_up(&vsock->virtio, "the kernel does not take the ranges of guest memory");
}

static void started(struct virtio_device *device)
{
    struct vsock *vsock = vsock_of(device);

    vsock->tells_reset = false;
    virtio_vhost_restart(&vsock->vhost);
    if (!device->halting)
        begin(vsock);
}

static void resumed(struct virtio_device *device)
{
    begin(vsock_of(device));
}

static void take_back(struct virtio_device *device)
{
    virtio_vhost_take_back(&vsock_of(device)->vhost);
}

static void vector_changed(struct virtio_device *device)
{
    virtio_vhost_vector_changed(&vsock_of(device)->vhost);
}

static void send_reset_event(struct vsock *vsock, struct virtio_request *request)
{
    static const uint8_t event[4] = { EVENT_TRANSPORT_RESET };

    vsock->tells_reset = false;
    virtio_queue_push(request, (uint32_t)virtio_request_write(request, 0, event, sizeof event));
}

/* Buffers for events wait for one; the other queues are the kernel's, or wait for it. */
static bool handle(struct virtio_device *device, struct virtio_queue *queue)
{
    struct vsock *vsock = vsock_of(device);
    struct virtio_request *request = NULL;

    if (queue->index == EVENTS && vsock->tells_reset)
        request = virtio_queue_pop(queue);
    if (request)
        send_reset_event(vsock, request);
    return false;
}

/* ---- its saved form ---- */

static enum virtio_config_byte config_byte(unsigned offset)
{
    return offset < sizeof(uint64_t) ? VIRTIO_CONFIG_OWN : VIRTIO_CONFIG_FIXED;
}

static void continued(struct virtio_device *device, const void *state)
{
    (void)state;
    vsock_of(device)->tells_reset = device->running;
}

static void begin_on_io(void *opaque)
{
    struct vsock *vsock = opaque;

    if (vsock->virtio.running && !vsock->virtio.halting)
        begin(vsock);
}

/* ---- its type ---- */

static bool find_seqpacket(const struct vsock_values *values, uint64_t features, uint64_t *offered,
                           struct error *error)
{
    const size_t word = property_word(seqpacket_words, values->seqpacket);

    *offered = word == SEQPACKET_OFF ? 0 : features & VIRTIO_VSOCK_F_SEQPACKET;
    return word != SEQPACKET_ON || *offered ||
           error_set(error,
                     "seqpacket=on: this kernel's vhost-vsock does not have it (Linux 5.14 is the first "
                     "that has it); leave it out, or say off");
}

static bool prepare(struct virtio_device *device, struct board *board, const char *id,
                    struct virtio_setup *setup, struct error *error)
{
    struct vsock *vsock = vsock_of(device);
    const uint64_t cid = vsock->values.cid;
    uint64_t features = 0;

    (void)id;
    vsock->fd = -1;
    if (!open_kernel(vsock, board, &features, error) ||
        !find_seqpacket(&vsock->values, features, &setup->features, error))
        return false;
    for (unsigned i = 0; i < sizeof cid; i++)
        device->config[i] = (uint8_t)(cid >> 8 * i);
    setup->queues = QUEUES;
    setup->queue_size = QUEUE_SIZE;
    return true;
}

static bool plugged(struct virtio_device *device, struct error *error)
{
    struct vsock *vsock = vsock_of(device);
    const bool owned = vhost_own(vsock->fd);
    const int failure = errno;

    if (!owned)
        return error_set(error, "vhostfd=%.80s: VHOST_SET_OWNER: %s%s", name_of(vsock), strerror(failure),
                         failure == EBUSY ? "; another device uses it already, so pass another one" : "");
    if (!virtio_vhost_attach(&vsock->vhost, &vhost_type, device, SERVED, error))
        return false;
    if (vsock->values.vhostfd)
        passed_used(vsock->values.vhostfd);
    virtio_device_call(device, begin_on_io, vsock); /* its driver may be there already */
    return true;
}

static void release(struct virtio_device *device)
{
    struct vsock *vsock = vsock_of(device);

    virtio_vhost_detach(&vsock->vhost);
    if (vsock->fd >= 0)
        close(vsock->fd); /* its CID is free */
}

static const struct virtio_device_type type = {
    .virtio_id = 19,
    .class = 0x07,
    .subclass = 0x80,
    .config_size = 8,
    .request_size = sizeof(struct virtio_request),
    .started = started,
    .resumed = resumed,
    .handle = handle,
    .halted = take_back,
    .broken = take_back,
    .vector_changed = vector_changed,
    .has_saved_form = virtio_is_saved,
    .config_byte = config_byte,
    .continued = continued,
    .size = sizeof(struct vsock),
    .values = offsetof(struct vsock, values),
    .prepare = prepare,
    .plugged = plugged,
    .release = release,
};

VIRTIO_DEVICE_TYPE(vhost_vsock_pci_type, "vhost-vsock-pci", type, properties, struct vsock_values, true,
                   virtio_device_reset);
VIRTIO_DEVICE_TYPE(vhost_vsock_pci_non_transitional_type, "vhost-vsock-pci-non-transitional", type,
                   properties, struct vsock_values, true, virtio_device_reset);
