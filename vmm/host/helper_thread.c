/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/helper_thread.h"

#include <signal.h>

int helper_thread_start(pthread_t *thread, size_t stack, void *(*run)(void *opaque), void *opaque)
{
    pthread_attr_t attributes;
    sigset_t most;
    sigset_t before;
    int failed;

    sigfillset(&most);
    sigdelset(&most, SIGBUS);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, stack);
    pthread_sigmask(SIG_SETMASK, &most, &before); /* inherited: there is no moment at which it takes others */
    failed = pthread_create(thread, &attributes, run, opaque);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return failed;
}
