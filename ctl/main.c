/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hotramctl: the commands, and from the command line to one of them.
 */
#include <limits.h>
#include <locale.h>

#include "base/json_build.h"
#include "ctl.h"

const struct command commands[] = {
    { "status", "", "the guest's state and its memory in sums", "", 0, 0, run_status },
    { "list", "", "its DIMMs", "", 0, 0, run_list },
    { "map", "", "a picture of its memory", "VC", 0, 0, run_map },
    { "plug", "SIZE", "plug a DIMM", "WtINSAT", 1, 1, run_plug },
    { "unplug", "ID", "ask the guest to give a DIMM back", "Wt", 1, 1, run_unplug },
    { "set", "SIZE", "plug and unplug until it has that size", "WtNMDT", 1, 1, run_set },
    { "wait", "[OPERATION|all]", "wait for operations that are under way", "", 0, 1, run_wait },
    { "cancel", "OPERATION", "cancel an operation that is under way", "", 1, 1, run_cancel },
    { "events", "[NAME...]", "show events as they come, all or those named", "", 0, UINT_MAX, run_events },
    { "top", "[GUEST...]", "a live view of guests", "dn", 0, GUESTS_MAX, run_top },
    { "quit", "", "end the guest at once", "", 0, 0, run_quit },
};

const size_t command_count = sizeof commands / sizeof commands[0];

int main(int argc, char *argv[])
{
    struct options options = { .patience = 10000, .delay = 1000 };
    const struct command *command;
    enum status status;

    if (!json_prepare())
        end_without_memory();
    setlocale(LC_CTYPE, ""); /* pictures follow the user's terminal */
    command = args_read(argc, argv, &options, &status);
    return command ? command->run(&options) : status;
}
