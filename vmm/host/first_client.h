/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A program that starts hotram with a listening socket (-chardev socket,fd=N,server=on) connects to it a
 * moment later. If this connection is closed, libvirt shows the emulator's messages; if it is refused, only
 * "Connection refused".
 */
#ifndef VMM_HOST_FIRST_CLIENT_H
#define VMM_HOST_FIRST_CLIENT_H

/* After a failed start: wait some seconds for clients to connect to the inherited sockets of the command
 * line. Returns at once if there is no such socket, if a client already waits at it, or when `signals` (a
 * signalfd, or -1) is readable. Main thread. */
void first_client_wait(int argc, char *argv[], int signals);

#endif
