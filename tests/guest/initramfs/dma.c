/* SPDX-License-Identifier: BSD-2-Clause */
/* dma: write to a disk and compare what it reads back, by direct I/O, until it is killed.
 *
 *   dma DEVICE WORKERS REGION
 *
 * Each worker has 8 MiB of the disk. A round fills fresh memory with a pattern of its own,
 * writes it, fills the memory with something else, reads, and compares. Memory is asked for
 * anew in each round, so it is where the kernel has some: in DIMMs, above the guest physical
 * address REGION, as long as some are there.
 *
 * On SIGTERM it says "ROUNDS rounds, PAGES pages in DIMMs" and ends with 0. A difference or
 * an error ends it at once, with a line and 1.
 */

#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SHARE = 8 << 20, CHUNK = 512 << 10, PAGE = 4096, WORKERS_MAX = 16 };

struct count {
    uint64_t rounds, pages;
};

static volatile sig_atomic_t stopped;

static void stop(int number)
{
    (void)number;
    stopped = 1;
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void fill(uint64_t *memory, uint64_t seed)
{
    for (size_t i = 0; i < SHARE / sizeof *memory; i++)
        memory[i] = next_random(&seed);
}

static void check(const uint64_t *memory, uint64_t seed, unsigned worker, uint64_t round)
{
    for (size_t i = 0; i < SHARE / sizeof *memory; i++) {
        const uint64_t wanted = next_random(&seed);

        if (memory[i] != wanted)
            errx(1, "worker %u, round %llu: byte %zu differs: %#llx instead of %#llx", worker,
                 (unsigned long long)round, i * sizeof *memory, (unsigned long long)memory[i],
                 (unsigned long long)wanted);
    }
}

static void transfer(int disk, char *memory, off_t from, bool is_write)
{
    for (size_t at = 0; at < SHARE; at += CHUNK) {
        const ssize_t done = is_write ? pwrite(disk, memory + at, CHUNK, from + (off_t)at)
                                      : pread(disk, memory + at, CHUNK, from + (off_t)at);

        if (done != CHUNK)
            err(1, "%s at %lld: %zd", is_write ? "write" : "read", (long long)(from + (off_t)at), done);
    }
}

/* How many of the memory's pages are above the address. */
static uint64_t pages_above(int pagemap, const char *memory, uint64_t region)
{
    uint64_t count = 0, entries[SHARE / PAGE];

    if (pread(pagemap, entries, sizeof entries, (off_t)((uintptr_t)memory / PAGE * 8)) != sizeof entries)
        err(1, "pagemap");
    for (size_t i = 0; i < SHARE / PAGE; i++)
        if (entries[i] >> 63 && (entries[i] & ((UINT64_C(1) << 55) - 1)) >= region / PAGE)
            count++;
    return count;
}

static void work(const char *device, unsigned worker, uint64_t region, struct count *count)
{
    const int disk = open(device, O_RDWR | O_DIRECT), pagemap = open("/proc/self/pagemap", O_RDONLY);
    const off_t from = (off_t)worker * SHARE;

    if (disk < 0 || pagemap < 0)
        err(1, "%s or pagemap", device);
    for (; !stopped; count->rounds++) {
        const uint64_t seed = (count->rounds + 1) * 1000 + worker;
        char *memory = mmap(NULL, SHARE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (memory == MAP_FAILED)
            err(1, "mmap");
        fill((uint64_t *)memory, seed);
        count->pages += pages_above(pagemap, memory, region);
        transfer(disk, memory, from, true);
        memset(memory, 0xa5, SHARE);
        transfer(disk, memory, from, false);
        check((uint64_t *)memory, seed, worker, count->rounds);
        munmap(memory, SHARE);
    }
    _exit(0);
}

int main(int argc, char **argv)
{
    const unsigned workers = argc == 4 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
    struct count *counts, sum = { 0, 0 };
    pid_t pids[WORKERS_MAX];
    int status;

    if (workers < 1 || workers > WORKERS_MAX)
        errx(2, "usage: dma DEVICE WORKERS(1 to %d) REGION", WORKERS_MAX);
    counts = mmap(NULL, workers * sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (counts == MAP_FAILED)
        err(1, "mmap");
    sigaction(SIGTERM, &(struct sigaction){ .sa_handler = stop }, NULL);
    for (unsigned i = 0; i < workers; i++) {
        pids[i] = fork();
        if (pids[i] < 0)
            err(1, "fork");
        if (pids[i] == 0)
            work(argv[1], i, strtoull(argv[3], NULL, 0), &counts[i]);
    }
    for (unsigned ended = 0; ended < workers; ended++) {
        while (wait(&status) < 0)
            if (errno == EINTR)
                for (unsigned i = 0; i < workers; i++)
                    kill(pids[i], SIGTERM);
        if (status != 0)
            errx(1, "a worker has ended with %#x", (unsigned)status);
    }
    for (unsigned i = 0; i < workers; i++) {
        sum.rounds += counts[i].rounds;
        sum.pages += counts[i].pages;
    }
    printf("%llu rounds, %llu pages in DIMMs\n", (unsigned long long)sum.rounds,
           (unsigned long long)sum.pages);
    return 0;
}
