/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory that the host cannot give any more: a file behind it became shorter, its huge pages ran out, or the
 * hardware lost a page. The guest stops for good, the program goes on.
 *
 * The event is QEMU's MEMORY_FAILURE, with three members of ours: which backend, its file, and what is wrong.
 */

#include "base/json_build.h"
#include "base/message.h"
#include "machine/state.h"

void machine_memory_fault(void *opaque, void *address)
{
    struct machine *machine = opaque;

    atomic_store(&machine->fault, address);
    machine_request(machine, REQUEST_MEMORY);
}

void machine_tell_memory_failure(struct machine *machine)
{
    struct json_object *data = json_new_object();
    struct json_object *flags = json_new_object();
    struct error reason;
    const struct backend *backend = backend_failed(machine->backends, atomic_load(&machine->fault), &reason);

    message("guest memory%s%s has failed: %s", backend ? " of " : "", backend ? backend->id : "",
            reason.text);
    add_string(data, "recipient", "hypervisor");
    add_string(data, "action", "fatal");
    add_bool(flags, "action-required", true);
    add_bool(flags, "recursive", false);
    json_add(data, "flags", flags);
    if (backend)
        add_string(data, "id", backend->id);
    if (backend && backend->mem_path)
        add_string(data, "mem-path", backend->mem_path);
    add_string(data, "reason", reason.text);
    machine_emit(machine, "MEMORY_FAILURE", data);
}
