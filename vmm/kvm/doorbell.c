/* SPDX-License-Identifier: BSD-2-Clause */
#include "kvm/doorbell.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "kvm/vm.h"

bool vm_doorbell_add(const struct vm *vm, const struct vm_doorbell *doorbell, struct error *error)
{
    assert(doorbell->width <= 8 && (doorbell->width & (doorbell->width - 1)) == 0);
    assert(!doorbell->match || doorbell->width > 0);
    return vm->ops->add_doorbell(vm, doorbell, error);
}

void vm_doorbell_remove(const struct vm *vm, const struct vm_doorbell *doorbell)
{
    vm->ops->remove_doorbell(vm, doorbell);
}

bool vm_doorbell_ring(const struct vm *vm, bool port, uint64_t address, unsigned width, const uint8_t *data)
{
    uint64_t value = 0;

    if (!vm->ops || !vm->ops->ring_doorbell)
        return false;
    memcpy(&value, data, width);
    return vm->ops->ring_doorbell(vm, port, address, width, value);
}

bool doorbell_is_taken(const struct vm_doorbell *doorbell, struct error *error)
{
    return error_set(error, "a doorbell at %s 0x%" PRIx64 " collides with another one there",
                     doorbell->port ? "port" : "guest address", doorbell->address);
}
