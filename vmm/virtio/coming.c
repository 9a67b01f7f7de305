/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A device of vhost-user that device_add adds: its back end is asked on the device's I/O thread, which alone
 * waits for it, as long as vhost/user.h says for each answer. Nobody sees the device meanwhile, but its id,
 * its place on the bus, its chardev and its netdev are taken:
 *
 * 1. main thread: prepare(); the command's answer is deferred
 * 2. I/O thread: the requests of virtio_user_ask()
 * 3. main thread: answered(); the device is built, and follows memory that comes and goes
 * 4. I/O thread: ADD_MEM_REG for the memory that is there
 * 5. main thread: the device is on its bus; the command is answered
 *
 * Whoever gives it up closes the connection, upon which the I/O thread posts its answer at once, and the main
 * thread's next step ends it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device/device.h"
#include "virtio/making.h"
#include "virtio/user.h"

struct virtio_coming {
    struct virtio_device *device;
    struct board *board;
    char *id; /* NULL: none */
    struct virtio_setup setup;
    struct pci_reservation place;
    struct completion completion;
    int line; /* the connection, which the I/O thread may close at its own descriptor at any time */
    bool built, given_up;
    struct error why;      /* if it is given up */
    struct work ask, told; /* posted to the I/O thread, and by it to the main thread */
    bool good;             /* the I/O thread's, between the two: the back end has answered */
    struct error error;    /* likewise: or why not */
};

static void free_rest(struct virtio_coming *coming)
{
    if (coming->line >= 0)
        close(coming->line);
    free(coming->id);
    free(coming);
}

static void coming_free(struct virtio_coming *coming)
{
    pci_place_release(&coming->place);
    device_expected(&coming->device->pci.device);
    coming->device->pci.device.id = NULL; /* it was `id` here */
    coming->device->coming = NULL;
    free_rest(coming);
}

/* Nothing is left of it. `built`: and it is not unplugged yet. */
static void fail(struct virtio_coming *coming, bool built, const struct error *why)
{
    struct virtio_device *device = coming->device;
    const struct completion completion = coming->completion;
    const struct device_type *row = coming->setup.type;
    const struct error error = *why;
    const bool was_built = coming->built;

    virtio_user_hang_up(device->user, coming->line);
    if (built)
        virtio_device_unplug(device);
    virtio_user_release(device->user); /* its thread has run what was posted */
    loop_cancel(coming->board->loop, &coming->told);
    coming_free(coming);
    virtio_type_dispose(device, row, was_built);
    completion.ended(completion.opaque, &error);
}

static void finish(struct virtio_coming *coming)
{
    struct virtio_device *device = coming->device;
    const struct completion completion = coming->completion;
    struct error error;

    pci_place_release(&coming->place);
    if (coming->id && device_find(coming->board, coming->id)) {
        error_set(&error, "Duplicate device ID '%.200s'; choose another id", coming->id);
        fail(coming, true, &error);
        return;
    }
    device_expected(&device->pci.device);
    if (!virtio_type_plug(device, coming->id, &coming->setup, &error)) {
        device_expect(&device->pci.device, coming->board);
        fail(coming, false, &error);
        return;
    }
    device->coming = NULL;
    free_rest(coming);
    completion.ended(completion.opaque, NULL);
}

static void on_joined(void *opaque, const struct error *why)
{
    struct virtio_coming *coming = opaque;

    if (coming->given_up || why)
        fail(coming, true, coming->given_up ? &coming->why : why);
    else
        finish(coming);
}

static void on_told(void *opaque)
{
    struct virtio_coming *coming = opaque;
    struct virtio_device *device = coming->device;
    const struct virtio_device_type *type = coming->setup.type->virtio;
    struct error error;

    if (coming->given_up || !coming->good) {
        fail(coming, false, coming->given_up ? &coming->why : &coming->error);
        return;
    }
    coming->built = type->answered(device, coming->board, &coming->setup, &error) &&
                    virtio_device_build(device, coming->board, &coming->setup, &error);
    if (!coming->built || !virtio_user_join(device->user, on_joined, coming, &error))
        fail(coming, coming->built, &error);
}

static void ask_on_io(void *opaque)
{
    struct virtio_coming *coming = opaque;

    coming->good = virtio_user_ask(coming->device->user, &coming->error);
    loop_post(coming->board->loop, &coming->told);
}

enum outcome virtio_device_await(struct virtio_device *device, struct board *board, const char *id,
                                 const struct virtio_setup *setup, const struct completion *completion,
                                 struct error *error)
{
    struct virtio_coming *coming = calloc(1, sizeof *coming);

    if (!coming || (id && !(coming->id = strdup(id)))) {
        free(coming);
        error_set(error, "out of memory");
        return OUTCOME_FAILED;
    }
    coming->device = device;
    coming->board = board;
    coming->setup = *setup;
    coming->completion = *completion;
    coming->ask = (struct work){ .run = ask_on_io, .opaque = coming };
    coming->told = (struct work){ .run = on_told, .opaque = coming };
    device->coming = coming;
    device->pci.name = setup->type->name;
    device->pci.device.type = setup->type;
    device->pci.device.id = coming->id;
    device->pci.device.asker = completion->opaque;
    device_expect(&device->pci.device, board);
    coming->line = fcntl(device->user->back_end.fd, F_DUPFD_CLOEXEC, 0);
    if (coming->line < 0)
        error_set(error, "no descriptor can be had for the connection to the back end: %s", strerror(errno));
    if (coming->line < 0 ||
        !pci_place_reserve(&device->pci, board, &setup->values->place, &coming->place, error)) {
        coming_free(coming);
        return OUTCOME_FAILED;
    }
    loop_post(io_thread_loop(device->io), &coming->ask);
    return OUTCOME_LATER;
}

void virtio_type_give_up(struct device *device, const struct error *why, bool now)
{
    struct virtio_coming *coming = ((struct virtio_device *)(void *)device)->coming;

    if (!coming->given_up)
        coming->why = *why;
    coming->given_up = true;
    virtio_user_hang_up(coming->device->user, coming->line);
    if (now)
        fail(coming, coming->built, &coming->why);
}
