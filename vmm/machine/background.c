/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who writes to guest memory while it is being written to the file, and how each is covered:
 *
 * - vCPUs, devices' threads, the main thread, and the kernel for them (KVM, read() into guest memory,
 * io_uring with plain addresses): all use this program's page tables, and wait in the fault.
 * - Back ends of vhost-user map the memory in page tables of their own, which are not protected. The threads
 * of the kernel's vhost use ours, but would wait for a file while they hold up a queue that nobody can stop.
 *   Machines with either are refused, and all shared memory is, since any program can map it.
 * - Blocks of virtio-mem that are not plugged are mapped otherwise than those that are, so that no region of
 *   them can be protected as a whole: machines with such a device are refused.
 * - A balloon returns pages to the host without a fault: guest_memory_keep() suspends that. Nothing else
 * returns memory that is leased.
 * - The kernel's merging of equal pages (KSM) replaces a page without keeping its protection: it is off
 *   meanwhile.
 *
 * Absent pages of anonymous memory are not protected: Linux before 6.4 cannot do that, and populating them
 * would cost memory. They are recorded when the guest stands still, read as zero at that moment, and are not
 * written to the file, whatever they contain later. Private memory of a memfd or of huge pages has marks of
 * the kernel in place of absent pages, and needs no record.
 *
 * A fault lets a whole unit of 2 MiB be written, or of the page if that is larger, so that the kernel never
 * has to split a huge page that is protected in part: kernels before 6.3 lose the protection of the rest of a
 * huge zero page.
 */
#include "machine/background.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host/helper_thread.h"
#include "host/sandbox.h"
#include "machine/snapshot.h"
#include "machine/state.h"
#include "memory/backend_memory.h"
#include "memory/write_protect.h"

#define UNIT (UINT64_C(2) << 20)
#define STACK (256u << 10)

enum unit_state { UNIT_PROTECTED, UNIT_TAKEN, UNIT_WRITTEN };

/* A region of memory in units, which are aligned on the host. */
struct protected_region {
    const struct saved_region *region;
    uint64_t unit; /* bytes */
    uint64_t lead; /* bytes of the first unit that precede the region */
    uint64_t count;
    atomic_uchar
        *state;        /* of each unit, of enum unit_state; taken: a thread writes it. NULL: not protected */
    uint64_t *present; /* write_protect_find_pages(); NULL: every page counts */
};

/*
 * The worker takes the units in order, the server those that somebody waits for. Who takes a unit, by an
 * atomic exchange, writes it and lifts its protection; the other one leaves it alone, since lifting wakes
 * everybody who waits for the unit. Somebody may begin to wait just after that (write_protect_lift()), for
 * whom the server lifts it once more, and the worker, behind the server's end, that of all memory. Neither
 * thread waits for the other or for the main thread, which may itself wait in a fault; the worker joins the
 * server when all units are taken. All other members are fixed while both run, except that `failed` becomes
 * true once, with `failure`, under the lock, under which nobody accesses guest memory; then units are no
 * longer written, but their protection is lifted. The server is started before anything is protected, and
 * ends after the last protection has been lifted.
 */
struct background {
    struct machine *machine;
    struct saved_memory *memory;
    struct protected_region *regions; /* as many as `memory` has */
    unsigned count;
    int fd;        /* of the protection */
    int end;       /* an eventfd: the server is to end */
    int file;      /* not owned */
    bool served;   /* there is a server to join; the worker's while it has the job */
    bool unmerged; /* KSM is off */
    pthread_t server;
    pthread_mutex_t lock;
    atomic_bool failed;   /* written under the lock */
    struct error failure; /* under the lock */
};

/* ---- units ---- */

static void fail(struct background *background, const struct error *why)
{
    pthread_mutex_lock(&background->lock);
    if (!atomic_load(&background->failed))
        background->failure = *why;
    atomic_store(&background->failed, true);
    pthread_mutex_unlock(&background->lock);
}

