/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands that start an operation and may wait for its end. The operation continues if the waiting client
 * disconnects.
 *
 * Threads: main thread only.
 */
#ifndef VMM_MONITOR_COMMANDS_WAIT_H
#define VMM_MONITOR_COMMANDS_WAIT_H

#include "hotplug/hotplug.h"
#include "monitor/command.h"
#include "monitor/pending.h"

#define WAIT_SECONDS_MAX 86400

/* Whether a command's `timeout` is missing or in range. False and an error: it is not. */
bool wait_check_timeout(bool given, uint32_t timeout, struct error *error);

/* True: `wait` is false, or the guest runs. False and an error: the guest is stopped and cannot answer, so a
 * command must not wait for it. */
bool wait_allowed(const struct monitor_context *context, bool wait, struct error *error);

/* Plug a DIMM, or request its removal. *result is the operation as it begins, or, with `wait`, as it has
 * ended. `deadline` is in milliseconds; 0: the machine's. False and an error: refused. */
bool wait_for_plug(struct monitor_context *context, struct auto_dimm *auto_dimm, uint64_t deadline, bool wait,
                   struct json_object **result, struct error *error);
bool wait_for_unplug(struct monitor_context *context, const char *id, uint64_t deadline, bool wait,
                     struct json_object **result, struct error *error);
/* The same for so much more ('+') or less ('-'; 0: all) of a virtio-mem device. */
bool wait_for_blocks(struct monitor_context *context, const char *id, char sign, uint64_t size,
                     uint64_t deadline, bool wait, struct json_object **result, struct error *error);

/* "operation 3: unplug of d1 (1 GiB): refused after 120 ms: device busy: ..." */
void print_operation(struct text *out, struct json_object *operation);

/* A line with the names of a result's member "waits-for", behind `indent`; nothing if it has none. */
void print_waits_for(struct text *out, const char *indent, struct json_object *result);

#endif
