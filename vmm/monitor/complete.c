/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the Tab key may put at the cursor: commands, what info shows, types, properties, values, ids. Every
 * list is made from the tables that also drive the commands.
 */
#include <stdlib.h>
#include <string.h>

#include "hotplug/hotplug.h"
#include "machine/machine.h"
#include "memory/backend.h"
#include "monitor/internal.h"
#include "options/host_nodes.h"

static void offer(struct completions *completions, const char *typed, const char *word, const char *tail)
{
    size_t length = strlen(word);
    char *copy;

    if (strncmp(word, typed, strlen(typed)) != 0 || completions->count == COMPLETIONS_MAX)
        return;
    copy = malloc(length + strlen(tail) + 1);
    if (!copy)
        return;
    memcpy(copy, word, length);
    strcpy(copy + length, tail);
    completions->words[completions->count++] = copy;
}

/* Commands; after "info " what info shows. */
static void offer_commands(struct completions *completions, const char *typed)
{
    const struct command *command = NULL;
    bool info = strncmp(typed, "info ", 5) == 0;

    completions->suffix = ' ';
    if (info) {
        typed += 5;
        completions->typed = strlen(typed);
    }
    while ((command = command_next(command)) != NULL)
        if (command->hmp && (strncmp(command->hmp, "info ", 5) == 0) == info)
            offer(completions, typed, command->hmp + (info ? 5 : 0), "");
}

static void offer_backends(struct completions *completions, struct machine *machine, const char *typed)
{
    const struct backends *backends = machine_backends(machine);
    const struct backend *backend = NULL;

    /* One that is in use can be neither plugged nor removed. */
    while (backends && (backend = backend_next(backends, backend)) != NULL)
        if (!backend->used_by)
            offer(completions, typed, backend->id, "");
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
    if (property->type == PROPERTY_BOOL) {
        offer(completions, typed, "off", "");
        offer(completions, typed, "on", "");
    }
    for (unsigned i = 0; property->type == PROPERTY_POLICY && i < HOST_POLICY_COUNT; i++)
        offer(completions, typed, host_policy_names[i], "");
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
    const char *last = strrchr(text, ',') + 1;
    const char *equals = strchr(last, '=');

    completions->suffix = 0;
    completions->typed = strlen(last);
    if (!equals && !is_given(text, "id"))
        offer(completions, last, "id", "=");
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
        if (strlen(name) == length && memcmp(name, text, length) == 0)
            offer_properties(completions, machine, text, table, count);
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
    else if (command->completion == COMPLETE_DIMMS)
        offer_dimms(completions, machine, rest);
    else if (command->completion == COMPLETE_BACKENDS)
        offer_backends(completions, machine, rest);
}

void complete(struct monitors *monitors, const char *line, struct completions *completions)
{
    size_t length;
    const struct command *command = NULL;
    char name[32];

    *completions = (struct completions){ 0 };
    line += strspn(line, " ");
    length = strcspn(line, " ");
    completions->typed = strlen(line);
    if (line[length] == '\0') {
        offer_commands(completions, line);
    } else if (strncmp(line, "info ", 5) == 0) {
        if (!strchr(line + 5, ' '))
            offer_commands(completions, line);
    } else if (length < sizeof name) {
        memcpy(name, line, length);
        name[length] = '\0';
        command = command_by_hmp_name(name);
    }
    if (command) {
        line += length + strspn(line + length, " ");
        completions->typed = strlen(line);
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
