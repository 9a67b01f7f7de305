/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory that the host cannot give any more: a file behind it became shorter, its huge pages ran out, or the
 * hardware lost a page. The guest is stopped for good; the program continues.
 */

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
    struct error reason;
    const struct backend *backend = backend_failed(machine->backends, atomic_load(&machine->fault), &reason);

    message("guest memory%s%s has failed: %s", backend ? " of " : "", backend ? backend->id : "",
            reason.text);
    machine_emit(machine, &(struct event){ .kind = EVENT_MEMORY_FAILURE,
                                           .memory_failure.backend = backend ? backend->id : NULL,
                                           .memory_failure.file = backend ? backend->mem_path : NULL,
                                           .memory_failure.reason = reason.text });
}
