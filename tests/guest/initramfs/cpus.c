/* SPDX-License-Identifier: BSD-2-Clause */
/* cpus: what tests of CPUs that come and go do in a guest.
 *
 *   cpus clocks FIRST SECOND ROUNDS
 *
 * moves from one CPU to the other and back, and reads the processor's counter (TSC; on arm64 the virtual
 * counter) and the system's clock on each. It says how often each of them was behind what it had been on the
 * other CPU: 0, unless one CPU's is later than the other's by more than a move takes.
 *
 *   counter N clock M
 *
 *   cpus kexec KERNEL INITRD COMMAND-LINE
 *
 * starts another kernel in this one's place, without a reset of the machine. On arm64, whose Debian kernels
 * have kexec_load() alone, of the two calls, the kernel is an Image, the machine has ACPI and 512 MiB of RAM
 * or more, and the command line is at most as long as the present one.
 *
 * A failure ends it with a line and 1.
 */

#define _GNU_SOURCE
#include <endian.h>
#include <err.h>
#include <fcntl.h>
#include <linux/kexec.h>
#include <linux/reboot.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void move_to(int cpu)
{
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET((size_t)cpu, &only);
    if (sched_setaffinity(0, sizeof only, &only) != 0) {
        err(1, "CPU %d", cpu);
    }
}

static uint64_t counter(void)
{
#if defined(__x86_64__)
    uint32_t low, high;
    __asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
#else
    uint64_t value;
    __asm__ volatile("isb; mrs %0, cntvct_el0" : "=r"(value) : : "memory");
    return value;
#endif
}

static uint64_t clock_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void compare_clocks(char **words)
{
    int cpus[2] = { atoi(words[0]), atoi(words[1]) }, rounds = atoi(words[2]);
    uint64_t last_counter = 0, last_clock = 0;
    unsigned behind = 0, late = 0;
    for (int round = 0; round < 2 * rounds; round++) {
        move_to(cpus[round % 2]);
        uint64_t now = clock_now(), ticks = counter();
        behind += ticks < last_counter;
        late += now < last_clock;
        last_counter = ticks;
        last_clock = now;
    }
    printf("counter %u clock %u\n", behind, late);
}

static int opened(const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        err(1, "%s", path);
    }
    return file;
}

#if defined(__x86_64__)
static void load_kernel(char **words)
{
    if (syscall(SYS_kexec_file_load, opened(words[0]), opened(words[1]), strlen(words[2]) + 1, words[2],
                0UL) != 0) {
        err(1, "kexec_file_load");
    }
}
#else
/* Places in RAM, which begins at 1 GiB: behind this kernel's Image, and the tables that are behind it, which
 * the other one reads again. */
#define KERNEL 0x50000000UL
#define INITRD 0x54000000UL
#define TREE 0x5a000000UL
#define ENTRY 0x5b000000UL
#define PAGE 4096UL

static struct kexec_segment segment(const char *path, uint64_t place, size_t more)
{
    int file = opened(path);
    size_t size = 0, room = 64 << 20;
    char *bytes = malloc(room);
    ssize_t count;
    while (bytes && (count = read(file, bytes + size, room - size)) > 0) {
        size += (size_t)count;
    }
    if (size == 0 || size == room) {
        errx(1, "%s: cannot be read, or too large", path);
    }
    return (struct kexec_segment){ bytes, size, (void *)place, (size + more + PAGE - 1) & ~(PAGE - 1) };
}

static uint32_t cell(const char *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return be32toh(value);
}

static void change(char *value, uint32_t size, const char *name, uint64_t initrd_size, const char *line)
{
    uint64_t start = htobe64(INITRD), end = htobe64(INITRD + initrd_size);
    if (strcmp(name, "linux,initrd-start") == 0 && size == sizeof start) {
        memcpy(value, &start, sizeof start);
    } else if (strcmp(name, "linux,initrd-end") == 0 && size == sizeof end) {
        memcpy(value, &end, sizeof end);
    } else if (strcmp(name, "bootargs") == 0) {
        if (strlen(line) >= size) {
            errx(1, "this kernel's command line is too short");
        }
        memset(value, 0, size);
        memcpy(value, line, strlen(line));
    }
}

/* This kernel's own device tree, which says where the tables are (Devicetree Specification 0.4, 5). */
static void change_tree(char *tree, uint64_t initrd_size, const char *line)
{
    char *at = tree + cell(tree + 8);
    const char *names = tree + cell(tree + 12);
    for (uint32_t token; (token = cell(at)) != 9;) {
        at += 4;
        if (token == 1) {
            at += (strlen(at) + 4) & ~3UL;
        } else if (token == 3) {
            uint32_t size = cell(at);
            change(at + 8, size, names + cell(at + 4), initrd_size, line);
            at += 8 + ((size + 3) & ~3UL);
        }
    }
}

/* Linux jumps here with nothing in its registers; an Image wants its tree's address in x0, and zeros in the
 * next three. */
static const struct {
    uint32_t code[6];
    uint64_t tree, kernel;
} entry = { { 0x580000c0,   /* ldr x0, tree */
              0x580000e4,   /* ldr x4, kernel */
              0xaa1f03e1,   /* mov x1, xzr */
              0xaa1f03e2,   /* mov x2, xzr */
              0xaa1f03e3,   /* mov x3, xzr */
              0xd61f0080 }, /* br x4 */
            TREE,
            KERNEL };

static void load_kernel(char **words)
{
    /* Behind the file an Image has variables. */
    struct kexec_segment segments[] = {
        segment(words[0], KERNEL, 8 << 20),
        segment(words[1], INITRD, 0),
        segment("/sys/firmware/fdt", TREE, 0),
        { &entry, sizeof entry, (void *)ENTRY, PAGE },
    };
    change_tree((char *)segments[2].buf, segments[1].bufsz, words[2]);
    if (syscall(SYS_kexec_load, ENTRY, 4UL, segments, (unsigned long)KEXEC_ARCH_AARCH64) != 0) {
        err(1, "kexec_load");
    }
}
#endif

static void start_kernel(char **words)
{
    load_kernel(words);
    sync();
    syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_KEXEC, NULL);
    err(1, "reboot");
}

int main(int count, char **words)
{
    if (count == 5 && strcmp(words[1], "clocks") == 0) {
        compare_clocks(words + 2);
        return 0;
    }
    if (count == 5 && strcmp(words[1], "kexec") == 0) {
        start_kernel(words + 2);
    }
    errx(1, "clocks FIRST SECOND ROUNDS, or kexec KERNEL INITRD COMMAND-LINE");
}
