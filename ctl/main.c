/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hotramctl: the commands, and from the command line to one of them.
 */
#include <limits.h>
#include <locale.h>

#include "base/json_build.h"
#include "ctl.h"

const struct ctl_command commands[] = {
    { "status", "", "show the guest's state and a summary of its CPUs and memory", "", 0, 0, run_status },
    { "list", "", "list its DIMMs", "", 0, 0, run_list },
    { "map", "", "draw its physical address space", "VC", 0, 0, run_map },
    { "plug", "SIZE", "plug a DIMM, or blocks of a virtio-mem device", "WtINSAT", 1, 1, run_plug },
    { "unplug", "ID [SIZE]", "request that the guest release a DIMM, or blocks", "Wt", 1, 2, run_unplug },
    { "set", "SIZE", "plug and unplug DIMMs and blocks to reach a size", "WtNMDT", 1, 1, run_set },
    { "cpus", "[NUMBER]", "list the possible CPUs, or plug and unplug CPUs to reach a number", "Wt", 0, 1,
      run_cpus },
    { "wait", "[OPERATION|all]", "wait for operations in progress", "", 0, 1, run_wait },
    { "cancel", "OPERATION", "cancel an operation in progress", "", 1, 1, run_cancel },
    { "events", "[NAME...]", "print events as they occur, all or those named", "", 0, UINT_MAX, run_events },
    { "top", "[GUEST...]", "show a live view of guests", "dn", 0, GUESTS_MAX, run_top },
    { "snapshot", "FILE", "write a guest's state and memory to a file, from which it can continue", "B", 1, 1,
      run_snapshot },
    { "inspect", "FILE", "print what a saved state contains", "", 1, 1, run_inspect },
    { "quit", "", "end the guest immediately", "", 0, 0, run_quit },
};

const size_t command_count = sizeof commands / sizeof commands[0];

int main(int argc, char *argv[])
{
    struct options options = { .answer_timeout = 10000, .delay = 1000 };
    const struct ctl_command *command;
    enum status status;

    if (!json_prepare())
        end_without_memory();
    setlocale(LC_CTYPE, ""); /* pictures follow the user's terminal */
    command = args_read(argc, argv, &options, &status);
    return command ? command->run(&options) : status;
}
