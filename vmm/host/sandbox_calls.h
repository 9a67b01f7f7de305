/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The lists of the sandbox: which kinds of threads make which system call, with which argument, and why.
 */
#ifndef VMM_HOST_SANDBOX_CALLS_H
#define VMM_HOST_SANDBOX_CALLS_H

#include <stddef.h>
#include <stdint.h>

/* Kinds of threads, one bit each. */
#define OF_MAIN (1u << SANDBOX_MAIN)
#define OF_VCPU (1u << SANDBOX_VCPU)
#define OF_HELPER (1u << SANDBOX_HELPER)
#define OF_IO (1u << SANDBOX_IO)
#define OF_DISK (1u << SANDBOX_DISK)
#define OF_ALL (OF_MAIN | OF_VCPU | OF_IO | OF_DISK | OF_HELPER)

/* Beside these: only in a machine with flash. */
#define OF_FLASH (1u << 31)

/* One row: the call is allowed if (argument & mask) == value. A call that has several rows is allowed if one
 * of them fits. */
struct sandbox_call {
    int number;
    unsigned kinds;
    unsigned argument; /* 0 to 5 */
    uint64_t mask;     /* 0: whatever the arguments are */
    uint64_t value;    /* SANDBOX_OWN_PID: this process */
};

#define SANDBOX_OWN_PID UINT64_MAX

extern const struct sandbox_call sandbox_calls[];
extern const size_t sandbox_call_count;

#endif
