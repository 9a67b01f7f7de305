/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who makes which system call. A feature that makes a new one adds its row here, with the reason, in the same
 * change; tests/program/test_sandbox.py shows what is refused.
 */
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/kvm.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/userfaultfd.h>
#include <linux/vhost.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/sandbox.h"
#include "host/sandbox_calls.h"

#define ANY(name, kinds) \
    { \
        SCMP_SYS(name), kinds, 0, 0, 0 \
    }
#define ONLY(name, kinds, argument, mask, value) \
    { \
        SCMP_SYS(name), kinds, argument, mask, value \
    }
/* A request of ioctl: 32 bits, whatever the C library passes above them. */
#define REQUEST(request, kinds) ONLY(ioctl, kinds, 1, 0xffffffff, (uint32_t)(request))
/* All requests of one driver, by the letter in bits 8 to 15. */
#define DRIVER(letter, kinds) ONLY(ioctl, kinds, 1, 0xff00, (uint64_t)(letter) << 8)

/* Terminals of new C libraries: struct termios2 (asm-generic/ioctls.h), by the same numbers on both
 * architectures. */
#define REQUEST_TCGETS2 0x802c542au
#define REQUEST_TCSETS2 0x402c542bu
#define REQUEST_TCSETSW2 0x402c542cu
#define REQUEST_TCSETSF2 0x402c542du

#ifndef USERFAULTFD_IOC_NEW /* Linux 6.1 */
#define USERFAULTFD_IOC_NEW _IO(0xAA, 0x00)
#endif

/* The sanitizers allocate, look for stacks, and stop all threads to search for leaks: in such a build only.
 */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED true
#endif
#endif

#ifdef SANITIZED
#define OF_SANITIZER OF_ALL
#else
#define OF_SANITIZER 0u
#endif

