/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What /dev/vhost-vsock does besides what all vhost devices do: a guest has an address among sockets, its
 * CID, and can be reached or not.
 *
 * Threads: as each function says; the kernel has locks of its own.
 */
#ifndef VMM_VHOST_VSOCK_H
#define VMM_VHOST_VSOCK_H

#include "vhost/vhost.h"

extern const struct vhost_kind vhost_vsock_kind;

/* Give a descriptor, which need not be owned, a CID, or another one; until it is closed nobody else has that.
 * False and errno: EADDRINUSE: somebody has it; EINVAL: it is no guest's; anything else: `fd` is no
 * descriptor of /dev/vhost-vsock. Main thread. */
bool vhost_vsock_set_cid(int fd, uint64_t cid);
/* Serve the rings that the kernel was given, 0 (to the guest) and 1, or serve them no longer. When it begins,
 * it looks for what the guest is to receive; ring 1 must be kicked. Connections stay. False and errno. The
 * device's I/O thread. */
bool vhost_vsock_run(int fd, bool run);

#endif
