/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guests with names, by their sockets, and the one that the options select.
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

/* Find all running guests, by name, at most `most`. Returns their number; if it is 0, the error may give a
 * reason. */
size_t guests_find(struct guest *guests, size_t most, struct error *error);

/* The guest that the options name, or the only one. */
bool guest_pick(const struct options *options, struct guest *guest, struct error *error);

/* Connect to it. NULL: a message has been printed, and *status is the exit status. */
struct qmp *guest_connect(const struct options *options, struct guest *guest, enum status *status);

/* Send a command and receive its answer. False: a message has been printed, and *status is the exit status.
 */
bool guest_ask(const struct options *options, struct qmp *qmp, const char *command, struct json_object *args,
               struct json_object **result, enum status *status);
/* The same without arguments; a command that the guest lacks, as QEMU does, leaves *result as it is. */
bool guest_ask_optional(const struct options *options, struct qmp *qmp, const char *command,
                        struct json_object **result, enum status *status);

/* How it is called where one has to know which it is: "guest db1 (process 4711)". Valid as shown() is. */
const char *guest_title(const struct guest *guest, const struct qmp *qmp);

#endif
