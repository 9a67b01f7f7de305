/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/sandbox.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/message.h"
#include "host/lent_memory.h"
#include "host/sandbox_calls.h"

#define KINDS (SANDBOX_HELPER + 1)

/* Compiled lists: written once by sandbox_start(), before there are threads; no lists: no sandbox. They live
 * as long as the program. */
static struct sock_fprog programs[KINDS];

/* What the lists are for. */
struct sandbox_wishes {
    bool log;   /* what is outside a list is logged, not refused */
    bool flash; /* the machine has flash */
};

static int add_row(scmp_filter_ctx filter, const struct sandbox_call *call)
{
    uint64_t value = call->value == SANDBOX_OWN_PID ? (uint64_t)getpid() : call->value;
    struct scmp_arg_cmp only = {
        .arg = call->argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = call->mask, .datum_b = value
    };

    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call->number, call->mask ? 1 : 0, &only);
}

/* Calls outside the list fail with EPERM and nothing else happens. Those that a C library tries first and can
 * do without fail as on a kernel that does not have them; so threads are made by clone(), whose flags can be
 * seen. */
static int fill(scmp_filter_ctx filter, enum sandbox_thread kind, const struct sandbox_wishes *wishes)
{
    bool has_ioctl = false;
    int failed = 0;

    if (!wishes->log)
        failed = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    for (size_t i = 0; !failed && i < sandbox_call_count; i++)
        if (sandbox_calls[i].kinds & 1u << kind && (wishes->flash || !(sandbox_calls[i].kinds & OF_FLASH))) {
            failed = add_row(filter, &sandbox_calls[i]);
            has_ioctl = has_ioctl || sandbox_calls[i].number == SCMP_SYS(ioctl);
        }
    /* First, since KVM_RUN is one. Not for a list without it: libseccomp 2.5 then makes a filter for arm64
     * that denies everything. */
    if (!failed && has_ioctl)
        failed = seccomp_syscall_priority(filter, SCMP_SYS(ioctl), UINT8_MAX);
    return failed;
}

/* The filter as the kernel takes it, on the heap. Returns a negative errno. */
static int take_program(scmp_filter_ctx filter, struct sock_fprog *program)
{
    int fd = memfd_create("sandbox", MFD_CLOEXEC);
    int failed = fd < 0 ? -errno : seccomp_export_bpf(filter, fd);
    off_t size = failed ? 0 : lseek(fd, 0, SEEK_END);

    if (!failed && size <= 0)
        failed = -EIO;
    if (!failed && !(program->filter = malloc((size_t)size)))
        failed = -ENOMEM;
    if (!failed && pread(fd, program->filter, (size_t)size, 0) != size)
        failed = -EIO;
    program->len = (unsigned short)((size_t)size / sizeof *program->filter);
    if (fd >= 0)
        close(fd); /* of a memory file: cannot lose anything */
    return failed;
}

static int compile(enum sandbox_thread kind, const struct sandbox_wishes *wishes)
{
    scmp_filter_ctx filter = seccomp_init(wishes->log ? SCMP_ACT_LOG : SCMP_ACT_ERRNO(EPERM));
    int failed = filter ? seccomp_attr_set(filter, SCMP_FLTATR_API_SYSRAWRC, 1)
                        : -ENOMEM; /* errors as they are */

    if (!failed)
        failed = fill(filter, kind, wishes);
    if (!failed)
        failed = take_program(filter, &programs[kind]);
    if (filter)
        seccomp_release(filter);
    return failed;
}

static void free_programs(void)
{
    for (unsigned kind = 0; kind < KINDS; kind++)
        free(programs[kind].filter);
    memset(programs, 0, sizeof programs);
}

/* `lacks`: it failed because the kernel has no such filters. */
static int compile_all(const struct sandbox_wishes *wishes, bool *lacks)
{
    int failed = 0;

    *lacks = false;
    memory_lend(true);
    for (unsigned kind = 0; !failed && kind < KINDS; kind++)
        failed = compile(kind, wishes);
    memory_lend(false);
    if (memory_is_lent()) /* what was made is in it in part, and does not stay */
        failed = -ENOMEM;
    if (!failed && !sandbox_enter(SANDBOX_MAIN)) {
        failed = -errno;
        *lacks = errno == ENOSYS || errno == EINVAL;
    }
    if (failed)
        free_programs();
    memory_take_back();
    return failed;
}

bool sandbox_enter(enum sandbox_thread kind)
{
    return !programs[kind].filter || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &programs[kind]) == 0;
}

bool sandbox_start(enum sandbox_mode mode, bool flash, struct error *error)
{
    const struct sandbox_wishes wishes = { .log = mode == SANDBOX_LOG, .flash = flash };
    bool lacks;
    int failed;

    if (mode == SANDBOX_OFF)
        return true;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return error_set(error,
                         "-sandbox: PR_SET_NO_NEW_PRIVS: %s; use -sandbox off to start without a sandbox",
                         strerror(errno));
    failed = compile_all(&wishes, &lacks);
    if (!failed)
        return true;
    if (!lacks)
        return error_set(
            error,
            "-sandbox: the system call filters cannot be created: %s; use -sandbox off to start without a sandbox",
            strerror(-failed));
    if (mode != SANDBOX_DEFAULT)
        return error_set(
            error,
            "-sandbox: the kernel does not support system call filters (seccomp): %s; use -sandbox off to start without a sandbox",
            strerror(-failed));
    warning(
        "system calls are not restricted: the kernel does not support filters (seccomp): %s; -sandbox off silences this warning",
        strerror(-failed));
    return true;
}
