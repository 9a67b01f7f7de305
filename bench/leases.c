/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * leases REGIONS THREADS read|write: add so many regions to a map of guest memory (a DIMM of 1 GiB each),
 * have so many threads at once take and give back leases at random addresses, and say how many nanoseconds of
 * a thread's time one lease and its return take, in the slowest thread, in the fastest of some rounds. See
 * leases.py.
 */
#include <err.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kvm/vm.h"
#include "memory/guest_memory.h"

#define GIB (UINT64_C(1) << 30)
#define ADDRESSES 4096u /* a power of two */
#define LEASES 2000000u
#define ROUNDS 7u
#define THREADS_MAX 64u

static struct guest_memory *map;
static enum lease_direction direction;
static uint64_t address[ADDRESSES];
static pthread_barrier_t barrier;

/* No guest runs. */
bool vm_set_kvm_slot(const struct vm *vm, unsigned kvm_slot, uint64_t guest_address, uint64_t size,
                     void *memory, unsigned flags, struct error *error)
{
    (void)flags;
    (void)vm, (void)kvm_slot, (void)guest_address, (void)size, (void)memory, (void)error;
    return true;
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* Stores the nanoseconds of one lease. */
static void *take_and_return(void *opaque)
{
    double begin;

    pthread_barrier_wait(&barrier);
    begin = now();
    for (unsigned i = 0; i < LEASES; i++) {
        struct lease lease;

        if (!guest_memory_lease(map, GUEST_HOLDER_PROGRAM, direction, address[i % ADDRESSES], 16, &lease))
            errx(1, "no lease");
        lease_return(map, &lease);
    }
    *(double *)opaque = (now() - begin) / LEASES;
    return NULL;
}

static double slowest(unsigned threads)
{
    pthread_t thread[THREADS_MAX];
    double took[THREADS_MAX], most = 0;

    pthread_barrier_init(&barrier, NULL, threads);
    for (unsigned i = 0; i < threads; i++)
        if (pthread_create(&thread[i], NULL, take_and_return, &took[i]) != 0)
            errx(1, "no thread");
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(thread[i], NULL);
        most = took[i] > most ? took[i] : most;
    }
    pthread_barrier_destroy(&barrier);
    return most;
}

int main(int argc, char *argv[])
{
    const unsigned regions = argc == 4 ? (unsigned)atoi(argv[1]) : 0;
    const unsigned threads = argc == 4 ? (unsigned)atoi(argv[2]) : 0;
    static uint8_t memory[1]; /* never touched: the size is the guest's */
    double best = 0;
    struct error error;

    if (regions == 0 || threads == 0 || threads > THREADS_MAX)
        errx(1, "usage: leases REGIONS THREADS read|write");
    direction = strcmp(argv[3], "write") == 0 ? LEASE_WRITE : LEASE_READ;
    map = guest_memory_create(NULL, NULL, regions);
    for (unsigned i = 0; i < regions; i++)
        if (!map || !guest_memory_add(map, i * GIB, GIB, memory, &error))
            errx(1, "no map");
    srandom(1);
    for (unsigned i = 0; i < ADDRESSES; i++)
        address[i] = (uint64_t)random() % regions * GIB + (uint64_t)random() % (GIB - 16);
    for (unsigned i = 0; i < ROUNDS; i++) {
        double took = slowest(threads);

        best = best == 0 || took < best ? took : best;
    }
    printf("%.2f\n", best);
    guest_memory_destroy(map);
    return 0;
}
