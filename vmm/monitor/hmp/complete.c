/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the Tab key may put at the cursor: commands, what info shows, types, properties, values, ids. Every
 * list is made from the tables that also drive the commands.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/host_nodes.h"
#include "block/node.h"
#include "chardev/chardev.h"
#include "device/board.h"
#include "hotplug/hotplug.h"
#include "machine/machine.h"
#include "memory/backend.h"
#include "memory/object.h"
#include "monitor/command.h"
#include "monitor/hmp/hmp.h"
#include "monitor/session.h"
#include "net/backend.h"

static void offer(struct completions *completions, const char *typed, const char *word, const char *tail)
{
    size_t length = strlen(word);
    char *copy;

    if (strncmp(word, typed, strlen(typed)) != 0 || completions->count == COMPLETIONS_MAX)
        return;
    for (size_t i = 0; i < completions->count; i++)
        if (strcmp(completions->words[i], word) == 0)
            return;
    copy = malloc(length + strlen(tail) + 1);
    if (!copy)
        return;
    memcpy(copy, word, length);
    strcpy(copy + length, tail);
    completions->words[completions->count++] = copy;
}

/* Of names of two words only the first, or, when that is typed, the second. */
static void offer_commands(struct completions *completions, const char *typed)
{
    const struct command *command = NULL;
    const char *space = strchr(typed, ' ');
    size_t prefix = space ? (size_t)(space + 1 - typed) : 0;

    completions->suffix = ' ';
    completions->typed = strlen(typed + prefix);
    while ((command = command_next(command)) != NULL) {
        char word[COMMAND_NAME_MAX];

        if (!command->hmp || strncmp(command->hmp, typed, prefix) != 0)
            continue;
        snprintf(word, sizeof word, "%.*s", (int)strcspn(command->hmp + prefix, " "), command->hmp + prefix);
        offer(completions, typed + prefix, word, "");
    }
}

static void offer_backends(struct completions *completions, struct machine *machine, const char *typed)
{
    const struct backends *backends = machine_backends(machine);
    const struct backend *backend = NULL;

    /* One that is in use can be neither plugged nor removed. */
    while (backends && (backend = backend_next(backends, backend)) != NULL)
        if (!backend->used_by)
            offer(completions, typed, backend->id, "");
    for (const struct object *object = backends ? object_next(backends, NULL) : NULL; object;
         object = object->next)
        if (!object->used_by)
            offer(completions, typed, object->id, "");
}

static void offer_nodes(struct completions *completions, struct machine *machine, const char *typed)
{
    const struct block_nodes *nodes = machine_blocks(machine);
    const struct block_node *node = NULL;

    while ((node = block_node_next(nodes, node)) != NULL)
        offer(completions, typed, block_node_name(node), "");
}

/* "on|off" */
static void offer_words(struct completions *completions, const char *list, const char *typed)
{
    char word[COMMAND_NAME_MAX];
    size_t length;

    for (; *list; list += length + (list[length] == '|')) {
        length = strcspn(list, "|");
        snprintf(word, sizeof word, "%.*s", (int)length, list);
        offer(completions, typed, word, "");
    }
}

static void offer_netdevs(struct completions *completions, struct machine *machine, const char *typed)
{
    const struct net_backends *nets = machine_nets(machine);
    const struct net_backend *backend = NULL;

    while ((backend = net_backend_next(nets, backend)) != NULL)
        offer(completions, typed, net_backend_id(backend), "");
}

/* One that is in use can be neither removed nor connected to a port. */
static void offer_chardevs(struct completions *completions, struct machine *machine, const char *typed)
{
    struct chardevs *chardevs = machine_board(machine)->chardevs;
    struct chardev *chardev = NULL;

    while (chardevs && (chardev = chardev_next(chardevs, chardev)) != NULL)
        if (!chardev_is_open(chardev))
            offer(completions, typed, chardev_id(chardev), "");
}

static void offer_dimms(struct completions *completions, struct machine *machine, const char *typed)
{
    struct hotplug *hotplug = machine_hotplug(machine);
    uint32_t slot = HOTRAM_SLOT_ANY;
    struct dimm_info info;

    while (hotplug && hotplug_next(hotplug, &slot, &info))
        if (info.id)
            offer(completions, typed, info.id, "");
}

/* "hot1 a": the memslot, then what to do with it. */
static void offer_memslots(struct completions *completions, struct machine *machine, const char *text)
{
    struct hotplug *hotplug = machine_hotplug(machine);
    const char *space = strchr(text, ' ');
    struct memslot_info info;
    uint32_t slot = 0;

    completions->suffix = ' ';
    if (space) {
        space += strspn(space, " ");
        completions->typed = strlen(space);
        offer(completions, space, "add", "");
        offer(completions, space, "delete", "");
        return;
    }
    while (hotplug_next_memslot(hotplug, &slot, &info))
        offer(completions, text, info.id, "");
}

static void offer_values(struct completions *completions, struct machine *machine,
                         const struct property *property, const char *typed)
{
    completions->typed = strlen(typed);
    if (strcmp(property->name, "memdev") == 0)
        offer_backends(completions, machine, typed);
    if (strcmp(property->name, "chardev") == 0)
        offer_chardevs(completions, machine, typed);
    if (property->type == PROPERTY_BOOL) {
        offer(completions, typed, "off", "");
        offer(completions, typed, "on", "");
    }
    for (unsigned i = 0; property->type == PROPERTY_POLICY && i < HOST_POLICY_COUNT; i++)
        offer(completions, typed, host_policy_names[i], "");
    for (const char *const *word = property->words; word && *word; word++)
        offer(completions, typed, *word, "");
}

