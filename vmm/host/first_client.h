/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A program that starts hotram with a socket that listens already (-chardev socket,fd=N,server=on) connects
 * to it a moment later. libvirt shows people what the emulator said when this connection ends, and nothing
 * but "Connection refused" when it could not be made.
 */
#ifndef VMM_HOST_FIRST_CLIENT_H
#define VMM_HOST_FIRST_CLIENT_H

/* The start has failed: give those at inherited sockets of the command line some seconds to connect. Returns
 * at once where there is no such socket or somebody waits at it already, and when `signals` (a signalfd, or
 * -1) has one. */
void first_client_wait(int argc, char *argv[], int signals);

#endif
