/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How the program for user networking is started: with the properties of -netdev user as its arguments
 * ("net=10.0.2.0/24"), and a socket of packets. Its first packet is one NUL when it is ready, or the reason,
 * in words, for which it cannot start. Then each packet is a frame. It ends when the socket is closed.
 */
#ifndef VMM_NET_USER_NET_START_H
#define VMM_NET_USER_NET_START_H

#define USER_NET_NAME "hotram-user-net"
#define USER_NET_FD 3

#endif
