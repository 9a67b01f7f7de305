/* SPDX-License-Identifier: BSD-2-Clause */
#include "virtio/iothread.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memory/object.h"
#include "virtio/device.h"

struct iothread {
    struct object object; /* first; used by the device that came last */
    struct io_thread *thread;
    pid_t tid;
    struct virtio_device *users;
};

extern const struct object_type iothread_type;

static void destroy(struct object *object)
{
    struct iothread *iothread = (void *)object;

    io_thread_destroy(iothread->thread);
    free(iothread);
}

/* On the thread. */
static void note_tid(void *opaque)
{
    struct iothread *iothread = opaque;

    iothread->tid = gettid();
}

static enum outcome create(struct backends *backends, struct props props, const struct completion *completion,
                           struct error *error)
{
    static const char *const names[] = { "qom-type", "id", NULL };
    struct iothread *iothread = calloc(1, sizeof *iothread);

    (void)completion;
    if (!iothread) {
        error_set(error, "out of memory");
        return OUTCOME_FAILED;
    }
    iothread->object.destroy = destroy;
    if (props_read(props, NULL, 0, names, iothread_type.name, NULL, error) &&
        (iothread->thread = io_thread_create(error)) != NULL) {
        io_thread_call(iothread->thread, note_tid, iothread);
        if (object_enlist(backends, &iothread->object, &iothread_type, props, error))
            return OUTCOME_DONE;
    }
    destroy(&iothread->object);
    return OUTCOME_FAILED;
}

const struct object_type iothread_type = {
    .name = "iothread",
    .example_id = "iothread0",
    .parent = "object",
    .create = create,
};

bool iothread_find(const struct backends *backends, const char *id, struct virtio_device *device,
                   struct error *error)
{
    struct object *object = backends ? object_resolve(backends, id) : NULL;
    const char *last = strrchr(id, '/');

    if (!object || object->type != &iothread_type)
        return error_set(
            error,
            "Device property 'iothread' can't find value '%.80s': there is no object iothread of "
            "that id; create it first: -object iothread,id=%.80s, or object_add",
            id, last && last[1] != '\0' ? last + 1 : id);
    device->iothread = (void *)object;
    device->io = device->iothread->thread;
    return true;
}

/* The first of several is named, and then the next. */
static void update_user(struct iothread *iothread)
{
    const struct virtio_device *user = iothread->users;

    iothread->object.used_by = user ? user->name : NULL;
    iothread->object.user_stays = user && pci_function_stays(&user->pci);
}

void iothread_join(struct virtio_device *device)
{
    struct iothread *iothread = device->iothread;

    if (!iothread)
        return;
    device->next_of_iothread = iothread->users;
    iothread->users = device;
    update_user(iothread);
}

void iothread_leave(struct virtio_device *device)
{
    struct iothread *iothread = device->iothread;
    struct virtio_device **link;

    if (!iothread)
        return;
    for (link = &iothread->users; *link && *link != device;)
        link = &(*link)->next_of_iothread;
    if (*link) /* it had joined */
        *link = device->next_of_iothread;
    update_user(iothread);
}

pid_t iothread_tid(const struct object *object)
{
    return object->type == &iothread_type ? ((const struct iothread *)(const void *)object)->tid : 0;
}
