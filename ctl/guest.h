/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which guest: the sockets of guests that have a name, and the one that is meant.
 */
#ifndef CTL_GUEST_H
#define CTL_GUEST_H

#include <stddef.h>

#include "base/control_path.h"
#include "base/error.h"
#include "ctl.h"
#include "qmp_client.h"

#define GUEST_NAME_SIZE 108

struct guest {
    char name[GUEST_NAME_SIZE];   /* of its socket; "": it was given by -s */
    char path[CONTROL_PATH_SIZE]; /* as far as a socket's path can be */
};

/* All guests that live, by name. Returns how many, at most `most`; the error says why there can be none. */
size_t guests_find(struct guest *guests, size_t most, struct error *error);

/* The guest that the options name, or the only one. */
bool guest_pick(const struct options *options, struct guest *guest, struct error *error);

/* Connect to it. NULL: all is said, *status is what to exit with. */
struct qmp *guest_connect(const struct options *options, struct guest *guest, enum status *status);

/* Ask it. False: all is said. */
bool guest_ask(const struct options *options, struct qmp *qmp, const char *command, struct json_object *args,
               struct json_object **result, enum status *status);

/* How it is called where one has to know which it is: "guest db1 (process 4711)". Valid as shown() is. */
const char *guest_title(const struct guest *guest, const struct qmp *qmp);

#endif
