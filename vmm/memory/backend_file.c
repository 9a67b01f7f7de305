/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files, memfds and device memory: opened, created, sized, and taken back where the backend does not come
 * about.
 */
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

#include "base/message.h"
#include "memory/backend_memory.h"
#include "memory/dax.h"
#include "memory/hugepages.h"

#ifndef MFD_HUGE_SHIFT
#define MFD_HUGE_SHIFT 26
#endif

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
    else if (unlink(path) < 0)
        warning("%s is unused and cannot be removed: %s", path, strerror(errno));
    return fd;
}

static bool open_named(struct backend *backend, struct error *error)
{
    int access = backend->readonly ? O_RDONLY : O_RDWR;
    char why[FILE_WHY_SIZE];
    bool makes = false;

    backend->fd = file_open_regular(backend->mem_path, access, 0, why);
    if (backend->fd < 0 && errno == ENOENT && !backend->readonly) {
        /* The guest's memory: nobody else's to read. */
        backend->fd = file_open_regular(backend->mem_path, access | O_CREAT | O_EXCL, 0600, why);
        makes = backend->fd >= 0;
    }
    if (backend->fd < 0)
        return error_set(error, "can't open backing store %s for guest RAM: %s", backend->mem_path, why);
    return !makes || made_file_note(&backend->made, backend->mem_path) || error_set(error, "out of memory");
}

/* Before a file gets its size: hugetlbfs takes no other, and the kernel's words for that say nothing. */
static bool check_pages(const struct backend *backend, struct error *error)
{
    char what[SIZE_TEXT_MAX];
    char page[SIZE_TEXT_MAX];

    if (backend->size % backend->page_size != 0)
        return error_set(
            error,
            "%s: memory size must be multiple of the page size: %s is not a multiple of the page "
            "size, %s; the next is size=%llu",
            backend_type(backend->kind)->name, size_text(backend->size, what),
            size_text(backend->page_size, page),
            (unsigned long long)((backend->size / backend->page_size + 1) * backend->page_size));
    if (backend->offset % backend->page_size != 0)
        return error_set(error, "%s: offset %s is not a multiple of the page size, %s",
                         backend_type(backend->kind)->name, size_text(backend->offset, what),
                         size_text(backend->page_size, page));
    if (backend->align % backend->page_size != 0)
        return error_set(error, "alignment 0x%llx must be multiples of page size 0x%llx",
                         (unsigned long long)backend->align, (unsigned long long)backend->page_size);
    return true;
}

static bool give_size(struct backend *backend, uint64_t length, struct error *error)
{
    uint64_t end = backend->offset + backend->size;
    char have[SIZE_TEXT_MAX];
    char want[SIZE_TEXT_MAX];

    /* A file that is there but holds less is somebody's file: don't grow it behind their back. */
    if (length > 0 && length < end)
        return error_set(
            error,
            "backing store size %s of '%s' does not match 'size' option %s%s: the file is too small; enlarge it with truncate -s %llu '%s'",
            size_text(length, have), backend->mem_path, size_text(backend->size, want),
            backend->offset ? " at its offset" : "", (unsigned long long)end, backend->mem_path);
    if (length == 0 && backend->readonly)
        return error_set(error,
                         "backing store '%s' is empty, and readonly=on prevents it from being enlarged",
                         backend->mem_path);
    if (length > 0)
        return true;
    if (ftruncate(backend->fd, (off_t)end) < 0) {
        const int why = errno;

        return error_set(error, "can't resize '%s' to %s: %s", backend->mem_path, size_text(end, want),
                         strerror(why));
    }
    backend->grown = true;
    return true;
}

/* ---- device memory ---- */

static bool check_dax(const struct backend *backend, const struct dax *dax, struct error *error)
{
    char have[SIZE_TEXT_MAX];
    char want[SIZE_TEXT_MAX];

    if (!backend->share)
        return error_set(error, "'%s' is device memory (DAX), which can only be shared: add share=on",
                         backend->mem_path);
    if (backend->discard_data)
        return error_set(error,
                         "'%s' is device memory (DAX), which cannot be discarded: omit discard-data=on",
                         backend->mem_path);
    if (backend->align > 0 && backend->align < dax->align)
        return error_set(error,
                         "backing store align 0x%llx is larger than 'align' option 0x%llx; omit align: the "
                         "default is the device's",
                         (unsigned long long)dax->align, (unsigned long long)backend->align);
    if (!check_pages(backend, error))
        return false;
    if (backend->offset + backend->size <= dax->size)
        return true;
    return error_set(
        error, "backing store size %s of '%s' does not match 'size' option %s%s: the device is too small",
        size_text(dax->size, have), backend->mem_path, size_text(backend->size, want),
        backend->offset ? " at its offset" : "");
}

/* Neither created nor sized, and its size is not what fstat() says: sysfs tells what it is before it is
 * opened. */
