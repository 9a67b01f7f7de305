/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * guestfwd=...-chardev:ID of user networking: a chardev is what the guest reaches at an address of its
 * network. The program that parses its packets (user_net/) has one end of a socket, this program the other,
 * whose bytes it passes to the chardev and back.
 *
 * Threads: main thread only.
 */
#ifndef VMM_NET_USER_CHARDEV_H
#define VMM_NET_USER_CHARDEV_H

#include "base/loop.h"
#include "chardev/chardev.h"

struct user_forward;

/* Create a socket for each such rule of `rules` (separated by commas; NULL: none), append it to *list, and
 * send its other end to `helper`, in the order of the rules, before that program is started. False and an
 * error; the caller closes the list in any case. */
bool user_forwards_open(struct user_forward **list, const char *rules, int helper, struct loop *loop,
                        struct error *error);
/* Attach them to their chardevs, before these are started, or `now`. False and an error: a chardev does not
 * exist, or has another user. */
bool user_forwards_attach(struct user_forward *list, struct chardevs *chardevs, bool now,
                          struct error *error);
/* Before the chardevs are destroyed. */
void user_forwards_detach(struct user_forward *list);
void user_forwards_close(struct user_forward *list);

#endif
