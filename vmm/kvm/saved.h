/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The state of vCPUs, and of the interrupt controllers, timer and clock in the kernel, in a stream of saved
 * states.
 *
 * Absent vCPUs have no state: they come with that after power-on.
 *
 * Threads: main thread, while all vCPUs are paused.
 */
#ifndef VMM_KVM_SAVED_H
#define VMM_KVM_SAVED_H

#include <stdbool.h>

#include "base/error.h"
#include "state/stream.h"

struct vcpus;

/* Whether vCPUs of this architecture can be saved now. False and an error: why not. */
bool vcpus_arch_can_save(const struct vcpus *vcpus, struct error *error);
/* Append their sections. False and an error: KVM refuses, a guest's state has no saved form, or out of
 * memory. */
bool vcpus_arch_save(const struct vcpus *vcpus, struct stream_writer *writer, struct error *error);
/* Set the state of vCPUs that have not run. False and an error: the processor differs, with both values, or
 * KVM refuses a part; the machine cannot be used. */
bool vcpus_arch_restore(struct vcpus *vcpus, const struct hotram_saved *stream, struct error *error);
/* Of a migration: append sections of what the guest sees of its processors, which a target compares before
 * the source stops; and whether they describe those of this machine. False and an error, as above. */
bool vcpus_arch_save_config(const struct vcpus *vcpus, struct stream_writer *writer, struct error *error);
bool vcpus_arch_check_config(const struct vcpus *vcpus, const struct hotram_saved *stream,
                             struct error *error);

#endif