const struct sandbox_call sandbox_calls[] = {
    /* Run the guest, change its interrupt lines, and say with which registers it broke. */
    REQUEST(KVM_RUN, OF_VCPU),
    REQUEST(KVM_IRQ_LINE, OF_VCPU | OF_IO),
    /* A guest that moves a BAR moves doorbells; one that programs or masks vectors changes routes and
       eventfds. */
    REQUEST(KVM_IOEVENTFD, OF_VCPU),
    REQUEST(KVM_IRQFD, OF_VCPU),
    REQUEST(KVM_SET_GSI_ROUTING, OF_VCPU),
    REQUEST(KVM_SIGNAL_MSI, OF_VCPU),
    /* A command to flash maps or unmaps it. */
    REQUEST(KVM_SET_USER_MEMORY_REGION, OF_VCPU | OF_FLASH),
    REQUEST(KVM_GET_REGS, OF_VCPU),
    REQUEST(KVM_GET_SREGS, OF_VCPU),
    REQUEST(KVM_GET_ONE_REG, OF_VCPU),
    /* Whether the guest has started a vCPU. */
    REQUEST(KVM_GET_MP_STATE, OF_VCPU),
#if defined(__aarch64__)
    /* Start one. */
    REQUEST(KVM_SET_ONE_REG, OF_VCPU),
    REQUEST(KVM_SET_MP_STATE, OF_VCPU),
    REQUEST(KVM_ARM_VCPU_INIT, OF_VCPU),
#endif
    /* Build, reset and change the machine. */
    DRIVER(KVMIO, OF_MAIN),
    /* Terminals: their settings, size, and the other side of a pseudo terminal. Not TIOCSTI, which types. */
    REQUEST(TCGETS, OF_MAIN),
    REQUEST(TCSETS, OF_MAIN),
    REQUEST(TCSETSW, OF_MAIN),
    REQUEST(TCSETSF, OF_MAIN),
    REQUEST(REQUEST_TCGETS2, OF_MAIN),
    REQUEST(REQUEST_TCSETS2, OF_MAIN),
    REQUEST(REQUEST_TCSETSW2, OF_MAIN),
    REQUEST(REQUEST_TCSETSF2, OF_MAIN),
    REQUEST(TIOCGWINSZ, OF_MAIN),
    REQUEST(TIOCSWINSZ, OF_MAIN),
    REQUEST(TIOCGPGRP, OF_MAIN),
    REQUEST(TIOCGPTN, OF_MAIN),
    REQUEST(TIOCSPTLCK, OF_MAIN),
    REQUEST(TIOCGPTPEER, OF_MAIN),
    REQUEST(FIONREAD, OF_MAIN),

    /* Take over a tap device that is open; a driver says which checksums and segments it leaves to the host.
     */
    REQUEST(TUNGETIFF, OF_MAIN),
    REQUEST(TUNSETVNETHDRSZ, OF_MAIN),
    REQUEST(TUNSETOFFLOAD, OF_MAIN | OF_IO),
    /* A device whose queues the kernel serves: memory that comes or goes; rings that change hands, with their
       interrupts; a card's pairs of queues that the driver does not use get no frames; a guest's address
       among sockets, and whether it can be reached. */
    REQUEST(VHOST_GET_FEATURES, OF_MAIN),
    REQUEST(VHOST_SET_OWNER, OF_MAIN),
    REQUEST(VHOST_SET_MEM_TABLE, OF_MAIN),
    REQUEST(VHOST_SET_FEATURES, OF_MAIN | OF_IO),
    REQUEST(VHOST_SET_VRING_NUM, OF_MAIN | OF_IO),
    REQUEST(VHOST_SET_VRING_BASE, OF_MAIN | OF_IO),
    REQUEST(VHOST_GET_VRING_BASE, OF_MAIN | OF_IO),
    REQUEST(VHOST_SET_VRING_ADDR, OF_MAIN | OF_IO),
    REQUEST(VHOST_SET_VRING_KICK, OF_MAIN | OF_IO),
    REQUEST(VHOST_SET_VRING_CALL, OF_MAIN | OF_IO),
    REQUEST(VHOST_SET_VRING_ERR, OF_MAIN | OF_IO),
    REQUEST(VHOST_NET_SET_BACKEND, OF_MAIN | OF_IO),
    REQUEST(TUNSETQUEUE, OF_MAIN | OF_IO),
    REQUEST(VHOST_VSOCK_SET_GUEST_CID, OF_MAIN),
    REQUEST(VHOST_VSOCK_SET_RUNNING, OF_MAIN | OF_IO),

    /* Locks and conditions. */
    ANY(futex, OF_ALL),
    /* Wake the main thread by its eventfd; a message on stderr, where that can take one. */
    ANY(write, OF_ALL),
    ANY(poll, OF_ALL),
    ANY(ppoll, OF_ALL),
    /* The same where stderr is a socket, as under systemd. */
    ONLY(sendto, OF_VCPU | OF_IO | OF_DISK | OF_HELPER, 0, 0xffffffff, STDERR_FILENO),
    /* Take other vCPUs out of the guest; stop or end oneself by a signal. */
    ONLY(tgkill, OF_ALL, 0, UINT64_MAX, SANDBOX_OWN_PID),
    ANY(getpid, OF_ALL),
    ANY(gettid, OF_ALL),
    ANY(rt_sigprocmask, OF_ALL),
    ANY(rt_sigreturn, OF_ALL),
    ANY(restart_syscall, OF_ALL),
    /* Clocks, where the kernel's are not readable without a call. */
    ANY(clock_gettime, OF_ALL),
    ANY(gettimeofday, OF_ALL),
    /* The end of a thread: its stack goes back. */
    ANY(exit, OF_ALL),
    ANY(exit_group, OF_ALL),
    ANY(madvise, OF_ALL),
    /* The C library's heap. Memory is never made executable. */
    ANY(brk, OF_ALL),
    ONLY(mmap, OF_ALL, 2, PROT_EXEC, 0),
    ONLY(mprotect, OF_ALL, 2, PROT_EXEC, 0),
    ANY(munmap, OF_ALL),
    ANY(mremap, OF_MAIN | OF_HELPER),

    /* Allocate and give back guest memory, and look where it is; read kernel and initrd into it. */
    ANY(mbind, OF_MAIN | OF_HELPER),
    ANY(mincore, OF_MAIN | OF_HELPER),
    ANY(msync, OF_MAIN | OF_HELPER),
    ANY(fallocate, OF_MAIN | OF_DISK | OF_HELPER),
    ANY(ftruncate, OF_MAIN | OF_HELPER),
    ANY(close, OF_MAIN | OF_HELPER),
    /* An I/O thread: also doorbells, which are eventfds, and sources of random bytes. */
    ANY(read, OF_MAIN | OF_IO | OF_HELPER),
    ANY(pread64, OF_MAIN | OF_HELPER),
    ANY(lseek, OF_MAIN | OF_HELPER),
    ANY(fstat, OF_MAIN | OF_HELPER),
    ANY(newfstatat, OF_MAIN | OF_HELPER),
    ANY(fadvise64, OF_MAIN | OF_HELPER),
    ANY(sched_yield, OF_MAIN | OF_HELPER),
    ANY(memfd_create, OF_MAIN),
    ANY(fstatfs, OF_MAIN),
    /* -overcommit mem-lock=on; of addresses that are only kept free nothing is locked,
     * also where a helper takes the memory out of them. */
    ANY(mlockall, OF_MAIN),
    ANY(munlock, OF_MAIN | OF_HELPER),

    /* The guest's disks, by threads of their own, whose lists are within main's. */
    ANY(preadv, OF_MAIN | OF_DISK),
    ANY(pwritev, OF_MAIN | OF_DISK),
    ANY(fdatasync, OF_MAIN | OF_DISK),
#ifdef HOTRAM_IO_URING
    /* Rings for these disks, which are restricted before anybody uses them (block/uring.c). Only main can
       make one. */
    ANY(io_uring_setup, OF_MAIN),
    ANY(io_uring_register, OF_MAIN),
    ANY(io_uring_enter, OF_MAIN | OF_IO),
#endif

    /* A snapshot in the background: memory is write-protected, and a thread lifts the protection of what it
       has written. */
    ONLY(userfaultfd, OF_MAIN, 0, 0xffffffff, O_CLOEXEC | O_NONBLOCK),
    REQUEST(USERFAULTFD_IOC_NEW, OF_MAIN),
    REQUEST(UFFDIO_API, OF_MAIN),
    REQUEST(UFFDIO_REGISTER, OF_MAIN),
    REQUEST(UFFDIO_WRITEPROTECT, OF_MAIN | OF_HELPER),
    REQUEST(UFFDIO_UNREGISTER, OF_MAIN | OF_HELPER),

    /* Files: kernels, images, memory, logs, what /proc and /sys say of the host. */
    ANY(openat, OF_MAIN),
    ANY(faccessat, OF_MAIN),
    ANY(faccessat2, OF_MAIN),
    ANY(access, OF_MAIN),
    ANY(readlink, OF_MAIN),
    ANY(readlinkat, OF_MAIN),
    ANY(getcwd, OF_MAIN),
    ANY(stat, OF_MAIN),
    ANY(lstat, OF_MAIN),
    ANY(statx, OF_MAIN),
    ANY(statfs, OF_MAIN),
    ANY(getdents64, OF_MAIN),
    ANY(pwrite64, OF_MAIN | OF_HELPER),
    ANY(readv, OF_MAIN),
    ANY(writev, OF_MAIN),
    ANY(flock, OF_MAIN),
    ANY(fcntl, OF_MAIN),
    ANY(dup, OF_MAIN),
    ANY(dup2, OF_MAIN),
    ANY(dup3, OF_MAIN),
    ANY(close_range, OF_MAIN),
    ANY(umask, OF_MAIN),
    /* A socket, a pid file or a file of memory that the program made goes with it. */
    ANY(unlink, OF_MAIN),
    ANY(unlinkat, OF_MAIN),
    ANY(rename, OF_MAIN),
    ANY(renameat, OF_MAIN),
    ANY(renameat2, OF_MAIN),
    /* The folder of control sockets; a socket is its owner's. */
    ANY(mkdir, OF_MAIN),
    ANY(mkdirat, OF_MAIN),
    ANY(chmod, OF_MAIN),
    ANY(fchmod, OF_MAIN),
    ANY(fchmodat, OF_MAIN),
    /* A daemon stands in the root folder. */
    ANY(chdir, OF_MAIN),

    /* Monitors and serial ports on sockets of this machine; no network. */
    ONLY(socket, OF_MAIN, 0, 0xffffffff, AF_UNIX),
    ONLY(socketpair, OF_MAIN, 0, 0xffffffff, AF_UNIX),
    ANY(bind, OF_MAIN),
    ANY(listen, OF_MAIN),
    ANY(accept, OF_MAIN),
    ANY(accept4, OF_MAIN),
    ANY(connect, OF_MAIN),
    ANY(getsockname, OF_MAIN),
    ANY(getpeername, OF_MAIN),
    ANY(getsockopt, OF_MAIN),
    ANY(setsockopt, OF_MAIN),
    ANY(sendto, OF_MAIN),
    /* An I/O thread: a back end of vhost-user gets memory and eventfds, passes the memory in which it notes
       its requests, and is cut off when it breaks the rules. */
    ANY(sendmsg, OF_MAIN | OF_IO),
    ANY(recvfrom, OF_MAIN),
    ANY(recvmsg, OF_MAIN | OF_IO),
    ANY(shutdown, OF_MAIN | OF_IO),

    /* The event loop: descriptors, timers, signals, posted work, files that change. */
    ANY(epoll_create1, OF_MAIN),
    ANY(epoll_ctl, OF_MAIN | OF_IO),
    ANY(epoll_wait, OF_MAIN | OF_IO),
    ANY(epoll_pwait, OF_MAIN | OF_IO),
    ANY(eventfd2, OF_MAIN),
    ANY(signalfd4, OF_MAIN),
    ANY(timerfd_create, OF_MAIN),
    ANY(timerfd_settime, OF_MAIN | OF_IO),
    ANY(pipe2, OF_MAIN),
    ANY(inotify_init1, OF_MAIN),
    ANY(inotify_add_watch, OF_MAIN),
    ANY(inotify_rm_watch, OF_MAIN),
    ANY(rt_sigaction, OF_MAIN),
    ANY(sigaltstack, OF_MAIN),
    ANY(clock_getres, OF_MAIN),
    ANY(clock_nanosleep, OF_MAIN | OF_IO | OF_HELPER),
    ANY(nanosleep, OF_MAIN | OF_IO | OF_HELPER),

    /* Threads, never processes; each narrows its list. */
    ONLY(clone, OF_MAIN, 0, CLONE_THREAD, CLONE_THREAD),
    ANY(set_robust_list, OF_MAIN),
    ANY(rseq, OF_MAIN),
    ONLY(prctl, OF_MAIN, 0, 0xffffffff, PR_SET_NAME),
    ANY(seccomp, OF_MAIN),

    /* What the C library asks of the machine and of itself: limits, processors, random numbers for its heap.
     */
    ONLY(prlimit64, OF_MAIN, 2, UINT64_MAX, 0),
    ANY(getrlimit, OF_MAIN),
    ANY(sched_getaffinity, OF_MAIN),
    ANY(sysinfo, OF_MAIN),
    ANY(uname, OF_MAIN),
    ANY(getrandom, OF_MAIN | OF_IO | OF_HELPER),
    ANY(getuid, OF_MAIN),
    ANY(geteuid, OF_MAIN),
    ANY(getgid, OF_MAIN),
    ANY(getegid, OF_MAIN),
    ANY(getppid, OF_MAIN),

    ANY(clone, OF_SANITIZER),
    ANY(open, OF_SANITIZER),
    ANY(getdents, OF_SANITIZER),
    ANY(stat, OF_SANITIZER),
    ANY(lstat, OF_SANITIZER),
    ANY(fstat, OF_SANITIZER),
    ANY(newfstatat, OF_SANITIZER),
    ANY(waitid, OF_SANITIZER),
    ANY(tkill, OF_SANITIZER),
    ANY(tgkill, OF_SANITIZER),
    ANY(kill, OF_SANITIZER),
    ANY(mremap, OF_SANITIZER),
    ANY(getppid, OF_SANITIZER),
    ANY(ptrace, OF_SANITIZER),
    ANY(wait4, OF_SANITIZER),
    ANY(prctl, OF_SANITIZER),
    ANY(personality, OF_SANITIZER),
    ANY(getdents64, OF_SANITIZER),
    ANY(openat, OF_SANITIZER),
    ANY(read, OF_SANITIZER),
    ANY(close, OF_SANITIZER),
    ANY(readlink, OF_SANITIZER),
    ANY(sched_yield, OF_SANITIZER),
    ANY(sigaltstack, OF_SANITIZER),
    ANY(rt_sigaction, OF_SANITIZER),
    ANY(getrlimit, OF_SANITIZER),
    ANY(prlimit64, OF_SANITIZER),
    ANY(pipe, OF_SANITIZER),
    ANY(process_vm_readv, OF_SANITIZER),
};
const size_t sandbox_call_count = sizeof sandbox_calls / sizeof sandbox_calls[0];
