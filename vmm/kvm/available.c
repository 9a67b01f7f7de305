/* SPDX-License-Identifier: BSD-2-Clause */
/* Of its own, so that the monitors' tests can answer in its place. */
#include <fcntl.h>
#include <unistd.h>

#include "kvm/vm.h"

bool kvm_available(void)
{
    int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

    if (fd < 0)
        return false;
    close(fd);
    return true;
}
