/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loaded into a VMM by LD_PRELOAD: adds up the time that the program spends inside KVM's calls, all but
 * KVM_RUN. The two sums are in a file of 16 bytes, $KVM_TIME, which the benchmark reads whenever it likes:
 * nanoseconds, and number of calls. See start.py.
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

int ioctl(int fd, unsigned long request, ...)
{
    va_list arguments;
    void *argument;
    uint64_t start;
    int result;

    va_start(arguments, request);
    argument = va_arg(arguments, void *);
    va_end(arguments);
    if (!totals || _IOC_TYPE(request) != KVMIO || request == KVM_RUN)
        return (int)syscall(SYS_ioctl, fd, request, argument);
    start = now();
    result = (int)syscall(SYS_ioctl, fd, request, argument);
    atomic_fetch_add(&totals->nanoseconds, now() - start); /* leaves errno alone: clock_gettime cannot fail */
    atomic_fetch_add(&totals->calls, 1);
    return result;
}
