/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands that start an operation and may wait for its end. Whoever waits may go away: the operation goes
 * on.
 *
 * Threads: main thread only.
 */
#ifndef VMM_MONITOR_COMMANDS_WAIT_H
#define VMM_MONITOR_COMMANDS_WAIT_H

#include "hotplug/hotplug.h"
#include "monitor/command.h"
#include "monitor/pending.h"

#define WAIT_SECONDS_MAX 86400

/* Nobody is to wait for a guest that is stopped and cannot answer: whether the command may wait, if it was
 * asked to. */
bool wait_allowed(const struct monitor_context *context, bool wait, struct error *error);

/* Plug, or ask for a DIMM; the result is the operation, as it begins or (wait) as it has ended. `deadline` in
 * milliseconds, 0: the machine's. */
bool wait_for_plug(struct monitor_context *context, struct auto_dimm *auto_dimm, uint64_t deadline, bool wait,
                   struct json_object **result, struct error *error);
bool wait_for_unplug(struct monitor_context *context, const char *id, uint64_t deadline, bool wait,
                     struct json_object **result, struct error *error);

/* "operation 3: unplug of d1 (1 GiB): refused after 120 ms: device busy: ..." */
void print_operation(struct text *out, struct json_object *operation);

#endif
