/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GSIs and their routes, the same with KVM and without.
 */
#include "kvm/interrupts.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "kvm/vm.h"

struct route {
    bool used;   /* given out */
    bool routed; /* `msi` is where it goes */
    bool known;  /* the kernel has a route for it: after vm_gsi_free() until the next table */
    struct vm_msi msi;
};

struct vm_interrupts {
    pthread_mutex_t lock; /* of all that follows, and of the kernel's table; a leaf */
    bool complete;
    unsigned first, end, routes_max;
    unsigned used;
    unsigned room;       /* of `route`, which grows */
    struct route *route; /* of GSI first + index */
};

#define ROOM_AT_FIRST 64u

struct vm_interrupts *vm_interrupts_create(unsigned first, unsigned end, unsigned routes_max)
{
    struct vm_interrupts *all = calloc(1, sizeof *all);

    if (!all)
        return NULL;
    *all = (struct vm_interrupts){ .first = first, .end = end, .routes_max = routes_max };
    if (all->end - all->first < all->routes_max)
        all->routes_max = all->end - all->first;
    pthread_mutex_init(&all->lock, NULL);
    return all;
}

void vm_interrupts_destroy(struct vm_interrupts *all)
{
    if (!all)
        return;
    pthread_mutex_destroy(&all->lock);
    free(all->route);
    free(all);
}

/* ---- under the lock ---- */

/* Give the kernel the table as it is noted. */
static bool commit(const struct vm *vm, struct vm_interrupts *all, struct error *error)
{
    struct vm_routed *table;
    unsigned count = 0;
    bool good;

    if (!all->complete)
        return true;
    table = malloc((all->used + 1) * sizeof *table);
    if (!table)
        return error_set(error, "out of memory");
    for (unsigned i = 0; i < all->room; i++)
        if (all->route[i].routed)
            table[count++] = (struct vm_routed){ all->first + i, all->route[i].msi };
    good = vm->ops->set_routes(vm, table, count, error);
    free(table);
    for (unsigned i = 0; good && i < all->room; i++)
        all->route[i].known = all->route[i].routed;
    return good;
}

static struct route *at(struct vm_interrupts *all, unsigned gsi)
{
    struct route *route;

    assert(gsi >= all->first && gsi - all->first < all->room);
    route = &all->route[gsi - all->first];
    assert(route->used);
    return route;
}

static bool grow(struct vm_interrupts *all, struct error *error)
{
    unsigned room = all->room ? 2 * all->room : ROOM_AT_FIRST;
    struct route *route;

    if (room > all->routes_max)
        room = all->routes_max;
    route = realloc(all->route, room * sizeof *route);
    if (!route)
        return error_set(error, "out of memory");
    memset(&route[all->room], 0, (room - all->room) * sizeof *route);
    all->route = route;
    all->room = room;
    return true;
}

static int allocate(const struct vm *vm, struct vm_interrupts *all, struct error *error)
{
    unsigned index = 0;

    if (all->used == all->routes_max) {
        error_set(error,
                  "no interrupt is free for another vector: all %u that KVM can route in a virtual machine "
                  "are in use; give devices fewer vectors (vectors=), or use fewer devices",
                  all->routes_max);
        return -1;
    }
    while (index < all->room && all->route[index].used)
        index++;
    if (index == all->room && !grow(all, error))
        return -1;
    /* Whoever gets it raises nothing of the one before. */
    if (all->route[index].known && !commit(vm, all, error))
        return -1;
    all->route[index].used = true;
    all->used++;
    return (int)(all->first + index);
}

static bool differs(const struct route *route, const struct vm_msi *msi)
{
    if (!msi || !route->routed)
        return route->routed != (msi != NULL);
    return route->msi.address != msi->address || route->msi.data != msi->data ||
           route->msi.requester != msi->requester;
}

