/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memset KIND SIZE THREADS: map memory as hotram does, KIND ram or memfd, fill it by plain memset, an equal
 * part for each thread, and say how many seconds that took. See prealloc.py.
 */
#define _GNU_SOURCE
#include <err.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define ALIGN ((uintptr_t)2 << 20)
#define THREADS_MAX 1024

struct part {
    uint8_t *start;
    size_t size;
};

static void *fill(void *opaque)
{
    const struct part *part = opaque;

    memset(part->start, 0, part->size);
    return NULL;
}

static uint8_t *map(const char *kind, size_t size)
{
    int fd = strcmp(kind, "memfd") == 0 ? memfd_create("memset", MFD_CLOEXEC) : -1;
    uint8_t *room = mmap(NULL, size + ALIGN, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    uint8_t *start = (uint8_t *)(((uintptr_t)room + ALIGN - 1) & ~(ALIGN - 1));

    if (room == MAP_FAILED || (fd >= 0 && ftruncate(fd, (off_t)size) < 0) ||
        mmap(start, size, PROT_READ | PROT_WRITE,
             MAP_FIXED | (fd >= 0 ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS), fd, 0) == MAP_FAILED)
        err(1, "no memory");
    if (fd < 0)
        madvise(start, size, MADV_HUGEPAGE);
    return start;
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int argc, char *argv[])
{
    size_t size = argc == 4 ? strtoull(argv[2], NULL, 10) : 0;
    unsigned count = argc == 4 ? (unsigned)atoi(argv[3]) : 0;
    pthread_t threads[THREADS_MAX];
    struct part parts[THREADS_MAX];
    uint8_t *start;
    double begin;

    if (size == 0 || count == 0 || count > THREADS_MAX)
        errx(1, "usage: memset ram|memfd SIZE THREADS");
    start = map(argv[1], size);
    begin = now();
    for (unsigned i = 0; i < count; i++) {
        parts[i] = (struct part){ start + size / count * i,
                                  i + 1 < count ? size / count : size - size / count * i };
        if (pthread_create(&threads[i], NULL, fill, &parts[i]) != 0)
            errx(1, "no thread");
    }
    for (unsigned i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    printf("%f\n", now() - begin);
    return 0;
}
