/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts without KVM: lines, messages, eventfds that raise interrupts, and the reports to the watcher.
 */
#include "kvm/stand_in_state.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/results.h"

struct irqfd {
    uint64_t number; /* epoll's, never used again */
    unsigned gsi;
    int fd, resample_fd;
    struct irqfd *next;
};

/* What the watcher is to hear. */
struct news {
    bool is_message;
    bool high;
    unsigned gsi;
    struct vm_msi msi;
    struct news *next;
};

/* Who holds a line high. */
#define BY_CALL 1u
#define BY_EVENTFD 2u

/* ---- telling ---- */

static void report_news(const struct vm_stand_in *all, const struct news *news)
{
    const struct vm_watcher *watcher = &all->vm->watcher;

    if (news->is_message && watcher->message)
        watcher->message(watcher->opaque, &news->msi);
    else if (!news->is_message && watcher->line)
        watcher->line(watcher->opaque, news->gsi, news->high);
}

/* Main thread, without the lock. */
static void report_all_news(void *opaque)
{
    struct vm_stand_in *all = opaque;
    struct news *first;

    pthread_mutex_lock(&all->lock);
    first = all->first;
    all->first = NULL;
    all->last = &all->first;
    pthread_mutex_unlock(&all->lock);
    while (first) {
        struct news *next = first->next;

        report_news(all, first);
        free(first);
        first = next;
    }
}

/* Under the lock. Without memory for it the test misses one. */
static void queue_news(struct vm_stand_in *all, const struct news *news)
{
    struct news *copy = malloc(sizeof *copy);

    if (!copy)
        return;
    *copy = *news;
    copy->next = NULL;
    *all->last = copy;
    all->last = &copy->next;
}

/* Without the lock, after note(): on the main thread the watcher hears of it before this returns. */
static void pass_on(struct vm_stand_in *all)
{
    if (pthread_equal(pthread_self(), all->main))
        report_all_news(all);
    else
        loop_post(all->loop, &all->telling);
}

/* ---- lines and messages, under the lock ---- */

static void hold(struct vm_stand_in *all, unsigned gsi, unsigned who, bool high)
{
    uint8_t before;

    if (gsi >= STAND_IN_LINES)
        return;
    before = all->held[gsi];
    all->held[gsi] = (uint8_t)(high ? before | who : before & ~who);
    if (!before != !all->held[gsi])
        queue_news(all, &(struct news){ .gsi = gsi, .high = high });
}

static void raise_gsi(struct vm_stand_in *all, const struct irqfd *irqfd)
{
    if (irqfd->gsi < vm_arch_gsi_count()) {
        hold(all, irqfd->gsi, BY_EVENTFD, true);
        if (irqfd->resample_fd < 0)
            hold(all, irqfd->gsi, BY_EVENTFD, false);
        return;
    }
    for (unsigned i = 0; i < all->route_count; i++)
        if (all->routes[i].gsi == irqfd->gsi)
            queue_news(all, &(struct news){ .is_message = true, .msi = all->routes[i].msi });
}

void stand_in_signal(int fd)
{
    const uint64_t one = 1;

    RESULT_DOES_NOT_MATTER(write(fd, &one, sizeof one) < 0, "a full count has been written before");
}

/* ---- eventfds ---- */

static struct irqfd **find_irqfd(struct vm_stand_in *all, int fd)
{
    struct irqfd **link = &all->irqfds;

    while (*link && (*link)->fd != fd)
        link = &(*link)->next;
    return link;
}

/* One of the eventfds is readable, if it has not been removed since. */
static void take(struct vm_stand_in *all, uint64_t number)
{
    uint64_t count;

    for (const struct irqfd *irqfd = all->irqfds; irqfd; irqfd = irqfd->next)
        if (irqfd->number == number && read(irqfd->fd, &count, sizeof count) == (ssize_t)sizeof count)
            raise_gsi(all, irqfd);
}

static void readable(void *opaque, uint32_t events)
{
    struct vm_stand_in *all = opaque;
    struct epoll_event ready[16];
    int count = epoll_wait(all->epoll_fd, ready, sizeof ready / sizeof ready[0], 0);

    (void)events;
    pthread_mutex_lock(&all->lock);
    for (int i = 0; i < count; i++)
        take(all, ready[i].data.u64);
    pthread_mutex_unlock(&all->lock);
    report_all_news(all);
}

static bool watch_irqfd(struct vm_stand_in *all, struct irqfd *irqfd, struct error *error)
{
    struct epoll_event event = { .events = EPOLLIN, .data.u64 = ++all->numbers };

    if (*find_irqfd(all, irqfd->fd))
        return irqfd_is_taken(irqfd->gsi, error);
    irqfd->number = event.data.u64;
    if (epoll_ctl(all->epoll_fd, EPOLL_CTL_ADD, irqfd->fd, &event) < 0)
        return error_set(error, "an eventfd for interrupt %u cannot be watched: %s", irqfd->gsi,
                         strerror(errno));
    irqfd->next = all->irqfds;
    all->irqfds = irqfd;
    return true;
}

