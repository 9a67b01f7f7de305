/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loaded into hotram (LD_PRELOAD): the first time that a thread of each kind makes the call by which it is
 * known, it tries what a thread that somebody else has taken over would try. Each attempt is one line "KIND
 * NAME ERRNO" in the file SANDBOX_PROBE, which is opened before the program starts. Where nothing refuses
 * them the attempts do no harm.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])
#define POPULATE_WRITE 23 /* MADV_POPULATE_WRITE */

#define REPORT 65536

static char *report;
static atomic_size_t used;

struct attempt {
    const char *name;
    long number;
    long arguments[6];
};

/* Addresses and numbers that nobody has, so that the kernel itself refuses with another errno than EPERM. */
#define NOWHERE 8
#define NOBODY 0x7ffffff
#define PATH (long)"/nowhere/at/all"

static const struct attempt everywhere[] = {
    { "execve", SYS_execve, { PATH, 0, 0 } },
    { "execveat", SYS_execveat, { AT_FDCWD, PATH, 0, 0, 0 } },
    { "clone3", SYS_clone3, { NOWHERE, 1 } },
    { "unshare", SYS_unshare, { 0x40 } },
    { "setns", SYS_setns, { -1, 0 } },
    { "ptrace", SYS_ptrace, { PTRACE_PEEKDATA, NOBODY, 0, 0 } },
    { "process_vm_readv", SYS_process_vm_readv, { NOBODY, NOWHERE, 1, NOWHERE, 1, 0 } },
    { "process_vm_writev", SYS_process_vm_writev, { NOBODY, NOWHERE, 1, NOWHERE, 1, 0 } },
    { "kill", SYS_kill, { NOBODY, 0 } },
    { "tgkill", SYS_tgkill, { NOBODY, NOBODY, 0 } },
    { "pidfd_open", SYS_pidfd_open, { NOBODY, 0 } },
    { "pidfd_getfd", SYS_pidfd_getfd, { -1, 0, 0 } },
    { "mount", SYS_mount, { NOWHERE, NOWHERE, NOWHERE, 0, 0 } },
    { "umount2", SYS_umount2, { PATH, 0 } },
    { "pivot_root", SYS_pivot_root, { NOWHERE, NOWHERE } },
    { "chroot", SYS_chroot, { PATH } },
    { "symlinkat", SYS_symlinkat, { PATH, AT_FDCWD, NOWHERE } },
    { "linkat", SYS_linkat, { AT_FDCWD, PATH, AT_FDCWD, PATH, 0 } },
    { "mknodat", SYS_mknodat, { AT_FDCWD, PATH, 0, 0 } },
    { "open_by_handle_at", SYS_open_by_handle_at, { AT_FDCWD, NOWHERE, 0 } },
    { "setresuid", SYS_setresuid, { -1, -1, -1 } },
    { "setresgid", SYS_setresgid, { -1, -1, -1 } },
    { "setgroups", SYS_setgroups, { 1, NOWHERE } },
    { "capset", SYS_capset, { NOWHERE, NOWHERE } },
    { "add_key", SYS_add_key, { NOWHERE, NOWHERE, 0, 0, 0 } },
    { "keyctl", SYS_keyctl, { -1 } },
    { "bpf", SYS_bpf, { -1, NOWHERE, 1 } },
    { "perf_event_open", SYS_perf_event_open, { NOWHERE, 0, -1, -1, 0 } },
    { "finit_module", SYS_finit_module, { -1, NOWHERE, 0 } },
    { "reboot", SYS_reboot, { 0, 0, 0 } },
    { "userfaultfd", SYS_userfaultfd, { -1 } },
    { "personality", SYS_personality, { 0xffffffff } },
    { "sched_setscheduler", SYS_sched_setscheduler, { 0, -1, NOWHERE } },
    { "setrlimit", SYS_prlimit64, { 0, RLIMIT_CORE, NOWHERE, 0 } },
    { "sethostname", SYS_sethostname, { NOWHERE, 1 } },
    { "settimeofday", SYS_settimeofday, { NOWHERE, 0 } },
    { "dumpable", SYS_prctl, { PR_SET_DUMPABLE, 99 } },
    { "internet", SYS_socket, { AF_INET, -1, 0 } },
    { "netlink", SYS_socket, { AF_NETLINK, -1, 0 } },
    { "type-ahead", SYS_ioctl, { -1, TIOCSTI, NOWHERE } },
    { "block-device", SYS_ioctl, { -1, 0x1260, NOWHERE } },
    { "executable", SYS_mmap, { 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, -1, 0 } },
    { "executable-later", SYS_mprotect, { 1, 4096, PROT_READ | PROT_EXEC } },
    { "fork", SYS_clone, { SIGCHLD | CLONE_SIGHAND, 0, 0, 0, 0 } },
};

