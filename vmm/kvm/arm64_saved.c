/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arm64: the state of vCPUs and GIC has no saved form yet.
 */
#include "kvm/saved.h"

bool vcpus_arch_can_save(const struct vcpus *vcpus, struct error *error)
{
    (void)vcpus;
    return error_set(error, "machines of arm64 cannot be saved; those of x86-64 can");
}

bool vcpus_arch_save(const struct vcpus *vcpus, struct stream_writer *writer, struct error *error)
{
    (void)writer;
    return vcpus_arch_can_save(vcpus, error);
}

bool vcpus_arch_restore(struct vcpus *vcpus, const struct hotram_saved *stream, struct error *error)
{
    (void)stream;
    return vcpus_arch_can_save(vcpus, error);
}
