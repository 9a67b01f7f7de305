/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For LD_PRELOAD: the file that $INJECT names says which calls fail, and how. A line each: "send 105" lets
 * send() fail with errno 105. The file is mapped before the program starts, since not every thread may open
 * files; a test changes it in place while the program runs. write() fails only for regular files.
 *
 * "dontneed slow", "mincore slow" and "pread slow" let these calls wait for as long as the line is there: a
 * test can then see what is answered meanwhile. "helper_empty" is that of all threads but the first:
 * an mmap() that takes the memory out of addresses which stay taken.
 *
 * Besides, the file holds a count (count.h): the n-th call of some kinds fails, or every n-th.
 */
#undef _FILE_OFFSET_BITS /* both names of pread() and ftruncate() are wanted */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "count.h"

/* The kernel, but by a name that is not replaced below, and with errno. */
#define KERNEL(...) REAL(syscall)(__VA_ARGS__)
#define REAL(name) ((__typeof__(name) *)dlsym(RTLD_NEXT, #name))

static volatile const char *orders;

__attribute__((constructor)) static void map_file(void)
{
    orders = (const char *)map_orders();
}

/* What the file says of a call: 0 nothing, an errno, or -1 for slow. */
static int look(const char *name)
{
    char text[TEXT_SIZE] = "";
    size_t length = strlen(name);

    for (size_t i = 0; orders && i < TEXT_SIZE - 1 && orders[i]; i++)
        text[i] = orders[i];
    for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n')
        if (strncmp(line, name, length) == 0 && line[length] == ' ')
            return strncmp(line + length + 1, "slow", 4) == 0 ? -1 : atoi(line + length + 1);
    return 0;
}

/* True: the call is to fail, and errno is set. */
static int fails(const char *name)
{
    int saved = errno;
    int what = look(name);

    if (what < 0 && count_page)
        count_of()->waiting++;
    while (what < 0) {
        nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
        what = look(name);
    }
    errno = what > 0 ? what : saved;
    return what > 0;
}

/* What qtest says is for a test in a guest's place, which the program's faults do not concern. */
static int to_qtest(const char *text, size_t length)
{
    return length >= 3 &&
           (strncmp(text, "OK", 2) == 0 || strncmp(text, "IRQ", 3) == 0 || strncmp(text, "MSI", 3) == 0);
}

ssize_t send(int fd, const void *bytes, size_t length, int flags)
{
    return (!to_qtest(bytes, length) && counted(COUNT_SEND)) || fails("send")
               ? -1
               : REAL(send)(fd, bytes, length, flags);
}

/* An eventfd has no type of file. */
static int has_type(const struct stat *file)
{
    return (file->st_mode & S_IFMT) != 0;
}

ssize_t write(int fd, const void *bytes, size_t length)
{
    struct stat file;

    if (fstat(fd, &file) == 0 &&
        ((has_type(&file) && counted(COUNT_WRITE)) || (S_ISREG(file.st_mode) && fails("write"))))
        return -1;
    return KERNEL(SYS_write, fd, bytes, length);
}

ssize_t pread(int fd, void *bytes, size_t length, off_t offset)
{
    return fails("pread") ? -1 : KERNEL(SYS_pread64, fd, bytes, length, offset);
}

ssize_t pread64(int fd, void *bytes, size_t length, off64_t offset)
{
    return pread(fd, bytes, length, offset);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
    return fails("pwrite") ? -1 : KERNEL(SYS_pwrite64, fd, bytes, length, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset)
{
    return pwrite(fd, bytes, length, offset);
}

ssize_t preadv(int fd, const struct iovec *iov, int count, off_t offset)
{
    return fails("preadv") ? -1 : KERNEL(SYS_preadv, fd, iov, count, offset, 0);
}

ssize_t preadv64(int fd, const struct iovec *iov, int count, off64_t offset)
{
    return preadv(fd, iov, count, offset);
}

ssize_t pwritev(int fd, const struct iovec *iov, int count, off_t offset)
{
    return fails("pwritev") ? -1 : KERNEL(SYS_pwritev, fd, iov, count, offset, 0);
}

ssize_t pwritev64(int fd, const struct iovec *iov, int count, off64_t offset)
{
    return pwritev(fd, iov, count, offset);
}

int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
    static const char *const names[] = {
        [EPOLL_CTL_ADD] = "epoll_add", [EPOLL_CTL_DEL] = "epoll_del", [EPOLL_CTL_MOD] = "epoll_mod"
    };

    return counted(COUNT_EPOLL_CTL) || fails(names[operation]) ? -1
                                                               : REAL(epoll_ctl)(epoll, operation, fd, event);
}

int flock(int fd, int operation)
{
    return fails("flock") ? -1 : REAL(flock)(fd, operation);
}

int listen(int fd, int backlog)
{
    return fails("listen") ? -1 : REAL(listen)(fd, backlog);
}

int ftruncate(int fd, off_t length)
{
    return counted(COUNT_FTRUNCATE) || fails("ftruncate") ? -1 : (int)KERNEL(SYS_ftruncate, fd, length);
}

int ftruncate64(int fd, off64_t length)
{
    return ftruncate(fd, length);
}

