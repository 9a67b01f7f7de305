/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Functions of /dev/vhost-vsock alone (linux/vhost.h): the guest's address, its CID, and whether it is
 * reachable.
 *
 * Threads: as each function states; the kernel has locks of its own.
 */
#ifndef VMM_VHOST_VSOCK_H
#define VMM_VHOST_VSOCK_H

#include "vhost/vhost.h"

extern const struct vhost_kind vhost_vsock_kind;

/* Set or change the CID of a descriptor, which need not have an owner. No other descriptor can have that CID
 * until this one is closed. False and errno: EADDRINUSE: another one has it; EINVAL: it is not a guest's CID;
 * otherwise `fd` is not a descriptor of /dev/vhost-vsock. Main thread. */
bool vhost_vsock_set_cid(int fd, uint64_t cid);
/* Begin or stop serving rings 0 (to the guest) and 1, which the kernel has been given. When it begins, the
 * kernel looks for packets to the guest by itself, but ring 1 must be kicked. Connections persist. False and
 * errno. The device's I/O thread. */
bool vhost_vsock_run(int fd, bool run);

#endif
