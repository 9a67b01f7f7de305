/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands of QEMU 7.2 that hotram lacks, with their replacements: those that programs call without having
 * asked whether they are there.
 */
#include <stddef.h>

#include "base/words.h"
#include "monitor/command.h"
#include "monitor/session.h"

static const struct {
    const char *names; /* separated by spaces */
    const char *reason;
} absent[] = {
    { "set-numa-node", "nodes are defined by -numa" },
    { "savevm loadvm snapshot-save snapshot-load",
      "machine-snapshot writes a snapshot to a file of its own" },
    { "chardev-change", "device_del, chardev-remove, chardev-add and device_add replace a port's chardev" },
    { "chardev-send-break", "a break is not a byte, and chardevs transfer bytes alone" },
    { "query-vnc query-spice screendump send-key", "no display" },
    { "dump-guest-memory pmemsave memsave", "of guest memory only snapshots are written: machine-snapshot" },
};

const char *command_absent(const char *name)
{
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++)
        if (words_contain(absent[i].names, name))
            return absent[i].reason;
    return NULL;
}
