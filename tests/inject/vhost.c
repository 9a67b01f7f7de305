/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For LD_PRELOAD: a /dev/vhost-vsock for machines whose kernel has none. It takes what the kernel takes, and
 * moves nothing. The file that $VHOST_STAND_IN names is mapped before the program starts, and tells a test
 * what was asked for (struct page). A descriptor of it is a memfd of the name NAME, also one that a test has
 * made and passed. /dev/vhost-net has no stand-in, but can fail in the same way.
 *
 * The kernel's rules are those of drivers/vhost/vsock.c: an owner, a CID that nobody else has, no way to
 * serve rings without an owner.
 */
#undef _FILE_OFFSET_BITS /* both names of open() are wanted */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/vhost.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NAME "vhost-vsock-stand-in"
#define DESCRIPTORS 1024
#define FEATURES (UINT64_C(1) << 1 | UINT64_C(1) << 28 | UINT64_C(1) << 29 | UINT64_C(1) << 32)

/* Little-endian, as tests/lib/vhost_stand_in.py has it. */
struct page {
    uint32_t open_errno;     /* set by the test: open() fails with it */
    uint32_t table_errno;    /* the same for VHOST_SET_MEM_TABLE */
    uint32_t taken_cid;      /* somebody else's */
    uint32_t tables, ranges; /* how many tables there were, and how many ranges the last one has */
    uint32_t running;
    uint32_t features; /* of the driver, the lower half */
};

static volatile struct page *page;
/* By descriptor. */
static struct {
    bool is_one, owned;
    uint64_t cid;
} known[DESCRIPTORS];

__attribute__((constructor)) static void map_page(void)
{
    const char *path = getenv("VHOST_STAND_IN");
    const int fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC) : -1;
    void *memory = fd >= 0 ? mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;

    if (memory != MAP_FAILED)
        page = memory;
    if (fd >= 0)
        close(fd);
}

/* Asked of each descriptor first, on the main thread. */
static bool look(int fd)
{
    char path[64], target[128] = "";

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return syscall(SYS_readlinkat, AT_FDCWD, path, target, sizeof target - 1) > 0 && strstr(target, NAME);
}

static int open_any(const char *path, int flags, unsigned mode)
{
    if (page && strcmp(path, "/dev/vhost-vsock") == 0) {
        errno = (int)page->open_errno;
        return errno ? -1 : (int)syscall(SYS_memfd_create, NAME, MFD_CLOEXEC);
    }
    if (page && page->open_errno && strcmp(path, "/dev/vhost-net") == 0) {
        errno = (int)page->open_errno;
        return -1;
    }
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

#define OPEN(name) \
    int name(const char *path, int flags, ...) \
    { \
        va_list list; \
        unsigned mode; \
        va_start(list, flags); \
        mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(list, unsigned) : 0; \
        va_end(list); \
        return open_any(path, flags, mode); \
    }
OPEN(open)
OPEN(open64)

int close(int fd)
{
    if (fd >= 0 && fd < DESCRIPTORS)
        memset(&known[fd], 0, sizeof known[fd]);
    return (int)syscall(SYS_close, fd);
}

static int fail(int failure)
{
    errno = failure;
    return failure ? -1 : 0;
}

static int set_cid(int fd, uint64_t cid)
{
    if (cid <= 2 || cid >= UINT32_MAX)
        return fail(EINVAL);
    for (int other = 0; other < DESCRIPTORS; other++)
        if (other != fd && known[other].cid == cid)
            return fail(EADDRINUSE);
    if (cid == page->taken_cid)
        return fail(EADDRINUSE);
    known[fd].cid = cid;
    return 0;
}

static int answer(int fd, unsigned request, void *argument)
{
    if (request == VHOST_GET_FEATURES) {
        *(uint64_t *)argument = FEATURES;
        return 0;
    }
    if (request == (unsigned)VHOST_VSOCK_SET_GUEST_CID)
        return set_cid(fd, *(uint64_t *)argument);
    if (request == VHOST_SET_OWNER) {
        if (known[fd].owned)
            return fail(EBUSY);
        known[fd].owned = true;
        return 0;
    }
    if (!known[fd].owned)
        return fail(EPERM);
    switch (request) {
    case VHOST_SET_MEM_TABLE:
        if (page->table_errno)
            return fail((int)page->table_errno);
        page->ranges = ((struct vhost_memory *)argument)->nregions;
        page->tables++;
        return 0;
    case VHOST_SET_FEATURES:
        page->features = (uint32_t) * (uint64_t *)argument;
        return *(uint64_t *)argument & ~FEATURES ? fail(EOPNOTSUPP) : 0;
    case VHOST_VSOCK_SET_RUNNING:
        page->running = *(uint32_t *)argument;
        return 0;
    default: /* rings: taken, and given back as they were */
        return 0;
    }
}

int ioctl(int fd, unsigned long request, ...)
{
    va_list list;
    void *argument;

    va_start(list, request);
    argument = va_arg(list, void *);
    va_end(list);
    if (page && fd >= 0 && fd < DESCRIPTORS && (uint32_t)request == VHOST_GET_FEATURES)
        known[fd].is_one = look(fd);
    if (page && fd >= 0 && fd < DESCRIPTORS && known[fd].is_one && _IOC_TYPE(request) == VHOST_VIRTIO)
        return answer(fd, (unsigned)request, argument);
    return (int)syscall(SYS_ioctl, fd, request, argument);
}
