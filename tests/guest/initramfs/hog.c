/* SPDX-License-Identifier: BSD-2-Clause */
/* hog: hold memory inside a test guest until killed.
 *
 *   hog touch MIB   pages of a process: the kernel can move them elsewhere
 *   hog pin MIB     pages of pipe buffers: the kernel cannot move them, so a
 *                   memory block that holds one of them cannot be removed
 *
 * Says "holding" when it has all of it.
 */

#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum { MIB = 1 << 20 };

static void touch(size_t mib)
{
    char *memory = mmap(NULL, mib * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        err(1, "mmap of %zu MiB", mib);
    memset(memory, 0x5a, mib * MIB);
}

/* Fills one pipe per MiB: root may make a pipe as large as that. */
static void pin(size_t mib)
{
    static char data[MIB];
    struct rlimit files = { 2 * mib + 16, 2 * mib + 16 };
    int ends[2];

    if (setrlimit(RLIMIT_NOFILE, &files) < 0)
        err(1, "setrlimit");
    memset(data, 0x5a, sizeof data);
    for (size_t i = 0; i < mib; i++) {
        if (pipe2(ends, O_NONBLOCK) < 0)
            err(1, "pipe");
        if (fcntl(ends[1], F_SETPIPE_SZ, MIB) < 0)
            err(1, "F_SETPIPE_SZ");
        if (write(ends[1], data, sizeof data) != (ssize_t)sizeof data)
            err(1, "write to a pipe");
    }
}

int main(int argc, char **argv)
{
    size_t mib = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;

    if (mib > 0 && strcmp(argv[1], "touch") == 0)
        touch(mib);
    else if (mib > 0 && strcmp(argv[1], "pin") == 0)
        pin(mib);
    else
        errx(2, "usage: hog touch|pin MIB");
    puts("holding");
    fflush(stdout);
    for (;;)
        pause();
}
