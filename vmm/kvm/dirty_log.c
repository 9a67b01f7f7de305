/* SPDX-License-Identifier: BSD-2-Clause */
/* Apart from vm.c, so that tests of guest memory can stand in for the one and have the other. */
#include "kvm/vm.h"

bool vm_get_dirty_log(const struct vm *vm, unsigned kvm_slot, uint64_t *pages, struct error *error)
{
    return vm->ops->get_dirty_log(vm, kvm_slot, pages, error);
}