/* Whether "name=" stands among the properties of `text`. */
static bool is_given(const char *text, const char *name)
{
    size_t length = strlen(name);

    while ((text = strchr(text, ',')) != NULL) {
        text++;
        if (strncmp(text, name, length) == 0 && text[length] == '=')
            return true;
    }
    return false;
}

static void offer_type_names(struct completions *completions, const struct type_family *family,
                             const char *typed)
{
    const struct property *table;
    const char *name;
    size_t count;

    completions->suffix = ',';
    for (size_t i = 0; family->type(i, &name, &table, &count); i++)
        offer(completions, typed, name, "");
}

/* The last of the properties in "type,id=m0,si": its name, or its value. */
static void offer_properties(struct completions *completions, struct machine *machine, const char *text,
                             const struct property *table, size_t count)
{
    const char *comma = strrchr(text, ',');
    const char *last = comma ? comma + 1 : text;
    const char *equals = strchr(last, '=');

    completions->suffix = 0;
    completions->typed = strlen(last);
    for (size_t i = 0; i < count; i++) {
        if (!equals && !is_given(text, table[i].name))
            offer(completions, last, table[i].name, "=");
        else if (equals && strlen(table[i].name) == (size_t)(equals - last) &&
                 memcmp(table[i].name, last, (size_t)(equals - last)) == 0)
            offer_values(completions, machine, &table[i], equals + 1);
    }
}

static void offer_family(struct completions *completions, struct machine *machine,
                         const struct type_family *family, const char *text)
{
    const struct property *table;
    size_t length = strcspn(text, ",");
    const char *name;
    size_t count;

    if (text[length] == '\0') {
        offer_type_names(completions, family, text);
        return;
    }
    for (size_t i = 0; family->type(i, &name, &table, &count); i++)
        if (strlen(name) == length && memcmp(name, text, length) == 0) {
            if (!strchr(strrchr(text, ','), '=') && !is_given(text, "id"))
                offer(completions, strrchr(text, ',') + 1, "id", "=");
            offer_properties(completions, machine, text, table, count);
        }
}

/* "1G,no" of memory plug; the first is the value of the first property. */
static void offer_own_properties(struct completions *completions, struct machine *machine,
                                 const struct command *command, const char *text)
{
    if (strchr(text, ','))
        offer_properties(completions, machine, text, command->properties + 1, command->property_count - 1);
    else if (command->completion == COMPLETE_DIMMS)
        offer_dimms(completions, machine, text);
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void offer_arguments(struct completions *completions, struct machine *machine,
                            const struct command *command, const char *rest)
{
    if (command->completion == COMPLETE_COMMANDS)
        offer_commands(completions, rest);
    else if (command->completion == COMPLETE_MEMSLOTS)
        offer_memslots(completions, machine, rest);
    else if (strchr(rest, ' '))
        return; /* no other command has a second word */
    else if (command->family)
        offer_family(completions, machine, command->family, rest);
    else if (command->properties)
        offer_own_properties(completions, machine, command, rest);
    else if (command->completion == COMPLETE_DIMMS)
        offer_dimms(completions, machine, rest);
    else if (command->completion == COMPLETE_BACKENDS)
        offer_backends(completions, machine, rest);
    else if (command->completion == COMPLETE_NODES)
        offer_nodes(completions, machine, rest);
    else if (command->completion == COMPLETE_NETDEVS)
        offer_netdevs(completions, machine, rest);
    else if (command->completion == COMPLETE_CHARDEVS)
        offer_chardevs(completions, machine, rest);
    else if (command->completion == COMPLETE_PARAMETERS)
        offer_words(completions, command->parameters, rest);
}

/* How long the command's name is at the start of a line: one word, or two. */
static size_t name_length(const char *line)
{
    size_t length = strcspn(line, " ");
    char word[COMMAND_NAME_MAX] = "";

    if (length < sizeof word)
        memcpy(word, line, length);
    if (line[length] == ' ' && command_is_prefix(word))
        length += 1 + strcspn(line + length + 1, " ");
    return length;
}

void complete(struct monitors *monitors, const char *line, struct completions *completions)
{
    const struct command *command;
    char name[COMMAND_NAME_MAX];
    size_t length;

    *completions = (struct completions){ 0 };
    line += strspn(line, " ");
    length = name_length(line);
    completions->typed = strlen(line);
    if (line[length] == '\0') {
        offer_commands(completions, line);
    } else if (length < sizeof name) {
        snprintf(name, sizeof name, "%.*s", (int)length, line);
        command = command_by_hmp_name(name);
        line += length + strspn(line + length, " ");
        completions->typed = strlen(line);
        if (command)
            offer_arguments(completions, monitors->machine, command, line);
    }
    qsort(completions->words, completions->count, sizeof completions->words[0], compare);
}

void completions_free(struct completions *completions)
{
    for (size_t i = 0; i < completions->count; i++)
        free(completions->words[i]);
    completions->count = 0;
}

/* Sorted: what the first and the last have in common, all have. */
size_t completions_common(const struct completions *completions)
{
    const char *first;
    const char *last;
    size_t length = 0;

    if (completions->count == 0)
        return 0;
    first = completions->words[0];
    last = completions->words[completions->count - 1];
    while (first[length] && first[length] == last[length])
        length++;
    return length;
}