static void write_unit(struct background *background, const struct protected_region *of, uint64_t index)
{
    const uint64_t from = index == 0 ? 0 : index * of->unit - of->lead;
    const uint64_t next = (index + 1) * of->unit - of->lead;
    const uint64_t size = (next < of->region->part.size ? next : of->region->part.size) - from;
    unsigned char state = UNIT_PROTECTED;
    struct error error;

    atomic_compare_exchange_strong(&of->state[index], &state, UNIT_TAKEN);
    if (state == UNIT_TAKEN)
        return;
    if (state == UNIT_PROTECTED && !atomic_load(&background->failed) &&
        !saved_region_write(of->region, from, size, of->present, background->file, &background->failed,
                            &error))
        fail(background, &error);
    /* First, so that the server lifts it for whoever begins to wait behind this thread's call. */
    atomic_store(&of->state[index], UNIT_WRITTEN);
    write_protect_lift(background->fd, (uint8_t *)of->region->part.memory + from, size);
}

static void lift_all(const struct background *background)
{
    for (unsigned i = 0; i < background->count; i++)
        if (background->regions[i].state)
            write_protect_end(background->fd, background->regions[i].region->part.memory,
                              background->regions[i].region->part.size);
}

/* ---- the server's thread ---- */

static void serve_fault(struct background *background, const uint8_t *address)
{
    for (unsigned i = 0; i < background->count; i++) {
        const struct protected_region *of = &background->regions[i];
        const uint8_t *memory = of->region->part.memory;

        if (of->state && address >= memory && (uint64_t)(address - memory) < of->region->part.size) {
            write_unit(background, of, ((uint64_t)(address - memory) + of->lead) / of->unit);
            return;
        }
    }
}

static void *serve(void *opaque)
{
    struct background *background = opaque;
    void *address;

    (void)sandbox_enter(SANDBOX_HELPER); /* if not, the main thread's list holds */
    while ((address = write_protect_wait(background->fd, background->end)) != NULL)
        serve_fault(background, address);
    return NULL;
}

static bool start_server(struct background *background, struct error *error)
{
    const int why = helper_thread_start(&background->server, STACK, serve, background);

    background->served = why == 0;
    return why == 0 || error_set(error, "cannot create a thread: %s", strerror(why));
}

static void end_server(struct background *background)
{
    const uint64_t one = 1;

    if (!background->served)
        return;
    RESULT_DOES_NOT_MATTER(write(background->end, &one, sizeof one), "an eventfd takes a first number");
    pthread_join(background->server, NULL);
    background->served = false;
}

/* ---- writing ---- */

static void write_region(struct background *background, const struct protected_region *of,
                         const atomic_bool *stop)
{
    const uint64_t size = of->region->part.size;
    struct error error;

    if (!of->state && !saved_region_write(of->region, 0, size, NULL, background->file, stop, &error))
        fail(background, &error);
    for (uint64_t i = 0; of->state && i < of->count && !atomic_load(&background->failed); i++) {
        write_unit(background, of, i);
        if (atomic_load(stop)) {
            error_set(&error, "the program ends");
            fail(background, &error);
        }
    }
}

static bool has_failed(struct background *background, struct error *error)
{
    bool failed;

    pthread_mutex_lock(&background->lock);
    failed = atomic_load(&background->failed);
    if (failed)
        *error = background->failure;
    pthread_mutex_unlock(&background->lock);
    return failed;
}

bool background_write(struct background *background, const atomic_bool *stop, struct error *error)
{
    struct error reason;

    if (!saved_memory_extend(background->memory, background->file, &reason))
        fail(background, &reason);
    for (unsigned i = 0; i < background->count && !atomic_load(&background->failed); i++)
        write_region(background, &background->regions[i], stop);
    if (atomic_load(&background->failed))
        lift_all(background); /* the server may wait for the file */
    end_server(background);
    lift_all(background);
    return !has_failed(background, error);
}

void background_abandon(struct background *background)
{
    struct error error = { 0 };

    error_set(&error, "the program ends");
    fail(background, &error);
    lift_all(background);
}

/* ---- protection ---- */

static bool divide(struct protected_region *of, const struct backend *backend, struct error *error)
{
    const struct guest_part *part = &of->region->part;

    of->unit = backend->page_size > UNIT ? backend->page_size : UNIT;
    of->lead = (uintptr_t)part->memory & (of->unit - 1);
    of->count = (of->lead + part->size + of->unit - 1) / of->unit;
    of->state = calloc(of->count, sizeof *of->state);
    if (backend->fd < 0)
        of->present = calloc(part->size / WRITE_PROTECT_GRAIN / 64 + 1, sizeof *of->present);
    return (of->state && (of->present || backend->fd >= 0)) || error_set(error, "out of memory");
}

