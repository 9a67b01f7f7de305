/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest of a few instructions on a real KVM. */
#ifndef TESTS_UNIT_VMM_RUN_VCPU_H
#define TESTS_UNIT_VMM_RUN_VCPU_H

#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>

#include "../unit.h"

/* Until the guest exits. The kernel also interrupts a thread for work of its own, such as the completions of
 * io_uring that this thread has submitted: KVM_RUN then returns without an exit. */
static inline void run_vcpu(int vcpu)
{
    while (ioctl(vcpu, KVM_RUN, 0) != 0)
        if (errno != EINTR)
            fail_msg("KVM_RUN: %s", strerror(errno));
}

#endif
