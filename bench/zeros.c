/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * zeros FILE: how long a plain test takes that all pages of a file, mapped as a guest's memory is, are zero;
 * in seconds. See moved.py.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096u

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    const int fd = argc == 2 ? open(argv[1], O_RDONLY) : -1;
    const double begin = now();
    struct stat status;
    const unsigned char *memory;
    size_t zero = 0;

    if (fd < 0 || fstat(fd, &status) < 0)
        return 1;
    memory = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        return 1;
    for (size_t at = 0; at < (size_t)status.st_size; at += PAGE)
        zero += memory[at] == 0 && memcmp(memory + at, memory + at + 1, PAGE - 1) == 0;
    printf("%.6f\n", now() - begin);
    return zero * PAGE != (size_t)status.st_size;
}
