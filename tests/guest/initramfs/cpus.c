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
 * starts another kernel in this one's place, without a reset of the machine.
 *
 * A failure ends it with a line and 1.
 */

#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
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

static void start_kernel(char **words)
{
    if (syscall(SYS_kexec_file_load, opened(words[0]), opened(words[1]), strlen(words[2]) + 1, words[2],
                0UL) != 0) {
        err(1, "kexec_file_load");
    }
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