bool stand_in_add_irqfd(const struct vm *vm, unsigned gsi, int fd, int resample_fd, struct error *error)
{
    struct vm_stand_in *all = vm->stand_in;
    struct irqfd *irqfd = malloc(sizeof *irqfd);
    bool good;

    if (!irqfd)
        return error_set(error, "out of memory");
    *irqfd = (struct irqfd){ .gsi = gsi, .fd = fd, .resample_fd = resample_fd };
    pthread_mutex_lock(&all->lock);
    good = watch_irqfd(all, irqfd, error);
    pthread_mutex_unlock(&all->lock);
    if (!good)
        free(irqfd);
    return good;
}

static bool resampled(const struct vm_stand_in *all, unsigned gsi)
{
    for (const struct irqfd *irqfd = all->irqfds; irqfd; irqfd = irqfd->next)
        if (irqfd->gsi == gsi && irqfd->resample_fd >= 0)
            return true;
    return false;
}

void stand_in_remove_irqfd(const struct vm *vm, unsigned gsi, int fd)
{
    struct vm_stand_in *all = vm->stand_in;
    struct irqfd **link, *irqfd;

    pthread_mutex_lock(&all->lock);
    link = find_irqfd(all, fd);
    irqfd = *link;
    assert(irqfd && irqfd->gsi == gsi);
    *link = irqfd->next;
    RESULT_DOES_NOT_MATTER(epoll_ctl(all->epoll_fd, EPOLL_CTL_DEL, fd, NULL), "it is there");
    if (!resampled(all, gsi))
        hold(all, gsi, BY_EVENTFD, false);
    pthread_mutex_unlock(&all->lock);
    free(irqfd);
    pass_on(all);
}

bool stand_in_acknowledge(const struct vm *vm, unsigned gsi)
{
    struct vm_stand_in *all = vm->stand_in;
    bool any;

    pthread_mutex_lock(&all->lock);
    any = resampled(all, gsi);
    if (any)
        hold(all, gsi, BY_EVENTFD, false);
    for (const struct irqfd *irqfd = all->irqfds; irqfd; irqfd = irqfd->next)
        if (irqfd->gsi == gsi && irqfd->resample_fd >= 0)
            stand_in_signal(irqfd->resample_fd);
    pthread_mutex_unlock(&all->lock);
    pass_on(all);
    return any;
}

void stand_in_irq_line(const struct vm *vm, unsigned gsi, bool high)
{
    struct vm_stand_in *all = vm->stand_in;

    pthread_mutex_lock(&all->lock);
    hold(all, gsi, BY_CALL, high);
    pthread_mutex_unlock(&all->lock);
    pass_on(all);
}

bool stand_in_send_msi(const struct vm *vm, const struct vm_msi *msi)
{
    struct vm_stand_in *all = vm->stand_in;

    pthread_mutex_lock(&all->lock);
    queue_news(all, &(struct news){ .is_message = true, .msi = *msi });
    pthread_mutex_unlock(&all->lock);
    pass_on(all);
    return true;
}

bool stand_in_set_routes(const struct vm *vm, const struct vm_routed *routes, unsigned count,
                         struct error *error)
{
    struct vm_stand_in *all = vm->stand_in;
    struct vm_routed *copy = malloc((count + 1) * sizeof *copy);

    if (!copy)
        return error_set(error, "out of memory");
    memcpy(copy, routes, count * sizeof *copy);
    pthread_mutex_lock(&all->lock);
    free(all->routes);
    all->routes = copy;
    all->route_count = count;
    pthread_mutex_unlock(&all->lock);
    return true;
}

/* ---- its life ---- */

struct vm_stand_in *stand_in_create(const struct vm *vm, struct loop *loop, struct error *error)
{
    struct vm_stand_in *all = calloc(1, sizeof *all);

    if (!all) {
        error_set(error, "out of memory");
        return NULL;
    }
    *all = (struct vm_stand_in){ .vm = vm, .loop = loop, .main = pthread_self() };
    all->telling = (struct work){ .run = report_all_news, .opaque = all };
    all->last = &all->first;
    pthread_mutex_init(&all->lock, NULL);
    all->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (all->epoll_fd >= 0)
        all->watch = watch_add(loop, all->epoll_fd, EPOLLIN, readable, all);
    if (!all->watch) {
        error_set(error, "eventfds cannot be watched: %s", strerror(errno));
        stand_in_destroy(all);
        return NULL;
    }
    return all;
}

void stand_in_destroy(struct vm_stand_in *all)
{
    if (!all)
        return;
    assert(!all->doorbells && !all->irqfds);
    loop_cancel(all->loop, &all->telling);
    watch_remove(all->watch);
    if (all->epoll_fd >= 0)
        close(all->epoll_fd);
    while (all->first) {
        struct news *next = all->first->next;

        free(all->first);
        all->first = next;
    }
    free(all->routes);
    pthread_mutex_destroy(&all->lock);
    free(all);
}
