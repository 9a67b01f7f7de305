/* SPDX-License-Identifier: BSD-2-Clause */
#include "memory/memory_lock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "base/props.h"

#define WAY_OUT "raise the limit, RLIMIT_MEMLOCK (ulimit -l, LimitMEMLOCK=)"
/* A thread's stack, a page shared with KVM: what a start maps at once is less. */
#define LITTLE (UINT64_C(4) << 20)

/* A line of /proc/self/status in kB; in bytes. */
static uint64_t status(const char *name)
{
    FILE *file = fopen("/proc/self/status", "re");
    char line[256];
    unsigned long long value = 0;

    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, name, strlen(name)) == 0)
            sscanf(line + strlen(name), " %llu", &value);
    if (file)
        fclose(file);
    return value << 10;
}

static uint64_t limit(void)
{
    struct rlimit limit = { .rlim_cur = RLIM_INFINITY };

    return getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY ? limit.rlim_cur
                                                                                     : UINT64_MAX;
}

bool memory_lock(struct error *error)
{
    char has[SIZE_TEXT_MAX];
    char may[SIZE_TEXT_MAX];
    int why;

    if (mlockall(MCL_CURRENT) == 0 && mlockall(MCL_FUTURE | MCL_ONFAULT) == 0)
        return true;
    why = errno;
    if ((why == ENOMEM || why == EPERM) && limit() != UINT64_MAX)
        return error_set(
            error,
            "-overcommit mem-lock=on: the program has %s without a guest, and may lock %s; " WAY_OUT
            " to that and the guest's memory",
            size_text(status("VmSize:"), has), size_text(limit(), may));
    return error_set(error, "-overcommit mem-lock=on: %s", strerror(why));
}

bool memory_lock_exceeded(uint64_t size, struct error *error)
{
    char more[SIZE_TEXT_MAX];
    char has[SIZE_TEXT_MAX];
    char may[SIZE_TEXT_MAX];

    return error_set(error,
                     "-overcommit mem-lock=on: the program has locked %s and may lock %s, which leaves no "
                     "%s for it and its alignment; " WAY_OUT,
                     size_text(status("VmLck:"), has), size_text(limit(), may), size_text(size, more));
}

bool memory_lock_suspect(struct error *error)
{
    const uint64_t has = status("VmLck:");
    char text[SIZE_TEXT_MAX];
    char may[SIZE_TEXT_MAX];
    struct error before = *error;

    /* What the kernel says where the limit is met. Of a process that has more it is no limit. */
    if (!strstr(before.text, strerror(EAGAIN)) && !strstr(before.text, strerror(ENOMEM)) &&
        !strstr(before.text, "out of memory"))
        return false;
    if (has > limit() || has + LITTLE < limit())
        return false;
    return error_set(error,
                     "%s; with -overcommit mem-lock=on it may be that %s of %s are locked already: " WAY_OUT,
                     before.text, size_text(has, text), size_text(limit(), may));
}
