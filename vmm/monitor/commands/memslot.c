/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands for memslots: named places for memory, filled and emptied by name.
 */
#include <inttypes.h>
#include <string.h>

#include "base/result.h"
#include "hotplug/hotplug.h"
#include "machine/machine.h"
#include "monitor/command.h"
#include "monitor/pending.h"
#include "monitor/session.h"

/* Its memory is there, and those map it who have to. */
static void add_ended(void *opaque, const struct error *error)
{
    pending_finish(opaque, NULL, error);
}

static bool add(struct monitor_context *context, const char *id, struct error *error)
{
    const struct completion completion = { .ended = add_ended, .opaque = command_defer(context) };
    enum outcome outcome;

    if (!completion.opaque)
        return error_set(error, "out of memory");
    outcome = hotplug_add_memslot(machine_hotplug(context->machine), id, &completion, error);
    if (outcome != OUTCOME_LATER)
        command_undefer(context);
    return outcome != OUTCOME_FAILED;
}

static bool run_memslot(struct monitor_context *context, struct json_object *args,
                        struct json_object **result, struct error *error)
{
    struct hotplug *hotplug = machine_hotplug(context->machine);
    const char *id = get_string(args, "id");
    const char *action = get_string(args, "action");

    (void)result;
    if (strcmp(action, "add") == 0)
        return add(context, id, error);
    if (strcmp(action, "delete") == 0)
        return hotplug_delete_memslot(hotplug, id, error);
    return error_set(error, "Parameter 'action' expects add or delete; got '%.80s'", action);
}

static const char *state_name(enum hotram_dimm_state state)
{
    switch (state) {
    case HOTRAM_DIMM_PLUGGED:
        return "populated";
    case HOTRAM_DIMM_REMOVAL_REQUESTED:
        return "removal-asked";
    case HOTRAM_DIMM_EJECTING:
        return "ejecting";
    default:
        return "unpopulated";
    }
}

static bool run_query(struct monitor_context *context, struct json_object *args, struct json_object **result,
                      struct error *error)
{
    struct hotplug *hotplug = machine_hotplug(context->machine);
    struct memslot_info info;
    uint32_t slot = 0;

    (void)args, (void)error;
    *result = json_new_array();
    while (hotplug_next_memslot(hotplug, &slot, &info)) {
        struct json_object *memslot = json_new_object();

        add_string(memslot, "id", info.id);
        add_number(memslot, "start", info.start);
        add_number(memslot, "size", info.size);
        add_number(memslot, "node", info.node);
        add_number(memslot, "slot", info.slot);
        add_string(memslot, "state", state_name(info.state));
        json_append(*result, memslot);
    }
    return true;
}

static void print_query(struct text *out, struct json_object *result)
{
    for (size_t i = 0; i < json_object_array_length(result); i++) {
        struct json_object *memslot = json_object_array_get_idx(result, i);
        char size[SIZE_TEXT_MAX];

        text_printf(out,
                    "memslot %s: %s, start 0x%" PRIx64 ", size %" PRIu64 " (%s), node %" PRIu64
                    ", slot %" PRIu64 "\n",
                    get_string(memslot, "id"), get_string(memslot, "state"), get_number(memslot, "start"),
                    get_number(memslot, "size"), size_text(get_number(memslot, "size"), size),
                    get_number(memslot, "node"), get_number(memslot, "slot"));
    }
}

static const struct command commands[] = {
    { .qmp = "memslot",
      .hmp = "memslot",
      .run = run_memslot,
      .completion = COMPLETE_MEMSLOTS,
      .arguments = { { "id", json_type_string, false }, { "action", json_type_string, false } },
      .parameters = "id add|delete",
      .help = "populate a memslot with memory, or request that the guest release it" },
    { .qmp = "query-memslot",
      .hmp = "info memslot",
      .run = run_query,
      .returns = "[MemslotInfo]",
      .print = print_query,
      .help = "show memslots and whether they are populated" },
};

const struct command_area commands_memslot = { commands, sizeof commands / sizeof commands[0] };
