/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands of the monitors: their tables, and their execution with arguments from a line or a JSON object.
 *
 * Threads: main thread only.
 */
#ifndef VMM_MONITOR_COMMAND_H
#define VMM_MONITOR_COMMAND_H

#include <json-c/json_object.h>
#include <json-c/linkhash.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/props.h"
#include "base/text.h"

struct channel;
struct machine;
struct monitors;
struct pending;
struct type_family;

/* The session that runs a command. */
struct monitor_context {
    struct monitors *monitors;
    struct machine *machine;
    struct channel *channel; /* that descriptors may arrive by; or NULL */
    bool keyval;             /* properties are strings, as a person types them */
    struct pending *pending; /* set by command_defer() */
};

/* Run a command. `args` is a borrowed object that has passed the checks of the table. *result is NULL, and
 * may be set to a new object; otherwise the answer is {}. A command that cannot answer yet calls
 * command_defer() and returns true. False and an error. */
typedef bool command_function(struct monitor_context *context, struct json_object *args,
                              struct json_object **result, struct error *error);
/* Append a result as text for a person. */
typedef void command_print(struct text *out, struct json_object *result);

/* Type of an argument that accepts values of any type. */
#define COMMAND_ANY json_type_null

struct command_argument {
    const char *name; /* NULL ends the list */
    enum json_type type;
    bool optional;
};

/* When else a command that changes something is possible. */
enum command_migrating {
    COMMAND_WHILE_SENDING = 1,   /* while the guest is sent to another program */
    COMMAND_WHILE_RECEIVING = 2, /* after -incoming, until it has arrived */
    COMMAND_WHILE_MIGRATING = COMMAND_WHILE_SENDING | COMMAND_WHILE_RECEIVING
};

#define COMMAND_ARGUMENTS_MAX 6
#define COMMAND_NAME_MAX 64

/* What completes an argument in HMP. */
enum command_completion {
    COMPLETE_NOTHING,
    COMPLETE_COMMANDS,
    COMPLETE_DIMMS,
    COMPLETE_BACKENDS,
    COMPLETE_MEMSLOTS,
    COMPLETE_NODES,
    COMPLETE_NETDEVS,
    COMPLETE_CHARDEVS,
    COMPLETE_PARAMETERS /* a word of the command's `parameters`, "on|off" */
};

struct command {
    const char *qmp;   /* NULL: only for people */
    const char *hmp;   /* "stop", "info status"; NULL: only for programs */
    const char *alias; /* a second, short name in HMP, or NULL */
    struct command_argument arguments[COMMAND_ARGUMENTS_MAX + 1];
    /* Further arguments are the properties of an object; in HMP they are one word, "first,key=value", whose
     * first value is that of the first argument. */
    const struct type_family *family;
    /* Or all arguments are these properties, which the command reads by itself, from JSON or keyval; in HMP
     * they are one word, "first,key=value". */
    const struct property *properties;
    size_t property_count;
    /* Or its argument `variant` is an object whose member "data" has the properties of a type that is named
     * by the member of the family's key; for query-qmp-schema. NULL: none is. */
    const char *variant;
    const struct type_family *variants;
    command_function *run;
    const char *returns; /* its type, see schema.h; NULL: an empty object */
    command_print *print;
    enum command_completion completion;
    const char *feature; /* of query-qmp-schema, or NULL */
    unsigned migrating;  /* of enum command_migrating; queries are always possible */
    bool early;          /* before x-exit-preconfig, too */
    bool whole_line;     /* HMP: the argument is all that is left of the line, or one word in quotes */
    const char *flag;    /* HMP: this word ("-b") before the arguments makes a boolean one true; or NULL */
    const char *flag_argument;
    const char *parameters; /* for `help` */
    const char *help;
};

struct command_area {
    const struct command *commands;
    size_t count;
};

extern const struct command_area commands_machine, commands_map, commands_memory, commands_memory_info,
    commands_memory_slots, commands_memslot, commands_block, commands_iothread, commands_net,
    commands_monitor, commands_operation, commands_query, commands_set, commands_schema, commands_introspect,
    commands_qom, commands_pci, commands_balloon, commands_descriptors, commands_chardev, commands_cpus,
    commands_snapshot, commands_migrate, commands_migrate_parameters;

/* Iterate over all commands in the order of the tables: the first for NULL; NULL after the last. */
const struct command *command_next(const struct command *command);
/* The command with a QMP name; NULL: there is none. */
const struct command *command_by_qmp_name(const char *name);
/* Why hotram lacks a command of QEMU's, a constant string; NULL: no reason is known. */
const char *command_absent(const char *name);
/* The command with an HMP name or alias: "stop", "s", "info status"; NULL: there is none. */
const struct command *command_by_hmp_name(const char *name);
/* Whether the word is the first of names of two words, like "info". */
bool command_is_prefix(const char *word);

/* Check the arguments by the table, then run the command. On success *result is a new object, or, if
 * context->pending is set, NULL: the answer follows. False and an error: the command is not permitted before
 * x-exit-preconfig, an argument is invalid, or the command has failed. */
bool command_run(const struct command *command, struct monitor_context *context, struct json_object *args,
                 struct json_object **result, struct error *error);

/* ---- types ---- */

/* What can be made of a kind: types of -object, types of -device. */
struct type_family {
    const char *what; /* "object", "device" */
    const char *key;  /* "qom-type", "driver" */
    /* The type that errors suggest where none is given. NULL: the first. */
    const char *example;
    /* What errors suggest for an id of such a type, which may be unknown or NULL. NULL: an id may be left
     * out.
     */
    const char *(*example_id)(const char *type);
    /* Type number `index`, or false after the last. */
    bool (*type)(size_t index, const char **name, const struct property **table, size_t *count);
    /* Of a struct command's `variants`: in the case `inner_case`, the member `inner_name` has the same shape
     * again. NULL: none has. */
    const struct type_family *inner;
    const char *inner_case, *inner_name;
};
extern const struct type_family object_types, device_types;
/* The help of one table of properties. */
void properties_help(const char *title, const struct property *table, size_t count, struct text *out);

/* "object_add help", "object_add memory-backend-ram,help": true when `text` asks for help and got it. */
bool type_help(const struct type_family *family, const char *text, struct text *out);

/* ---- shared by several areas of commands ---- */

/* So much of a backend's memory is allocated: the event MEMORY_PREALLOC, and a line for who waits. */
void prealloc_progress(struct machine *machine, struct pending *pending, const char *id, uint64_t done,
                       uint64_t size);

/* A device's properties by name, and whether it was plugged. A new object. */
struct device;
struct json_object *describe_device_values(const struct device *device);

/* What every vCPU is, as QEMU names it. */
#if defined(__x86_64__)
#define MONITOR_TARGET "x86_64"
#define MONITOR_CPUS "x86_64"
#elif defined(__aarch64__)
#define MONITOR_TARGET "aarch64"
#define MONITOR_CPUS "arm"
#endif
#define MONITOR_CPU_TYPE "host-" MONITOR_CPUS "-cpu"

#endif