/* Of KVM's. */
int ioctl(int fd, unsigned long request, ...)
{
    static const struct {
        unsigned long request;
        const char *name;
    } names[] = {
        { KVM_SET_USER_MEMORY_REGION, "memslot_delete" },
        { KVM_SET_IRQCHIP, "KVM_SET_IRQCHIP" },
        { KVM_SET_PIT2, "KVM_SET_PIT2" },
        { KVM_SET_CLOCK, "KVM_SET_CLOCK" },
        { KVM_SET_MSRS, "KVM_SET_MSRS" },
        { KVM_GET_MSR_INDEX_LIST, "KVM_GET_MSR_INDEX_LIST" },
    };
    const struct kvm_userspace_memory_region *region;
    va_list arguments;
    void *what;

    va_start(arguments, request);
    what = va_arg(arguments, void *);
    va_end(arguments);
    region = what;
    if (ioctl_counts((uint32_t)request) && counted(COUNT_IOCTL))
        return -1;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (request == names[i].request &&
            (request != KVM_SET_USER_MEMORY_REGION || region->memory_size == 0) && fails(names[i].name))
            return -1;
    return (int)KERNEL(SYS_ioctl, fd, request, what);
}

int inotify_add_watch(int fd, const char *path, uint32_t mask)
{
    return fails("inotify_add_watch") ? -1 : REAL(inotify_add_watch)(fd, path, mask);
}

int munmap(void *address, size_t length)
{
    return counted(COUNT_MUNMAP) || fails("munmap") ? -1 : (int)KERNEL(SYS_munmap, address, length);
}

void *mremap(void *address, size_t old_length, size_t length, int flags, ...)
{
    va_list arguments;
    void *to;

    va_start(arguments, flags);
    to = flags & MREMAP_FIXED ? va_arg(arguments, void *) : NULL;
    va_end(arguments);
    return counted(COUNT_MREMAP) ? MAP_FAILED
                                 : (void *)KERNEL(SYS_mremap, address, old_length, length, flags, to);
}

int mincore(void *address, size_t length, unsigned char *answer)
{
    return fails("mincore") ? -1 : (int)KERNEL(SYS_mincore, address, length, answer);
}

/* Memory that is emptied before it is unmapped, or allocated (MADV_POPULATE_READ, MADV_POPULATE_WRITE). */
int madvise(void *address, size_t length, int advice)
{
    if ((advice == MADV_DONTNEED && fails("dontneed")) ||
        ((advice == 22 || advice == 23) && fails("populate")))
        return -1;
    return (int)KERNEL(SYS_madvise, address, length, advice);
}

/* ---- calls that are only counted ---- */

void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
    const bool empties = protection == PROT_NONE && flags & MAP_FIXED;

    return counted(COUNT_MMAP) || (empties && gettid() != getpid() && fails("helper_empty"))
               ? MAP_FAILED
               : (void *)KERNEL(SYS_mmap, address, length, protection, flags, fd, offset);
}

void *mmap64(void *address, size_t length, int protection, int flags, int fd, off64_t offset)
{
    return mmap(address, length, protection, flags, fd, offset);
}

/* Whatever the program has libc not for: mbind above all. */
long syscall(long number, ...)
{
    long argument[6];
    va_list arguments;

    va_start(arguments, number);
    for (size_t i = 0; i < 6; i++)
        argument[i] = va_arg(arguments, long);
    va_end(arguments);
    if (number == SYS_mbind && counted(COUNT_MBIND))
        return -1;
    return KERNEL(number, argument[0], argument[1], argument[2], argument[3], argument[4], argument[5]);
}

static mode_t mode_of(int flags, va_list arguments)
{
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
    va_list arguments;
    mode_t mode;

    va_start(arguments, flags);
    mode = mode_of(flags, arguments);
    va_end(arguments);
    return counted(COUNT_OPEN) ? -1 : REAL(open)(path, flags, mode);
}

int openat(int folder, const char *path, int flags, ...)
{
    va_list arguments;
    mode_t mode;

    va_start(arguments, flags);
    mode = mode_of(flags, arguments);
    va_end(arguments);
    return counted(COUNT_OPEN) ? -1 : REAL(openat)(folder, path, flags, mode);
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));
int openat64(int folder, const char *path, int flags, ...) __attribute__((alias("openat")));

FILE *fopen(const char *path, const char *mode)
{
    return counted(COUNT_OPEN) ? NULL : REAL(fopen)(path, mode);
}

FILE *fopen64(const char *path, const char *mode) __attribute__((alias("fopen")));

DIR *opendir(const char *path)
{
    return counted(COUNT_OPEN) ? NULL : REAL(opendir)(path);
}

int mkostemp(char *path, int flags)
{
    return counted(COUNT_OPEN) ? -1 : REAL(mkostemp)(path, flags);
}

int mkostemp64(char *path, int flags) __attribute__((alias("mkostemp")));

int posix_openpt(int flags)
{
    return counted(COUNT_OPEN) ? -1 : REAL(posix_openpt)(flags);
}

int memfd_create(const char *name, unsigned flags)
{
    return counted(COUNT_MEMFD) ? -1 : REAL(memfd_create)(name, flags);
}

/* Says what is wrong by its result. */
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *opaque)
{
    return counted(COUNT_THREAD) ? errno : REAL(pthread_create)(thread, attributes, run, opaque);
}

int fallocate(int fd, int mode, off_t offset, off_t length)
{
    return counted(COUNT_FALLOCATE) ? -1 : (int)KERNEL(SYS_fallocate, fd, mode, offset, length);
}

int fallocate64(int fd, int mode, off64_t offset, off64_t length)
{
    return fallocate(fd, mode, offset, length);
}

int accept(int fd, struct sockaddr *restrict address, socklen_t *restrict length)
{
    return counted(COUNT_ACCEPT) ? -1 : REAL(accept)(fd, address, length);
}

int accept4(int fd, struct sockaddr *restrict address, socklen_t *restrict length, int flags)
{
    return counted(COUNT_ACCEPT) ? -1 : REAL(accept4)(fd, address, length, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    return counted(COUNT_SEND) ? -1 : REAL(sendmsg)(fd, message, flags);
}
