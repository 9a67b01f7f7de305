/* SPDX-License-Identifier: BSD-2-Clause */
/* load: keep a disk busy by direct I/O, always DEPTH requests at a time, until it is stopped.
 *
 *   load DEVICE read|write random|sequential BYTES DEPTH stamped|blank
 *
 * Each page of a stamped disk begins with its own place in bytes, plus one. What is written to one has these
 * stamps, and what is read must have them. Of a blank disk (null-co) only the length of what is read is
 * checked.
 *
 * On SIGTERM it waits for the requests under way, says
 *
 *   REQUESTS requests DISTINCT places P50 P99 MAX ns NANOSECONDS in all
 *
 * and ends with 0: the times are those of single requests, by the guest's clock. A failure ends it with a
 * line and 1.
 */

#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, DEPTH_MAX = 256, HUGE = 2 << 20, TIMES_MAX = 8 << 20 };

struct load {
    int disk;
    bool write, random, stamped;
    size_t bytes;
    unsigned depth;
    uint64_t places, at, state;
    aio_context_t context;
    struct iocb blocks[DEPTH_MAX];
    uint64_t begun[DEPTH_MAX];
    char *memory;
    uint8_t *seen;   /* a byte for each place */
    uint32_t *times; /* nanoseconds of each request */
    uint64_t done;
};

static volatile sig_atomic_t stopped;

static void stop(int number)
{
    (void)number;
    stopped = 1;
}