/* Every reason ends with the way out. */
static bool refuse(struct error *error)
{
    const struct error why = *error;

    return error_set(error, "background: %.800s; take the snapshot without background", why.text);
}

/* What both threads read later, so all of it is there before the server is started. */
static bool prepare_region(const struct background *background, struct protected_region *of,
                           struct error *error)
{
    const struct backend *backend = saved_region_backend(background->memory, of->region);
    const struct guest_part *part = &of->region->part;

    if (part->read_only) /* firmware, which nobody changes */
        return true;
    if (!backend)
        return error_set(error, "the memory at 0x%" PRIx64 " has no backend", part->address);
    return divide(of, backend, error) &&
           (!of->present || write_protect_find_pages(part->memory, part->size, of->present, error));
}

static bool protect_region(const struct background *background, const struct protected_region *of,
                           struct error *error)
{
    const struct guest_part *part = &of->region->part;

    return !of->state || write_protect(background->fd, part->memory, part->size, error) ||
           error_prefix(error, "memory at 0x%" PRIx64 ": ", part->address);
}

static void forget_regions(struct background *background)
{
    for (unsigned i = 0; i < background->count; i++) {
        free(background->regions[i].state);
        free(background->regions[i].present);
    }
    free(background->regions);
    background->regions = NULL;
    background->count = 0;
}

bool background_protect(struct background *background, struct saved_memory *memory, int fd,
                        struct error *error)
{
    bool good = true;

    background->memory = memory;
    background->file = fd;
    background->regions = calloc(memory->count, sizeof *background->regions);
    if (!background->regions)
        return error_set(error, "out of memory");
    background->count = memory->count;
    for (unsigned i = 0; i < memory->count; i++)
        background->regions[i].region = &memory->region[i];
    for (unsigned i = 0; good && i < memory->count; i++)
        good = prepare_region(background, &background->regions[i], error);
    good = good && start_server(background, error);
    for (unsigned i = 0; good && i < memory->count; i++)
        good = protect_region(background, &background->regions[i], error);
    if (good) {
        guest_memory_keep(background->machine->memory, true);
        return true;
    }
    if (background->served)
        lift_all(background);
    end_server(background);
    return refuse(error);
}

/* ---- its life ---- */

/* Before the guest stops, since it takes long in old kernels. Without KSM in the kernel there is nothing to
 * switch off. */
static bool merge(struct background *background, bool on, struct error *error)
{
    const struct backend *backend = NULL;

    while ((backend = backend_next(background->machine->backends, backend)) != NULL) {
        if (!backend->memory || !backend->used_by)
            continue;
        if (on)
            backend_let_merge(backend);
        else if (madvise(backend->memory, backend->size, MADV_UNMERGEABLE) < 0 && errno != EINVAL)
            return error_set(error, "memory '%s': the host cannot separate merged pages (KSM): %s",
                             backend->id, strerror(errno));
    }
    return true;
}

struct background *background_create(struct machine *machine, struct error *error)
{
    struct background *background;

    if (!background_check(machine, error)) {
        refuse(error);
        return NULL;
    }
    background = calloc(1, sizeof *background);
    if (!background) {
        error_set(error, "out of memory");
        return NULL;
    }
    *background = (struct background){ .machine = machine, .fd = write_protect_open(error) };
    pthread_mutex_init(&background->lock, NULL);
    background->end = background->fd < 0 ? -1 : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (background->fd >= 0 && background->end < 0)
        error_set(error, "%s", strerror(errno));
    if (background->end >= 0) {
        background->unmerged = true;
        if (merge(background, false, error))
            return background;
    }
    refuse(error);
    background_destroy(background);
    return NULL;
}

void background_destroy(struct background *background)
{
    struct error ignored;

    if (!background)
        return;
    if (background->served) { /* it was not written */
        lift_all(background);
        end_server(background);
    }
    guest_memory_keep(background->machine->memory, false);
    if (background->fd >= 0)
        close(background->fd); /* ends the registration of all memory */
    if (background->end >= 0)
        close(background->end);
    if (background->unmerged)
        RESULT_DOES_NOT_MATTER(merge(background, true, &ignored), "a hint");
    forget_regions(background);
    pthread_mutex_destroy(&background->lock);
    free(background);
}
