/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine of the fuzz targets' own behind machine.h, hotplug.h and backend.h: random commands allocate no
 * guest memory, create no file for it, and neither save nor migrate a guest. It has backends and DIMMs that
 * monitors can make and remove, and nothing else. device_del takes the DIMM away at once. A backend with
 * share=on takes long: it is there, or not, when fake_machine_finish() says so.
 */
#ifndef TESTS_FUZZ_FAKE_MACHINE_H
#define TESTS_FUZZ_FAKE_MACHINE_H

#include "base/config.h"
#include "machine/machine.h"

#define FAKE_SLOTS 256u

struct loop;

struct machine *fake_machine_create(struct config *config, struct loop *loop);
void fake_machine_destroy(struct machine *machine);

/* The backend is half there; is there; or cannot be. */
void fake_machine_progress(struct machine *machine, const char *id);
void fake_machine_finish(struct machine *machine, const char *id, const char *error);
/* The id of a backend that is not there yet, or NULL. */
const char *fake_machine_unfinished(const struct machine *machine);

#endif
