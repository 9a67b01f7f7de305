/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A build without libseccomp (meson's option sandbox).
 */
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>

#include "host/sandbox.h"

bool sandbox_start(enum sandbox_mode mode, bool flash, struct error *error)
{
    (void)flash;
    if (mode == SANDBOX_ON || mode == SANDBOX_LOG)
        return error_set(
            error,
            "-sandbox: this hotram was built without libseccomp; use -sandbox off to start without a sandbox");
    if (mode == SANDBOX_DEFAULT && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return error_set(error, "PR_SET_NO_NEW_PRIVS: %s; use -sandbox off to start without a sandbox",
                         strerror(errno));
    return true;
}

bool sandbox_enter(enum sandbox_thread kind)
{
    (void)kind;
    return true;
}
