/* SPDX-License-Identifier: BSD-2-Clause */
#include "memory/backend_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* Transparent huge pages need the mapping aligned to theirs, on the host and in the guest. */
#define HUGE_PAGE (UINT64_C(2) << 20)

/* A file in a directory gets a name only for as long as it takes to open it. */
static int open_unnamed(const char *directory, struct error *error)
{
    char path[4096];
    int fd;

    if (snprintf(path, sizeof path, "%s/hotram-XXXXXX", directory) >= (int)sizeof path) {
        error_set(error, "mem-path '%s' is too long", directory);
        return -1;
    }
    fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        error_set(error, "can't create a file in the directory mem-path '%s': %s", directory,
                  strerror(errno));
    else
        unlink(path);
    return fd;
}

static bool file_size_fits(struct backend *backend, const struct stat *status, struct error *error)
{
    uint64_t length = (uint64_t)status->st_size;
    char have[SIZE_TEXT];
    char want[SIZE_TEXT];

    /* A file that is there but holds less is somebody's file: don't grow it behind their back. */
    if (length > 0 && length < backend->size)
        return error_set(error,
                         "backing store size %s of '%s' does not match 'size' option %s: the file is too "
                         "small; truncate -s %llu '%s' makes it large enough",
                         size_text(length, have), backend->mem_path, size_text(backend->size, want),
                         (unsigned long long)backend->size, backend->mem_path);
    if (length == 0 && ftruncate(backend->fd, (off_t)backend->size) < 0)
        return error_set(error, "can't give '%s' its size of %s: %s", backend->mem_path,
                         size_text(backend->size, want), strerror(errno));
    return true;
}

static bool open_file(struct backend *backend, struct error *error)
{
    struct stat status;
    struct statfs filesystem;
    bool made = false;

    if (stat(backend->mem_path, &status) == 0 && S_ISDIR(status.st_mode)) {
        backend->fd = open_unnamed(backend->mem_path, error);
        backend->unnamed = true;
        if (backend->fd < 0)
            return false;
    } else {
        backend->fd = open(backend->mem_path, O_RDWR | O_CLOEXEC);
        if (backend->fd < 0 && errno == ENOENT) {
            backend->fd = open(backend->mem_path, O_RDWR | O_CLOEXEC | O_CREAT | O_EXCL, 0644);
            made = backend->fd >= 0;
        }
        if (backend->fd < 0)
            return error_set(error, "can't open backing store %s for guest RAM: %s", backend->mem_path,
                             strerror(errno));
    }
    if (fstat(backend->fd, &status) < 0 || fstatfs(backend->fd, &filesystem) < 0)
        return error_set(error, "mem-path '%s': %s", backend->mem_path, strerror(errno));
    if (!S_ISREG(status.st_mode))
        return error_set(error, "mem-path '%s' is neither a regular file nor a directory", backend->mem_path);
    if (filesystem.f_type == HUGETLBFS_MAGIC)
        backend->page_size = (uint64_t)filesystem.f_bsize;
    if (file_size_fits(backend, &status, error))
        return true;
    if (made)
        unlink(backend->mem_path);
    return false;
}

static bool open_memfd(struct backend *backend, struct error *error)
{
    char want[SIZE_TEXT];

    backend->fd = memfd_create("hotram-backend", MFD_CLOEXEC);
    if (backend->fd < 0)
        return error_set(error, "memfd_create: %s", strerror(errno));
    if (ftruncate(backend->fd, (off_t)backend->size) < 0)
        return error_set(error, "can't give the memfd its size of %s: %s", size_text(backend->size, want),
                         strerror(errno));
    return true;
}

bool backend_open(struct backend *backend, struct error *error)
{
    char want[SIZE_TEXT];
    char page[SIZE_TEXT];

    backend->page_size = (uint64_t)sysconf(_SC_PAGESIZE);
    if (backend->size > INT64_MAX)
        return error_set(error, "%s: size %llu is too large: the limit is %lld bytes",
                         backend_kind_name(backend->kind), (unsigned long long)backend->size,
                         (long long)INT64_MAX);
    if (backend->kind == BACKEND_FILE && !open_file(backend, error))
        return false;
    if (backend->kind == BACKEND_MEMFD && !open_memfd(backend, error))
        return false;
    if (backend->size % backend->page_size != 0)
        return error_set(error, "%s: size %s is not a multiple of the page size, %s",
                         backend_kind_name(backend->kind), size_text(backend->size, want),
                         size_text(backend->page_size, page));
    return true;
}

/* Reserve address space with room for alignment, then put the mapping at an aligned place in it. */
static void *map_aligned(const struct backend *backend, int flags)
{
    uint64_t align = backend->page_size > HUGE_PAGE ? backend->page_size : HUGE_PAGE;
    uint8_t *room = mmap(NULL, backend->size + align, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                         -1, 0);
    uint8_t *start;
    void *memory;

    if (room == MAP_FAILED)
        return MAP_FAILED;
    start = (uint8_t *)(((uintptr_t)room + align - 1) & ~(uintptr_t)(align - 1));
    memory = mmap(start, backend->size, PROT_READ | PROT_WRITE, flags | MAP_FIXED, backend->fd, 0);
    if (memory == MAP_FAILED) {
        int why = errno;

        munmap(room, backend->size + align);
        errno = why;
        return MAP_FAILED;
    }
    if (start > room)
        munmap(room, (size_t)(start - room));
    munmap(start + backend->size, (size_t)(room + align - start));
    return memory;
}

bool backend_map(struct backend *backend, struct error *error)
{
    int flags = (backend->share ? MAP_SHARED : MAP_PRIVATE) | (backend->fd < 0 ? MAP_ANONYMOUS : 0);
    char want[SIZE_TEXT];

    if (backend->memory)
        return true;
    /* Guest memory is used as the guest touches it; the host's overcommit rules would count all of it. */
    backend->memory = map_aligned(backend, flags | MAP_NORESERVE);
    if (backend->memory == MAP_FAILED) {
        int why = errno;

        backend->memory = NULL;
        if (backend->page_size > HUGE_PAGE / 2 && why == ENOMEM)
            return error_set(error,
                             "cannot set up guest memory '%s': %s needs %llu huge pages of %llu KiB, and "
                             "fewer are free; see /proc/sys/vm/nr_hugepages",
                             backend->id, size_text(backend->size, want),
                             (unsigned long long)(backend->size / backend->page_size),
                             (unsigned long long)(backend->page_size >> 10));
        return error_set(error, "cannot set up guest memory '%s': mapping %s: %s", backend->id,
                         size_text(backend->size, want), strerror(why));
    }
    if (backend->kind == BACKEND_RAM)
        madvise(backend->memory, backend->size, MADV_HUGEPAGE);
    if (!backend->dump)
        madvise(backend->memory, backend->size, MADV_DONTDUMP);
    return true;
}

void backend_release(struct backend *backend)
{
    if (!backend->memory)
        return;
    munmap(backend->memory, backend->size);
    backend->memory = NULL;
    /* Memory of a memfd or an unnamed file lives on without a mapping; nobody can name it any more. */
    if (backend->kind == BACKEND_MEMFD || backend->unnamed)
        fallocate(backend->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)backend->size);
}

void backend_close(struct backend *backend)
{
    if (backend->memory)
        munmap(backend->memory, backend->size);
    backend->memory = NULL;
    if (backend->fd >= 0)
        close(backend->fd);
    backend->fd = -1;
}
