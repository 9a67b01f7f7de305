/* SPDX-License-Identifier: BSD-2-Clause */
/* Which machines have no snapshot in the background: background.c says why. */
#include "machine/background.h"
#include "machine/state.h"
#include "memory/backend_memory.h"

bool background_check(const struct machine *machine, struct error *error)
{
    const char *unlogged = guest_memory_unlogged(machine->memory);
    const struct backend *backend = NULL;

    if (unlogged)
        return error_set(error,
                         "the kernel or another program writes to guest memory for device '%s', which this "
                         "program cannot hold up",
                         unlogged);
    if (machine->config->snapshot_file)
        return error_set(error,
                         "the guest was restored from '%s', to which its memory may be mapped; the "
                         "kernel write-protects no memory of files",
                         machine->config->snapshot_file);
    while ((backend = backend_next(machine->backends, backend)) != NULL) {
        if (backend->blocks)
            return error_set(error,
                             "memory '%s' belongs to a virtio-mem device, and is not write-protected, since "
                             "blocks without memory are within it",
                             backend->id);
        if (backend->used_by && backend_is_shared(backend))
            return error_set(error, "memory '%s' is shared, and other programs could write to it unnoticed",
                             backend->id);
    }
    return true;
}
