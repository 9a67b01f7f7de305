/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Doorbells without KVM: a write of the test signals the eventfd of the doorbell that it matches.
 */
#include <assert.h>
#include <stdlib.h>

#include "kvm/stand_in_state.h"

struct doorbell {
    struct vm_doorbell is;
    struct doorbell *next;
};

/* Whether a write can be both's. */
static bool collide(const struct vm_doorbell *a, const struct vm_doorbell *b)
{
    return a->port == b->port && a->address == b->address &&
           (a->width == 0 || b->width == 0 ||
            (a->width == b->width && (!a->match || !b->match || a->value == b->value)));
}

bool stand_in_add_doorbell(const struct vm *vm, const struct vm_doorbell *doorbell, struct error *error)
{
    struct vm_stand_in *all = vm->stand_in;
    struct doorbell *made = malloc(sizeof *made);
    bool taken = false;

    if (!made)
        return error_set(error, "out of memory");
    made->is = *doorbell;
    pthread_mutex_lock(&all->lock);
    for (const struct doorbell *other = all->doorbells; other; other = other->next)
        taken |= collide(&other->is, doorbell);
    if (!taken) {
        made->next = all->doorbells;
        all->doorbells = made;
    }
    pthread_mutex_unlock(&all->lock);
    if (!taken)
        return true;
    free(made);
    return doorbell_is_taken(doorbell, error);
}

static bool same(const struct vm_doorbell *a, const struct vm_doorbell *b)
{
    return a->port == b->port && a->address == b->address && a->width == b->width && a->match == b->match &&
           (!a->match || a->value == b->value) && a->fd == b->fd;
}

void stand_in_remove_doorbell(const struct vm *vm, const struct vm_doorbell *doorbell)
{
    struct vm_stand_in *all = vm->stand_in;
    struct doorbell **link = &all->doorbells;
    struct doorbell *found;

    pthread_mutex_lock(&all->lock);
    while (*link && !same(&(*link)->is, doorbell))
        link = &(*link)->next;
    found = *link;
    assert(found);
    *link = found->next;
    pthread_mutex_unlock(&all->lock);
    free(found);
}

bool stand_in_ring_doorbell(const struct vm *vm, bool port, uint64_t address, unsigned width, uint64_t value)
{
    const struct vm_doorbell write = {
        .port = port, .address = address, .width = width, .match = true, .value = value
    };
    struct vm_stand_in *all = vm->stand_in;
    bool rung = false;

    pthread_mutex_lock(&all->lock);
    for (const struct doorbell *each = all->doorbells; each && !rung; each = each->next)
        if (collide(&each->is, &write)) {
            stand_in_signal(each->is.fd);
            rung = true;
        }
    pthread_mutex_unlock(&all->lock);
    return rung;
}
