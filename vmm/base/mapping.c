/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/mapping.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "base/message.h"
#include "base/pace.h"
#include "base/props.h"

bool mapping_withhold(void *memory, size_t size)
{
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
    void *none = mmap(memory, size, PROT_NONE, flags, -1, 0);

    /* Where all memory is locked, the kernel counts both for a moment: then what was there is unlocked. */
    if (none == MAP_FAILED && errno == EAGAIN && munlock(memory, size) == 0)
        none = mmap(memory, size, PROT_NONE, flags, -1, 0);
    if (none == MAP_FAILED)
        return false;
    RESULT_DOES_NOT_MATTER(munlock(memory, size), "addresses without memory count to the limit, no more");
    return true;
}

static void report_stays(const char *what, size_t size, const char *left, int why)
{
    char text[SIZE_TEXT_MAX];

    message("%s: its mapping of %s stays in this program%s: %s (the limit may be the sysctl "
            "vm.max_map_count)",
            what, size_text(size, text), left, strerror(why));
}

void mapping_give_back(void *memory, size_t size, const char *what)
{
    const char *left = "; its memory may stay, too";
    int why;

    if (munmap(memory, size) == 0)
        return;
    /* ENOMEM: the process has as many mappings as it may have, and this one would be cut out of another. */
    why = errno;
    if (mapping_withhold(memory, size))
        left = ", without memory in it";
    else if (madvise(memory, size, MADV_DONTNEED) == 0)
        left = ", without private memory in it";
    report_stays(what, size, left, why);
}

/* A kernel that was out of memory may have some when this has gone. */
void mapping_empty(void *memory, size_t size, const char *what)
{
    bool empty;
    int why;

    if (mapping_withhold(memory, size))
        return;
    why = errno;
    empty = madvise(memory, size, MADV_DONTNEED) == 0;
    if (mapping_withhold(memory, size))
        return;
    RESULT_DOES_NOT_MATTER(mprotect(memory, size, PROT_NONE), "nobody uses it any more");
    report_stays(what, size, empty ? ", without private memory in it" : "; its memory may stay, too", why);
}

/* The advice holds up others less than munmap(), which first has them all wait; but the kernel takes it
 * neither for locked memory nor, before Linux 5.18, for huge pages. There munmap() does all. Cut off at its
 * end, a mapping does not become two, so vm.max_map_count does not matter. */
void mapping_give_back_slowly(void *memory, uint64_t size, uint64_t page_size, bool keep, const char *what)
{
    struct pace pace = pace_start(page_size);
    uint64_t mapped = size;
    bool advises = true;
    bool unmaps = true;

    while (size > pace.piece && (advises || unmaps)) {
        const uint64_t start = (size - 1) / pace.piece * pace.piece;
        uint8_t *piece = (uint8_t *)memory + start;

        pace_begin(&pace);
        advises = advises && madvise(piece, size - start, MADV_DONTNEED) == 0;
        unmaps = unmaps && (keep ? mapping_withhold(piece, size - start) : munmap(piece, size - start) == 0);
        pace_end(&pace);
        size = start;
        if (unmaps)
            mapped = start;
    }
    if (keep)
        mapping_empty(memory, mapped, what);
    else
        mapping_give_back(memory, mapped, what);
}

void mapping_discard_file(int fd, uint64_t offset, uint64_t size, const char *what)
{
    if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)size) < 0)
        message("%s: what is discarded remains in its file: %s", what, strerror(errno));
}
