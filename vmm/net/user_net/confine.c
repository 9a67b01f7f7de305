/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sandbox of the program for user networking: the sockets that it needs, and neither files for writing
 * nor programs.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/prctl.h>

#include "net/user_net/user_net.h"

#ifdef HOTRAM_SANDBOX
#include <seccomp.h>
#include <sys/mman.h>

/* Sockets of the guest's connections; ping. */
static const char *const calls[] = {
    "socket",
    "bind",
    "listen",
    "accept",
    "accept4",
    "connect",
    "shutdown",
    "getsockname",
    "getpeername",
    "getsockopt",
    "setsockopt",
    "sendto",
    "sendmsg",
    "recvfrom",
    "recvmsg",
    "read",
    "write",
    "readv",
    "writev",
    "close",
    "fcntl",
    "ioctl",
    "poll",
    "ppoll",
    /* The host's name server may change: /etc/resolv.conf is read again. */
    "newfstatat",
    "stat",
    "fstat",
    "statx",
    "lseek",
    /* The heap, clocks, locks, messages, random numbers of libslirp's and the C library's. */
    "brk",
    "munmap",
    "mremap",
    "madvise",
    "futex",
    "clock_gettime",
    "gettimeofday",
    "getrandom",
    "getpid",
    "gettid",
    "rt_sigreturn",
    "rt_sigprocmask",
    "restart_syscall",
    "tgkill",
    "exit",
    "exit_group",
};

static int fill(scmp_filter_ctx filter)
{
    int failed = 0;

    for (size_t i = 0; !failed && i < sizeof calls / sizeof calls[0]; i++) {
        const int number = seccomp_syscall_resolve_name(calls[i]);

        if (number >= 0) /* others are no calls of this architecture's */
            failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
    }
    if (!failed)
        failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                                  SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (!failed)
        failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                                  SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (!failed)
        failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
                                  SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY));
    return failed ? failed : seccomp_load(filter);
}

bool confine(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int failed = filter ? fill(filter) : -ENOMEM;

    if (filter)
        seccomp_release(filter);
    errno = -failed;
    return failed == 0;
}
#else
bool confine(void)
{
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}
#endif