/* Note the routes, and in `old` what was there. Whether anything has changed. */
static bool store_routes(struct vm_interrupts *all, const struct vm_msi_route *routes, size_t count,
                         struct route *old)
{
    bool changed = false;

    for (size_t i = 0; i < count; i++) {
        struct route *route = at(all, routes[i].gsi);

        old[i] = *route;
        changed |= differs(route, routes[i].msi);
        route->routed = routes[i].msi != NULL;
        if (routes[i].msi)
            route->msi = *routes[i].msi;
    }
    return changed;
}

static bool set(const struct vm *vm, struct vm_interrupts *all, const struct vm_msi_route *routes,
                size_t count, struct route *old, struct error *error)
{
    if (!store_routes(all, routes, count, old) || commit(vm, all, error))
        return true;
    while (count > 0) { /* backwards: a GSI may be named twice */
        count--;
        *at(all, routes[count].gsi) = old[count];
    }
    return false;
}

/* ---- calls ---- */

int vm_gsi_allocate(const struct vm *vm, struct error *error)
{
    struct vm_interrupts *all = vm->interrupts;
    int gsi;

    pthread_mutex_lock(&all->lock);
    gsi = allocate(vm, all, error);
    pthread_mutex_unlock(&all->lock);
    return gsi;
}

void vm_gsi_free(const struct vm *vm, unsigned gsi)
{
    struct vm_interrupts *all = vm->interrupts;
    struct route *route;

    pthread_mutex_lock(&all->lock);
    route = at(all, gsi);
    /* The kernel's route stays until its next table: nobody raises it, and a device that goes may have
     * hundreds. */
    route->used = route->routed = false;
    all->used--;
    pthread_mutex_unlock(&all->lock);
}

bool vm_msi_routes(const struct vm *vm, const struct vm_msi_route *routes, size_t count, struct error *error)
{
    struct vm_interrupts *all = vm->interrupts;
    struct route *old = malloc((count + 1) * sizeof *old);
    bool good;

    if (!old)
        return error_set(error, "out of memory");
    pthread_mutex_lock(&all->lock);
    good = set(vm, all, routes, count, old, error);
    pthread_mutex_unlock(&all->lock);
    free(old);
    return good;
}

bool vm_msi_route(const struct vm *vm, unsigned gsi, const struct vm_msi *msi, struct error *error)
{
    return vm_msi_routes(vm, &(struct vm_msi_route){ gsi, msi }, 1, error);
}

bool vm_interrupts_complete(const struct vm *vm, struct error *error)
{
    struct vm_interrupts *all = vm->interrupts;
    bool good;

    pthread_mutex_lock(&all->lock);
    all->complete = true;
    /* KVM's own table, without messages, is good until there are some. */
    good = all->used == 0 || commit(vm, all, error);
    all->complete = good;
    pthread_mutex_unlock(&all->lock);
    return good;
}

static bool is_complete(struct vm_interrupts *all)
{
    bool complete;

    pthread_mutex_lock(&all->lock);
    complete = all->complete;
    pthread_mutex_unlock(&all->lock);
    return complete;
}

bool vm_irqfd_add(const struct vm *vm, unsigned gsi, int fd, int resample_fd, struct error *error)
{
    assert(is_complete(vm->interrupts)); /* KVM would refuse it */
    return vm->ops->add_irqfd(vm, gsi, fd, resample_fd, error);
}

void vm_irqfd_remove(const struct vm *vm, unsigned gsi, int fd)
{
    vm->ops->remove_irqfd(vm, gsi, fd);
}

bool vm_msi_send(const struct vm *vm, const struct vm_msi *msi)
{
    return vm->ops->send_msi(vm, msi);
}

bool vm_irq_acknowledge(const struct vm *vm, unsigned gsi)
{
    return vm->ops->acknowledge && vm->ops->acknowledge(vm, gsi);
}

bool irqfd_is_taken(unsigned gsi, struct error *error)
{
    return error_set(error, "the eventfd for interrupt %u raises an interrupt already", gsi);
}
