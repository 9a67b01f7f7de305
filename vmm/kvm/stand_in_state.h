/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the stand-in share; other files use kvm/stand_in.h.
 *
 * Threads: any. `vm`, `loop`, `main` and `watch` do not change while others use the stand-in.
 */
#ifndef VMM_KVM_STAND_IN_STATE_H
#define VMM_KVM_STAND_IN_STATE_H

#include <pthread.h>

#include "base/loop.h"
#include "kvm/stand_in.h"
#include "kvm/vm.h"

struct doorbell;
struct irqfd;
struct news;

#define STAND_IN_LINES 1024u /* as many as a GIC can have */

struct vm_stand_in {
    const struct vm *vm;
    struct loop *loop;
    pthread_t main;
    int epoll_fd; /* of the eventfds: any thread changes it */
    struct watch *watch;
    struct work telling;

    pthread_mutex_t lock; /* of all that follows; a leaf */
    struct doorbell *doorbells;
    struct irqfd *irqfds;
    uint64_t numbers;
    struct vm_routed *routes;
    unsigned route_count;
    struct news *first, **last;
    uint8_t held[STAND_IN_LINES];
};

/* Add one to the count of an eventfd. Any thread, with or without the lock. */
void stand_in_signal(int fd);

#endif
