/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machines by their names. hotram-1 is one machine on each architecture; it has a second name there,
 * whose beginning tells libvirt that this is a machine of the q35 or the virt family.
 */
#include <string.h>

#include "options/parser.h"

static const struct machine_type machines[] = {
    { "hotram-1", NULL, "hotram-1-machine", MACHINE_FAMILY,
      "memory hotplug by ACPI, 16550 serial port (default)" },
#if defined(__aarch64__)
    { "virt-hotram-1", "virt", "virt-hotram-1-machine", MACHINE_FAMILY,
      "hotram-1, under a name that libvirt treats as virt" },
#else
    { "pc-q35-hotram-1", "q35", "pc-q35-hotram-1-machine", MACHINE_FAMILY,
      "hotram-1, under a name that libvirt treats as q35" },
#endif
    { "none", NULL, "none-machine", "machine",
      "no machine, only monitors, for querying the capabilities of hotram" },
};

/* Names, and (with '-' at the end) beginnings of names with a version. */
static const char *const qemus[] = {
    "pc", "pc-", "isapc", "microvm", "xenfv", "xenpv", "x-remote", "q35", "virt", "virt-", "sbsa-ref",
};

const struct machine_type *machine_type_at(size_t index)
{
    return index < sizeof machines / sizeof machines[0] ? &machines[index] : NULL;
}

const struct machine_type *machine_type_find(const char *name)
{
    const struct machine_type *type;

    for (size_t i = 0; (type = machine_type_at(i)) != NULL; i++)
        if (strcmp(name, type->name) == 0 || (type->alias && strcmp(name, type->alias) == 0))
            return type;
    return NULL;
}

bool machine_type_is_qemus(const char *name)
{
    for (size_t i = 0; i < sizeof qemus / sizeof qemus[0] && !strstr(name, "hotram"); i++) {
        const size_t length = strlen(qemus[i]);

        if (strcmp(name, qemus[i]) == 0 ||
            (qemus[i][length - 1] == '-' && strncmp(name, qemus[i], length) == 0))
            return true;
    }
    return false;
}