/* What the main thread may do, but not these. */
static const struct attempt not_main[] = {
    { "io_uring_setup", SYS_io_uring_setup, { 0, NOWHERE } },
    { "openat", SYS_openat, { AT_FDCWD, PATH, O_RDONLY } },
    { "unlinkat", SYS_unlinkat, { AT_FDCWD, PATH, 0 } },
    { "unix", SYS_socket, { AF_UNIX, -1, 0 } },
    { "connect", SYS_connect, { -1, 0, 0 } },
    { "sendmsg", SYS_sendmsg, { -1, 0, 0 } },
    { "chmod", SYS_fchmodat, { AT_FDCWD, PATH, 0 } },
    { "thread", SYS_clone, { CLONE_THREAD, 0, 0, 0, 0 } },
    { "filter", SYS_seccomp, { -1, 0, 0 } },
    { "chdir", SYS_chdir, { PATH } },
};

static const struct attempt not_vcpu[] = {
    { "read", SYS_read, { -1, NOWHERE, 1 } },
    { "close", SYS_close, { -1 } },
    { "fallocate", SYS_fallocate, { -1, 0, 0, 1 } },
    { "pread", SYS_pread64, { -1, NOWHERE, 1, 0 } },
    { "memory-slot", SYS_ioctl, { -1, (long)KVM_SET_USER_MEMORY_REGION, NOWHERE } },
};

static void say(const char *kind, const char *name, int number)
{
    char line[128];
    size_t length = (size_t)snprintf(line, sizeof line, "%s %s %d\n", kind, name, number);
    size_t at = atomic_fetch_add(&used, length);

    if (at + length > REPORT)
        abort();
    memcpy(report + at, line, length);
}

static void try(const char *kind, const struct attempt *attempts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const long *a = attempts[i].arguments;

        errno = 0;
        say(kind, attempts[i].name,
            syscall(attempts[i].number, a[0], a[1], a[2], a[3], a[4], a[5]) == -1 ? errno : 0);
    }
}

static void probe(const char *kind)
{
    int before = errno;

    try(kind, everywhere, COUNT_OF(everywhere));
    if (strcmp(kind, "main") != 0)
        try(kind, not_main, COUNT_OF(not_main));
    if (strcmp(kind, "vcpu") == 0)
        try(kind, not_vcpu, COUNT_OF(not_vcpu));
    say(kind, "end", 0);
    errno = before;
}

static void once(atomic_flag *done, const char *kind)
{
    if (report && !atomic_flag_test_and_set(done))
        probe(kind);
}

__attribute__((constructor)) static void map_report(void)
{
    const char *path = getenv("SANDBOX_PROBE");
    int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    void *memory = MAP_FAILED;

    if (fd >= 0 && ftruncate(fd, REPORT) == 0)
        memory = mmap(NULL, REPORT, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory != MAP_FAILED)
        report = memory;
    if (fd >= 0)
        close(fd);
}

int ioctl(int fd, unsigned long request, ...)
{
    static atomic_flag done = ATOMIC_FLAG_INIT;
    va_list list;
    void *argument;

    va_start(list, request);
    argument = va_arg(list, void *);
    va_end(list);
    if (request == KVM_RUN)
        once(&done, "vcpu");
    return (int)syscall(SYS_ioctl, fd, request, argument);
}

int epoll_wait(int fd, struct epoll_event *events, int most, int timeout)
{
    static atomic_flag done = ATOMIC_FLAG_INIT;

    once(&done, "main");
    return epoll_pwait(fd, events, most, timeout, NULL);
}

int madvise(void *address, size_t size, int advice)
{
    static atomic_flag done = ATOMIC_FLAG_INIT;

    if (advice == POPULATE_WRITE)
        once(&done, "helper");
    return (int)syscall(SYS_madvise, address, size, advice);
}
