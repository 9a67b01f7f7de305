/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loaded into a VMM by LD_PRELOAD: adds up the time that the program spends inside KVM's calls, all but
 * KVM_RUN, and notes when the guest began to run and when it ran last. The numbers are in the file $KVM_TIME,
 * which the benchmark reads whenever it likes; kvm_time.py has their order. Moments are nanoseconds of
 * CLOCK_MONOTONIC, which all processes of a host have in common, and 0 for what has not happened.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct totals {
    atomic_uint_fast64_t nanoseconds;
    atomic_uint_fast64_t calls;
    atomic_uint_fast64_t created;    /* the VM exists, with its interrupt controllers and vCPUs */
    atomic_uint_fast64_t entered;    /* for the first time a vCPU is about to run, */
    atomic_uint_fast64_t first_exit; /* and has run */
    atomic_uint_fast64_t last_exit;
};

static struct totals *totals;

static void __attribute__((constructor)) open_totals(void)
{
    const char *path = getenv("KVM_TIME");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *map;

    if (fd < 0)
        return;
    map = mmap(NULL, sizeof *totals, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map != MAP_FAILED)
        totals = map;
    close(fd);
}

static uint64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void note_first(atomic_uint_fast64_t *moment, uint64_t time)
{
    uint_fast64_t none = 0;

    atomic_compare_exchange_strong(moment, &none, time);
}

/* A call that a signal ends at once has not run the guest. */
static int run(int fd, void *argument)
{
    const uint64_t start = now();
    const int result = (int)syscall(SYS_ioctl, fd, KVM_RUN, argument);
    const uint64_t end = now();

    if (result == 0) {
        note_first(&totals->entered, start);
        note_first(&totals->first_exit, end);
    }
    atomic_store(&totals->last_exit, end);
    return result;
}

static int creates(unsigned long request)
{
    return request == KVM_CREATE_VM || request == KVM_CREATE_IRQCHIP || request == KVM_CREATE_PIT2 ||
           request == KVM_CREATE_DEVICE || request == KVM_CREATE_VCPU;
}

int ioctl(int fd, unsigned long request, ...)
{
    va_list arguments;
    void *argument;
    uint64_t start;
    int result;

    va_start(arguments, request);
    argument = va_arg(arguments, void *);
    va_end(arguments);
    if (!totals || _IOC_TYPE(request) != KVMIO)
        return (int)syscall(SYS_ioctl, fd, request, argument);
    if (request == KVM_RUN)
        return run(fd, argument);
    start = now();
    result = (int)syscall(SYS_ioctl, fd, request, argument);
    atomic_fetch_add(&totals->nanoseconds, now() - start); /* leaves errno alone: clock_gettime cannot fail */
    atomic_fetch_add(&totals->calls, 1);
    if (creates(request))
        atomic_store(&totals->created, now());
    return result;
}
