/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/fault.h"

#include <setjmp.h>
#include <signal.h>
#include <stddef.h>

struct guard {
    sigjmp_buf out;
    void *address;
};

static _Thread_local struct guard *volatile guard;
static _Thread_local bool notes;
static _Thread_local void *volatile noted;

static void caught(int number, siginfo_t *info, void *context)
{
    (void)context;
    if (guard) {
        guard->address = info->si_addr;
        siglongjmp(guard->out, 1);
    }
    if (info->si_code == BUS_MCEERR_AO) /* lost, but nobody needs it yet */
        return;
    if (notes && info->si_code == BUS_MCEERR_AR) {
        noted = info->si_addr;
        return;
    }
    /* An access that is not expected to fail: when it is repeated the program ends as without a handler. */
    signal(number, SIG_DFL);
}

void fault_init(void)
{
    struct sigaction action = { .sa_sigaction = caught, .sa_flags = SA_SIGINFO | SA_NODEFER };

    RESULT_DOES_NOT_MATTER(sigaction(SIGBUS, &action, NULL),
                           "it fails only for signals that cannot be caught");
}

bool fault_guard(void (*access)(void *opaque), void *opaque, void **address)
{
    struct guard here = { .address = NULL };

    /* Without the mask, which would cost a system call: the handler, which is left by a jump, does not block
     * the signal (SA_NODEFER). */
    if (sigsetjmp(here.out, 0) == 0) {
        guard = &here;
        access(opaque);
        guard = NULL;
        return true;
    }
    guard = NULL;
    if (address)
        *address = here.address;
    return false;
}

void fault_note_guests(void)
{
    sigset_t bus;

    sigemptyset(&bus);
    sigaddset(&bus, SIGBUS);
    pthread_sigmask(SIG_UNBLOCK, &bus, NULL);
    notes = true;
}

void *fault_take_noted(void)
{
    void *address = noted;

    noted = NULL;
    return address;
}