static bool open_dax(struct backend *backend, dev_t device, struct error *error)
{
    const int access = backend->readonly ? O_RDONLY : O_RDWR;
    struct stat status;
    struct dax dax;

    if (!dax_inspect(device, &dax, error))
        return error_prefix(error, "mem-path '%s': ", backend->mem_path);
    backend->dax = true;
    if (dax.align > backend->page_size)
        backend->page_size = dax.align;
    if (!check_dax(backend, &dax, error))
        return false;
    backend->fd = open(backend->mem_path, access | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (backend->fd < 0)
        return error_set(error, "can't open backing store %s for guest RAM: %s", backend->mem_path,
                         strerror(errno));
    if (fstat(backend->fd, &status) == 0 && S_ISCHR(status.st_mode) && status.st_rdev == device)
        return true;
    return error_set(error, "mem-path '%s': it was replaced while it was opened", backend->mem_path);
}

/* ---- which of them ---- */

static bool open_file(struct backend *backend, struct error *error)
{
    struct stat status;
    struct statfs filesystem;

    if (stat(backend->mem_path, &status) == 0 && S_ISCHR(status.st_mode) && dax_is(status.st_rdev))
        return open_dax(backend, status.st_rdev, error);
    backend->unnamed = stat(backend->mem_path, &status) == 0 && S_ISDIR(status.st_mode);
    if (backend->unnamed && backend->readonly)
        return error_set(error, "mem-path '%s' is a directory: readonly=on requires a file",
                         backend->mem_path);
    if (backend->unnamed)
        backend->fd = open_unnamed(backend->mem_path, error);
    else if (!open_named(backend, error))
        return false;
    if (backend->fd < 0)
        return false;
    if (fstat(backend->fd, &status) < 0 || fstatfs(backend->fd, &filesystem) < 0)
        return error_set(error, "mem-path '%s': %s", backend->mem_path, strerror(errno));
    backend->huge = filesystem.f_type == HUGETLBFS_MAGIC;
    if (backend->huge)
        backend->page_size = (uint64_t)filesystem.f_bsize;
    return check_pages(backend, error) && give_size(backend, (uint64_t)status.st_size, error);
}

static bool seal(const struct backend *backend, struct error *error)
{
    if (fcntl(backend->fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) == 0)
        return true;
    return error_set(error, "failed to seal memfd: %s; use seal=off to create it unsealed", strerror(errno));
}

static bool no_such_pages(const struct backend *backend, struct error *error)
{
    char want[SIZE_TEXT_MAX];
    char sizes[256];

    return error_set(error, "hugetlbsize %s: this host does not support that huge page size; it supports %s",
                     size_text(backend->huge_size, want), hugepages_sizes(sizes, sizeof sizes));
}

static bool find_huge_pages(struct backend *backend, struct error *error)
{
    backend->huge = backend->hugetlb;
    if (!backend->hugetlb)
        return true;
    backend->page_size = backend->huge_size ? backend->huge_size : hugepages_default();
    if (backend->page_size == 0)
        return error_set(error, "hugetlb=on: this host's kernel does not support huge pages");
    return hugepages_have(backend->page_size) || no_such_pages(backend, error);
}

static bool open_memfd(struct backend *backend, struct error *error)
{
    unsigned flags = MFD_CLOEXEC | (backend->seal ? MFD_ALLOW_SEALING : 0);
    char want[SIZE_TEXT_MAX];

    if (!find_huge_pages(backend, error) || !check_pages(backend, error))
        return false;
    if (backend->huge)
        flags |= MFD_HUGETLB | (unsigned)__builtin_ctzll(backend->page_size) << MFD_HUGE_SHIFT;
    backend->fd = memfd_create("hotram-backend", flags);
    if (backend->fd < 0)
        return error_set(error, "failed to create memfd: %s", strerror(errno));
    if (ftruncate(backend->fd, (off_t)backend->size) < 0) {
        const int why = errno;

        return error_set(error, "failed to resize memfd to %s: %s", size_text(backend->size, want),
                         strerror(why));
    }
    return !backend->seal || seal(backend, error);
}

bool backend_open(struct backend *backend, struct error *error)
{
    backend->page_size = (uint64_t)sysconf(_SC_PAGESIZE);
    switch (backend->kind) {
    case BACKEND_FILE:
        return open_file(backend, error);
    case BACKEND_MEMFD:
        return open_memfd(backend, error);
    default:
        backend->shareable = backends_are_shared(backend->registry);
        return backend->shareable ? open_memfd(backend, error) : check_pages(backend, error);
    }
}

static bool foresee_file(struct backend *backend, struct error *error)
{
    struct stat status;
    struct statfs filesystem;

    if (stat(backend->mem_path, &status) < 0 || statfs(backend->mem_path, &filesystem) < 0)
        return error_set(error, "mem-path '%s': %s", backend->mem_path, strerror(errno));
    if (!S_ISDIR(status.st_mode))
        return error_set(
            error,
            "mem-path '%s' is not a directory: each DIMM needs its own file, which is created in a directory",
            backend->mem_path);
    if (backend->readonly)
        return error_set(error, "readonly=on: the guest writes to a DIMM");
    backend->huge = filesystem.f_type == HUGETLBFS_MAGIC;
    if (backend->huge)
        backend->page_size = (uint64_t)filesystem.f_bsize;
    return true;
}

bool backend_foresee(struct backend *backend, struct error *error)
{
    backend->page_size = (uint64_t)sysconf(_SC_PAGESIZE);
    switch (backend->kind) {
    case BACKEND_FILE:
        return foresee_file(backend, error);
    case BACKEND_MEMFD:
        return find_huge_pages(backend, error);
    default:
        return true;
    }
}

bool backend_is_short(const struct backend *backend, struct error *reason)
{
    uint64_t end = backend->offset + backend->size;
    struct stat status;
    char have[SIZE_TEXT_MAX];
    char want[SIZE_TEXT_MAX];

    if (backend->fd < 0 || backend->dax || fstat(backend->fd, &status) < 0 || (uint64_t)status.st_size >= end)
        return false;
    error_set(reason, "its file was truncated to %s of %s", size_text((uint64_t)status.st_size, have),
              size_text(end, want));
    return true;
}

void backend_close(struct backend *backend, bool failed)
{
    if (backend->fd < 0)
        return;
    if (failed && backend->made.path)
        made_file_remove(&backend->made);
    else if (failed && backend->grown && ftruncate(backend->fd, 0) < 0)
        backend->grown = false; /* it stays as large as it was made: zeros, as before */
    made_file_keep(&backend->made);
    close(backend->fd);
    backend->fd = -1;
}