static uint64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void *memory_of(size_t bytes)
{
    void *memory = mmap(NULL, bytes + HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *aligned = (char *)(((uintptr_t)memory + HUGE - 1) / HUGE * HUGE);

    if (memory == MAP_FAILED)
        err(1, "mmap");
    madvise(aligned, bytes, MADV_HUGEPAGE); /* in one piece, so that no request is split */
    return aligned;
}

static uint64_t next_place(struct load *load)
{
    if (!load->random)
        return load->at++ % load->places;
    load->state ^= load->state << 13;
    load->state ^= load->state >> 7;
    load->state ^= load->state << 17;
    return load->state % load->places;
}

/* Request `number` anew, at another place. */
static void prepare(struct load *load, unsigned number)
{
    const uint64_t place = next_place(load), offset = place * load->bytes;
    char *memory = load->memory + number * load->bytes;

    for (size_t at = 0; at < load->bytes; at += PAGE) {
        const uint64_t stamp = load->write ? offset + at + 1 : 0;

        memcpy(memory + at, &stamp, sizeof stamp);
    }
    load->blocks[number] = (struct iocb){
        .aio_data = number,
        .aio_lio_opcode = load->write ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD,
        .aio_fildes = (uint32_t)load->disk,
        .aio_buf = (uintptr_t)memory,
        .aio_nbytes = load->bytes,
        .aio_offset = (int64_t)offset,
    };
    load->seen[place] = 1;
    load->begun[number] = now();
}

static void submit(struct load *load, struct iocb **blocks, long count)
{
    while (count > 0) {
        const long done = syscall(SYS_io_submit, load->context, count, blocks);

        if (done <= 0 && errno != EINTR && errno != EAGAIN)
            err(1, "io_submit");
        if (done > 0) {
            blocks += done;
            count -= done;
        }
    }
}

static void check(struct load *load, const struct io_event *event)
{
    const unsigned number = (unsigned)event->data;
    const uint64_t offset = (uint64_t)load->blocks[number].aio_offset, took = now() - load->begun[number];
    const char *memory = load->memory + number * load->bytes;

    if (event->res != (int64_t)load->bytes)
        errx(1, "%s at %llu: %lld", load->write ? "write" : "read", (unsigned long long)offset,
             (long long)event->res);
    for (size_t at = 0; load->stamped && !load->write && at < load->bytes; at += PAGE) {
        uint64_t stamp;

        memcpy(&stamp, memory + at, sizeof stamp);
        if (stamp != offset + at + 1)
            errx(1, "at %llu: stamp %#llx", (unsigned long long)(offset + at), (unsigned long long)stamp);
    }
    if (load->done == TIMES_MAX)
        errx(1, "more than %d requests", TIMES_MAX);
    load->times[load->done++] = took < UINT32_MAX ? (uint32_t)took : UINT32_MAX;
}

static void run(struct load *load)
{
    struct io_event events[DEPTH_MAX];
    struct iocb *blocks[DEPTH_MAX];
    unsigned under_way = load->depth;

    for (unsigned i = 0; i < load->depth; i++) {
        prepare(load, i);
        blocks[i] = &load->blocks[i];
    }
    submit(load, blocks, load->depth);
    while (under_way > 0) {
        const long ended = syscall(SYS_io_getevents, load->context, 1, load->depth, events, NULL);
        long again = 0;

        if (ended < 0 && errno != EINTR)
            err(1, "io_getevents");
        for (long i = 0; i < ended; i++) {
            check(load, &events[i]);
            under_way--;
            if (stopped)
                continue;
            prepare(load, (unsigned)events[i].data);
            blocks[again++] = &load->blocks[events[i].data];
            under_way++;
        }
        submit(load, blocks, again);
    }
}

static int by_size(const void *left, const void *right)
{
    const uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

    return a < b ? -1 : a > b;
}

static void report(struct load *load, uint64_t took)
{
    uint64_t distinct = 0;

    for (uint64_t i = 0; i < load->places; i++)
        distinct += load->seen[i];
    qsort(load->times, load->done, sizeof *load->times, by_size);
    printf("%llu requests %llu places %u %u %u ns %llu in all\n", (unsigned long long)load->done,
           (unsigned long long)distinct, load->times[(load->done - 1) / 2],
           load->times[(load->done - 1) * 99 / 100], load->times[load->done - 1], (unsigned long long)took);
}

static bool one_of(const char *word, const char *yes, const char *no)
{
    if (strcmp(word, yes) != 0 && strcmp(word, no) != 0)
        errx(2, "'%s' is neither %s nor %s", word, yes, no);
    return strcmp(word, yes) == 0;
}

int main(int argc, char **argv)
{
    static struct load load;
    uint64_t size, begin;

    if (argc != 7)
        errx(2, "usage: load DEVICE read|write random|sequential BYTES DEPTH stamped|blank");
    load.write = one_of(argv[2], "write", "read");
    load.random = one_of(argv[3], "random", "sequential");
    load.stamped = one_of(argv[6], "stamped", "blank");
    load.bytes = strtoul(argv[4], NULL, 10);
    load.depth = (unsigned)strtoul(argv[5], NULL, 10);
    load.state = 88172645463325252;
    if (load.bytes == 0 || load.bytes % PAGE != 0 || load.depth < 1 || load.depth > DEPTH_MAX)
        errx(2, "BYTES must be a multiple of %d, DEPTH 1 to %d", PAGE, DEPTH_MAX);
    load.disk = open(argv[1], (load.write ? O_WRONLY : O_RDONLY) | O_DIRECT);
    if (load.disk < 0 || ioctl(load.disk, BLKGETSIZE64, &size) < 0)
        err(1, "%s", argv[1]);
    load.places = size / load.bytes;
    if (load.places == 0)
        errx(1, "%s is smaller than a request", argv[1]);
    load.memory = memory_of(load.bytes * load.depth);
    load.seen = memory_of(load.places);
    load.times = memory_of(TIMES_MAX * sizeof *load.times);
    if (syscall(SYS_io_setup, load.depth, &load.context) < 0)
        err(1, "io_setup");
    sigaction(SIGTERM, &(struct sigaction){ .sa_handler = stop }, NULL);
    begin = now();
    run(&load);
    report(&load, now() - begin);
    return 0;
}
