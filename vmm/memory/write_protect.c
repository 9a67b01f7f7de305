/* SPDX-License-Identifier: BSD-2-Clause */
#include "memory/write_protect.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ioctl.h>
#include <linux/types.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bits.h"

/* Linux 5.19 and 6.1; the headers may be older. */
#ifndef UFFD_FEATURE_WP_HUGETLBFS_SHMEM
#define UFFD_FEATURE_WP_HUGETLBFS_SHMEM (UINT64_C(1) << 12)
#endif
#ifndef USERFAULTFD_IOC_NEW
#define USERFAULTFD_IOC_NEW _IO(0xAA, 0x00)
#endif
/* Of each page's 64 bits in /proc/self/pagemap. */
#define PAGEMAP_PRESENT (UINT64_C(1) << 63)
#define PAGEMAP_SWAPPED (UINT64_C(1) << 62)
#define PAGES_AT_ONCE 512u

/* ---- the descriptor ---- */

/* KVM and the system calls of the program write to guest memory in the kernel, so UFFD_USER_MODE_ONLY, which
 * everybody may use, is not sufficient. */
static int open_any(void)
{
    const int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
    int device, why;

    if (fd >= 0 || errno != EPERM)
        return fd;
    device = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC);
    if (device < 0) {
        errno = EPERM;
        return -1;
    }
    errno = 0;
    const int made = ioctl(device, USERFAULTFD_IOC_NEW, O_CLOEXEC | O_NONBLOCK);
    why = errno;
    close(device);
    errno = why;
    return made;
}

static bool cannot_open(int why, struct error *error)
{
    if (why == EPERM)
        return error_set(
            error, "the host does not permit this program to use userfaultfd for the kernel's accesses: "
                   "it requires access to /dev/userfaultfd (Linux 6.1), vm.unprivileged_userfaultfd=1, or "
                   "CAP_SYS_PTRACE");
    return error_set(error, "the host's kernel lacks userfaultfd: %s", strerror(why));
}

/* A descriptor accepts one request for features. A kernel for an architecture without write protection
 * accepts it, and answers without them. */
static bool has_features(int fd, uint64_t features)
{
    struct uffdio_api api = { .api = UFFD_API, .features = features };

    return ioctl(fd, UFFDIO_API, &api) == 0 && (api.features & features) == features;
}

int write_protect_open(struct error *error)
{
    static const uint64_t features[] = {
        UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_WP_HUGETLBFS_SHMEM, /* Linux 5.19 */
        UFFD_FEATURE_PAGEFAULT_FLAG_WP,                                   /* anonymous memory: Linux 5.7 */
    };

    for (unsigned i = 0; i < sizeof features / sizeof features[0]; i++) {
        const int fd = open_any();

        if (fd < 0) {
            cannot_open(errno, error);
            return -1;
        }
        if (has_features(fd, features[i]))
            return fd;
        close(fd);
    }
    error_set(error,
              "the host's kernel cannot write-protect memory by userfaultfd, as Linux 5.7 and later can "
              "on x86-64, and 6.10 and later on arm64");
    return -1;
}

/* ---- protection ---- */

static bool change(int fd, void *memory, uint64_t size, uint64_t mode)
{
    struct uffdio_writeprotect range = { .range = { (uintptr_t)memory, size }, .mode = mode };
    int failed;

    do
        failed = ioctl(fd, UFFDIO_WRITEPROTECT, &range);
    while (failed && (errno == EAGAIN || errno == EINTR));
    return !failed;
}

bool write_protect(int fd, void *memory, uint64_t size, struct error *error)
{
    struct uffdio_register range = { .range = { (uintptr_t)memory, size }, .mode = UFFDIO_REGISTER_MODE_WP };

    if (ioctl(fd, UFFDIO_REGISTER, &range) < 0)
        return error_set(error, "the host's kernel cannot write-protect this memory: %s", strerror(errno));
    if (!(range.ioctls & UINT64_C(1) << _UFFDIO_WRITEPROTECT))
        return error_set(error, "the host's kernel cannot write-protect this kind of memory");
    if (change(fd, memory, size, UFFDIO_WRITEPROTECT_MODE_WP))
        return true;
    error_set(error, "the host's kernel does not write-protect memory: %s", strerror(errno));
    change(fd, memory, size, 0);
    return false;
}

void write_protect_lift(int fd, void *memory, uint64_t size)
{
    RESULT_DOES_NOT_MATTER(change(fd, memory, size, 0),
                           "of memory that is protected it fails only if the process ends");
}

/* Lifting does not make every page writable: the first write may have to copy it. A thread that has found it
 * protected, and is suspended there, takes that for protection, and waits after everybody has been woken. The
 * end of the registration excludes faults in progress, which lifting does not. */
void write_protect_end(int fd, void *memory, uint64_t size)
{
    struct uffdio_range range = { (uintptr_t)memory, size };

    write_protect_lift(fd, memory, size); /* kernels before 5.19 leave marks */
    RESULT_DOES_NOT_MATTER(ioctl(fd, UFFDIO_UNREGISTER, &range),
                           "of memory that is protected it fails only if the process ends");
}

void *write_protect_wait(int fd, int end)
{
    struct pollfd watched[] = { { .fd = fd, .events = POLLIN }, { .fd = end, .events = POLLIN } };
    struct uffd_msg message;

    for (;;) {
        const ssize_t length = read(fd, &message, sizeof message);

        if (length == (ssize_t)sizeof message && message.event == UFFD_EVENT_PAGEFAULT)
            return (void *)(uintptr_t)message.arg.pagefault.address;
        if (watched[1].revents)
            return NULL;
        RESULT_DOES_NOT_MATTER(poll(watched, 2, -1), "an interrupted one is repeated");
    }
}

/* ---- which pages exist ---- */

/* mincore() would not do: it does not tell a page that is in swap from one that has never existed. */
bool write_protect_find_pages(const void *memory, uint64_t size, uint64_t *bits, struct error *error)
{
    const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), first = (uintptr_t)memory / page;
    const uint64_t count = size / page, grains = page / WRITE_PROTECT_GRAIN;
    const int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    uint64_t pages[PAGES_AT_ONCE];
    bool good = fd >= 0;

    if (good)
        errno = EIO; /* if the kernel has nothing to say */
    for (uint64_t at = 0, got; good && at < count; at += got) {
        const uint64_t want = count - at < PAGES_AT_ONCE ? count - at : PAGES_AT_ONCE;
        const ssize_t length = pread(fd, pages, want * sizeof pages[0],
                                     (off_t)((first + at) * sizeof pages[0]));

        good = length >= (ssize_t)sizeof pages[0] || (length < 0 && errno == EINTR);
        got = length > 0 ? (uint64_t)length / sizeof pages[0] : 0;
        for (uint64_t i = 0; i < got; i++)
            if (pages[i] & (PAGEMAP_PRESENT | PAGEMAP_SWAPPED))
                bits_set(bits, (at + i) * grains, (at + i + 1) * grains);
    }
    if (!good)
        error_set(error, "/proc/self/pagemap, by which absent pages are known: %s", strerror(errno));
    if (fd >= 0)
        close(fd);
    return good;
}
