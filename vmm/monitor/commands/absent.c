/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands that QEMU 7.2 has and hotram has not, with what there is in their place: those that programs call
 * without having asked whether they are there.
 */
#include <string.h>

#include "monitor/command.h"
#include "monitor/session.h"

static const struct {
    const char *names; /* separated and surrounded by spaces */
    const char *reason;
} absent[] = {
    { " qom-set ", "properties are given when an object or a device is made" },
    { " set-numa-node ", "nodes are given by -numa" },
    { " query-hotpluggable-cpus ", "no CPU can be plugged; query-cpus-fast tells the places of CPUs" },
    { " balloon query-balloon ", "there is no balloon; memory-set changes the guest's size" },
    { " query-migrate migrate migrate_cancel migrate-set-parameters query-migrate-parameters ",
      "there is no migration" },
    { " savevm loadvm snapshot-save snapshot-load ", "there are no snapshots" },
    { " blockdev-add blockdev-del netdev_add netdev_del ", "there are no disks and no network devices" },
    { " chardev-add chardev-remove chardev-change ", "character devices are given by -chardev" },
    { " query-pci query-vnc query-spice screendump send-key ", "there are no PCI and no display" },
    { " dump-guest-memory pmemsave memsave ", "memory of a guest is not written to files" },
};

const char *command_absent(const char *name)
{
    size_t length = strlen(name);

    for (size_t i = 0; length > 0 && i < sizeof absent / sizeof absent[0]; i++)
        for (const char *at = absent[i].names; (at = strstr(at, name)) != NULL; at += length)
            if (at[-1] == ' ' && at[length] == ' ')
                return absent[i].reason;
    return NULL;
}
