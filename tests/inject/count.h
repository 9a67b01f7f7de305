/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What tests and the preloaded libraries share: a file of one page. Text first (inject.c), then this count.
 *
 * A test sets `kinds` to the calls that are counted, and `at` or `every` to those that fail; it arms the
 * count by setting `kinds` last, and disarms it by setting `kinds` to 0. tests/lib/inject.py knows the
 * offsets.
 *
 * Threads: any, at any time; each field is written by one side only, but for `count` at arming.
 */
#ifndef TESTS_INJECT_COUNT_H
#define TESTS_INJECT_COUNT_H

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TEXT_SIZE 512
#define FILE_SIZE 4096

enum count_kind {
    COUNT_MALLOC = 1 << 0, /* memory.c: malloc, calloc, realloc, and whatever libc makes of them */
    COUNT_MMAP = 1 << 1,
    COUNT_MUNMAP = 1 << 2,
    COUNT_IOCTL = 1 << 3, /* those of one request, or all but KVM_RUN, which a guest decides the number of */
    COUNT_OPEN = 1 << 4,  /* open, openat, fopen, opendir, mkostemp, posix_openpt */
    COUNT_MEMFD = 1 << 5,
    COUNT_THREAD = 1 << 6,
    COUNT_MBIND = 1 << 7,
    COUNT_FALLOCATE = 1 << 8,
    COUNT_FTRUNCATE = 1 << 9,
    COUNT_EPOLL_CTL = 1 << 10,
    COUNT_ACCEPT = 1 << 11,
    COUNT_WRITE = 1 << 12, /* but for those to an eventfd, which cannot fail */
    COUNT_SEND = 1 << 13,  /* send, sendmsg */
    COUNT_MREMAP = 1 << 14,
};

struct count {
    _Atomic uint32_t kinds;
    uint32_t error;           /* an errno */
    uint32_t ioctl;           /* a request, or 0 for all but KVM_RUN */
    _Atomic uint32_t waiting; /* calls that have begun to wait, since the program started */
    uint64_t at;              /* the n-th call fails, from 1 on */
    uint64_t every;           /* every n-th fails; 0: none but that */
    _Atomic uint64_t count;   /* calls since it was armed */
    _Atomic uint64_t failed;  /* of these */
};

static volatile char *count_page;

static inline volatile char *map_orders(void)
{
    const char *path = getenv("INJECT");
    int fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC) : -1;
    long memory = fd < 0 ? -1 : syscall(SYS_mmap, NULL, FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (memory != -1)
        count_page = (volatile char *)memory;
    if (fd >= 0)
        syscall(SYS_close, fd);
    return count_page;
}

static inline volatile struct count *count_of(void)
{
    return (volatile struct count *)(count_page + TEXT_SIZE);
}

static inline int ioctl_counts(uint32_t request)
{
    if (!count_page)
        return 0;
    return count_of()->ioctl == request || (count_of()->ioctl == 0 && request != KVM_RUN);
}

/* True: the call is to fail, and errno is set. */
static inline int counted(enum count_kind kind)
{
    volatile struct count *count = count_page ? count_of() : NULL;
    uint64_t number;

    if (!count || !(count->kinds & kind))
        return 0;
    number = ++count->count;
    if (number != count->at && (count->every == 0 || number % count->every != 0))
        return 0;
    count->failed++;
    errno = (int)count->error;
    return 1;
}

#endif
