/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loaded into acpiexec with LD_PRELOAD: puts the registers of registers.c under its operation regions, and
 * gives the tests a prompt to wait for.
 *
 * acpiexec keeps a buffer for each region: malloc, memset with the value of its option -fv, then a memcpy for
 * every access. The memset with an unusual value and the length of one of our regions marks the buffer.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "registers.h"

#define FILL 0xa7        /* as acpica.py gives it to acpiexec */
#define THREADS_MAX 1024 /* at a time: two notifications for each of 256 slots, and some more */

/* ---- Registers ---- */

struct region {
    _Atomic(const uint8_t *) start;
    size_t length;
};

static struct region regions[DEVICES];

static void claim(const void *start, size_t length)
{
    enum device device = registers_with_length(length);

    if (device == NO_DEVICE)
        return;
    if (atomic_load(&regions[device].start))
        registers_die("two operation regions have the length of the same device");
    regions[device].length = length;
    atomic_store(&regions[device].start, start);
}

/* The device that an access belongs to. One that leaves its region is none of the interpreter's. */
static enum device find(const void *at, size_t width, uint32_t *offset)
{
    for (enum device device = BLOCK; device < DEVICES; device++) {
        const uint8_t *start = atomic_load(&regions[device].start);
        size_t distance = (uintptr_t)at - (uintptr_t)start;

        if (!start || distance >= regions[device].length)
            continue;
        if (width > regions[device].length - distance)
            registers_die("an access goes beyond the end of its operation region");
        *offset = (uint32_t)distance;
        return device;
    }
    return NO_DEVICE;
}

/* A loop, not the C library's function, which would be this one; volatile, so that the compiler does not make
 * a call of it. */
void *memset(void *at, int value, size_t length)
{
    for (volatile uint8_t *byte = at; byte < (uint8_t *)at + length; byte++)
        *byte = (uint8_t)value;
    if (value == FILL)
        claim(at, length);
    return at;
}

void *memcpy(void *restrict to, const void *restrict from, size_t length)
{
    uint32_t offset;
    uint32_t value = 0;
    enum device device = find(from, length, &offset);

    if (device != NO_DEVICE) {
        value = registers_read(device, offset, length);
        return memmove(to, &value, length);
    }
    device = find(to, length, &offset);
    if (device != NO_DEVICE) {
        memmove(&value, from, length <= sizeof value ? length : sizeof value);
        registers_write(device, offset, length, value);
        return to;
    }
    return memmove(to, from, length);
}

/* ---- Threads ---- */

/* acpiexec starts a thread for every notification. Linux has one queue for them (kacpi_notify_wq), so here
 * each thread waits until those before it are through. Not so the debugger's thread, which is started before
 * the first prompt and lives as long as the program. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool prompted;
    unsigned started;
    unsigned done;
} threads = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

struct thread {
    void *(*function)(void *);
    void *argument;
    bool has_turn;
    unsigned turn;
};

/* Wait until so many threads are through; the lock is held. */
static void wait_for(unsigned done)
{
    while (threads.done != done)
        pthread_cond_wait(&threads.changed, &threads.lock);
}

static void *run_in_turn(void *opaque)
{
    struct thread thread = *(struct thread *)opaque;

    free(opaque);
    if (!thread.has_turn)
        return thread.function(thread.argument);
    pthread_mutex_lock(&threads.lock);
    wait_for(thread.turn);
    pthread_mutex_unlock(&threads.lock);
    thread.function(thread.argument);
    pthread_mutex_lock(&threads.lock);
    threads.done++;
    pthread_cond_broadcast(&threads.changed);
    pthread_mutex_unlock(&threads.lock);
    return NULL;
}

int pthread_create(pthread_t *restrict handle, const pthread_attr_t *restrict attributes,
                   void *(*function)(void *), void *restrict argument)
{
    int (*create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    struct thread *thread = malloc(sizeof *thread);

    *(void **)&create = dlsym(RTLD_NEXT, "pthread_create");
    if (!create || !thread)
        registers_die("no thread");
    *thread = (struct thread){ .function = function, .argument = argument };
    pthread_mutex_lock(&threads.lock);
    thread->has_turn = threads.prompted;
    if (thread->has_turn)
        thread->turn = threads.started++;
    if (threads.started - threads.done > THREADS_MAX)
        registers_die("the AML notifies without end");
    pthread_mutex_unlock(&threads.lock);
    return create(handle, attributes, run_in_turn, thread);
}

/* After each command acpiexec sleeps in the hope that the threads end meanwhile. next_line() knows. */
int usleep(useconds_t microseconds)
{
    (void)microseconds;
    return 0;
}

/* ---- The prompt ---- */

static void wait_until_idle(void)
{
    pthread_mutex_lock(&threads.lock);
    threads.prompted = true;
    wait_for(threads.started);
    pthread_mutex_unlock(&threads.lock);
    registers_stay_idle();
}

/* The next line for the interpreter. Lines that begin with '@' are the host's. At each prompt what has
 * happened is printed. */
static bool next_line(char *line, int size)
{
    if (!registers_go_on())
        wait_until_idle();
    for (;;) {
        /* In one piece: a thread of the interpreter may be in the middle of a line of its own. */
        flockfile(stdout);
        putchar('\n');
        registers_print_log();
        puts("@prompt");
        fflush(stdout);
        funlockfile(stdout);
        if (!fgets(line, size, stdin))
            return false;
        if (line[0] != '@') {
            registers_begin();
            return true;
        }
        registers_command(line + 1);
    }
}

/* How acpiexec reads its commands. */
int getc(FILE *stream)
{
    static char line[256];
    static const char *next = line;

    if (stream != stdin)
        return fgetc(stream);
    if (*next == '\0') {
        if (!next_line(line, sizeof line))
            return EOF;
        next = line;
    }
    return (unsigned char)*next++;
}
