/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A requested size of a virtio-mem device as an operation: it is done when the guest has plugged exactly
 * that.
 *
 * A driver reports nothing, it plugs and unplugs. So the deadline is one of progress: it begins anew with
 * each change of size. A guest that did something and then nothing for that long has refused the rest; one
 * that did nothing at all has not answered.
 */
#include <stdio.h>

#include "hotplug/growth.h"
#include "hotplug/mem.h"

/* Its device; NULL: it is gone, or its open operation is another one. */
static struct mem_device *device_of(const struct operation *operation)
{
    const struct hotplug *hotplug = operation->subject.owner;

    return *operation->subject.open == operation ? hotplug->mem[operation->subject.blocks.range] : NULL;
}

static void begins(struct operation *operation)
{
    const struct mem_device *mem = device_of(operation);
    const struct hotplug *hotplug = operation->subject.owner;

    operation->deadline = operation->subject.blocks.requested > mem->sizes.plugged
                              ? hotplug->config.plug_deadline
                              : hotplug->config.unplug_deadline;
}

/* What the guest has is what is requested. */
static void withdraw(struct operation *operation)
{
    struct mem_device *mem = device_of(operation);

    if (mem)
        mem->request(mem, mem->sizes.plugged);
}

/* The guest cannot change it for the time being. */
static bool is_held(const struct operation *operation)
{
    const struct mem_device *mem = device_of(operation);

    return mem && guest_memory_is_held(mem->virtio.memory);
}

static void expired(struct operation *operation)
{
    struct blocks_subject *blocks = &operation->subject.blocks;
    char reason[OPERATION_REASON_SIZE];

    if (blocks->moves || is_held(operation)) {
        blocks->moves = false;
        operation_check_again(operation, operation->deadline);
    } else if (blocks->acted) {
        operation_happens(operation, OPERATION_DENIED, NULL);
    } else {
        snprintf(
            reason, sizeof reason,
            "no answer in %g s: the guest's driver did nothing; it may not be loaded (Linux: virtio_mem), or the guest hangs",
            (double)operation->deadline / 1000);
        operation_happens(operation, OPERATION_EXPIRED, reason);
    }
}

static void explain_refusal(struct operation *operation)
{
    const struct blocks_subject *blocks = &operation->subject.blocks;
    char has[SIZE_TEXT_MAX], wanted[SIZE_TEXT_MAX];

    snprintf(
        operation->reason, OPERATION_REASON_SIZE,
        "the guest has %s of the %s that were requested, and did no more in %g s: %s; it may continue later",
        size_text(blocks->plugged, has), size_text(blocks->requested, wanted),
        (double)operation->deadline / 1000,
        blocks->plugged > blocks->requested
            ? "probably what is in the other blocks cannot be moved (memory onlined as movable avoids this), or there is no free memory to move it to"
            : "probably it cannot add more memory, or the host had none for it");
}

static void inspect(const struct operation *operation, struct operation_info *info)
{
    info->blocks = operation->subject.blocks;
}

const struct subject_type blocks_subject = {
    .events = { EVENT_MEMORY_OPERATION_STARTED, EVENT_MEMORY_OPERATION_DONE, EVENT_MEMORY_OPERATION_LATE },
    .begins = begins,
    .withdraw = withdraw,
    .expired = expired,
    .explain_refusal = explain_refusal,
    .inspect = inspect,
};

struct operation *mem_operation_new(struct mem_device *mem, uint64_t requested, struct error *error)
{
    char path[DIMM_PATH_SIZE];
    const struct subject subject = {
        .type = &blocks_subject,
        .id = mem->virtio.pci.device.id,
        .path = device_path(&mem->virtio.pci.device, path),
        .open = &mem->hotplug->mem_operation[mem->range],
        .owner = mem->hotplug,
        .blocks = { .range = mem->range, .requested = requested, .plugged = mem->sizes.plugged },
    };

    return operation_new(&mem->hotplug->operations, OPERATION_RESIZE, &subject, error);
}

void mem_operation_acted(struct mem_device *mem, bool moves)
{
    struct operation *operation = mem->hotplug ? mem->hotplug->mem_operation[mem->range] : NULL;

    if (!operation)
        return;
    operation->subject.blocks.plugged = mem->sizes.plugged;
    operation->subject.blocks.acted = true;
    operation->subject.blocks.moves |= moves;
}

void mem_operation_settle(struct mem_device *mem)
{
    struct operation *operation = mem->hotplug ? mem->hotplug->mem_operation[mem->range] : NULL;

    if (!operation)
        return;
    operation->subject.blocks.plugged = mem->sizes.plugged;
    if (mem->sizes.plugged == operation->subject.blocks.requested)
        operation_happens(operation, OPERATION_TAKEN, NULL);
}

void mem_operation_end(struct mem_device *mem)
{
    struct operation *operation = mem->hotplug->mem_operation[mem->range];

    if (operation)
        operation_happens(operation, OPERATION_GONE, "the device was removed");
    mem->hotplug->mem_operation[mem->range] = NULL;
}
