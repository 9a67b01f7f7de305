/* SPDX-License-Identifier: BSD-2-Clause */
#include "vhost/vsock.h"

#include <linux/vhost.h>
#include <sys/ioctl.h>

const struct vhost_kind vhost_vsock_kind = {
    .path = "/dev/vhost-vsock",
    .module = "vhost_vsock",
    .wanted = "vhost-vsock-pci",
    .instead = "",
};

bool vhost_vsock_set_cid(int fd, uint64_t cid)
{
    return ioctl(fd, VHOST_VSOCK_SET_GUEST_CID, &cid) == 0;
}

bool vhost_vsock_run(int fd, bool run)
{
    int running = run;

    return ioctl(fd, VHOST_VSOCK_SET_RUNNING, &running) == 0;
}
