/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of monitor/ share: the monitors, the table of commands, and the way from a line or a JSON
 * object to a command and back.
 */
#ifndef VMM_MONITOR_INTERNAL_H
#define VMM_MONITOR_INTERNAL_H

#include <json-c/json_object.h>
#include <json-c/linkhash.h>
#include <stddef.h>
#include <stdint.h>

#include "chardev/chardev.h"
#include "host/loop.h"
#include "monitor/monitor.h"
#include "monitor/text.h"
#include "options/props.h"

struct monitor;
struct qmp_session;

struct monitors {
    struct machine *machine;
    struct chardevs *chardevs;
    struct monitor *first;
    struct qmp_session *qmp_sessions;
    bool migration_events; /* migrate-set-capabilities: kept, without a meaning */
};

/* One -mon: the user of a chardev. */
struct monitor {
    struct monitors *monitors;
    struct monitor *next;
    bool pretty;
    struct editor *idle_editors;
};

/* What a session has been sent and does not take yet: while a command is not answered, so that answers come
 * in the order of the commands; and while more than MONITOR_OUTPUT_HIGH bytes wait for a client that does not
 * read its answers. */
#define MONITOR_OUTPUT_HIGH 65536u

/* Limits of what a QMP client sends as one value (host/json_reader.h). */
#define QMP_DEPTH_MAX 1024u
#define QMP_BYTES_MAX (16u << 20)
#define QMP_TOKENS_MAX 131072u

struct intake {
    struct channel *channel;
    bool waiting;  /* for a command's answer; set by the session */
    bool reads_on; /* meanwhile too, as far as there is room: a person may press Ctrl-C */
    /* Take bytes until intake_full(); returns how many were taken. */
    size_t (*take)(void *session, const uint8_t *bytes, size_t length);
    void *session;
    uint8_t *held; /* twice CHANNEL_INPUT_MAX bytes, or NULL while nothing was held yet */
    size_t held_count;
    struct loop *loop;
    struct work resume; /* goes on with what is held */
};
/* The struct is whole but for what is the intake's own. */
void intake_init(struct intake *intake, struct loop *loop);
bool intake_full(const struct intake *intake);
void intake_input(struct intake *intake, const uint8_t *bytes, size_t length);
void intake_drained(struct intake *intake);
/* The answer is there. What the client sent meanwhile is run from the event loop: whoever gave the answer may
 * be in the middle of a walk, or of something that the next command would change. */
void intake_resume(struct intake *intake);
void intake_free(struct intake *intake);

extern const struct chardev_user_ops qmp_ops, hmp_ops;

/* {"qemu": {...}, "package": ...}, for the greeting and query-version. */
struct json_object *monitor_version(void);

/* Send an event, which is borrowed, to all QMP sessions past their negotiation. */
void qmp_sessions_event(struct monitors *monitors, struct json_object *event);

/* Commands ------------------------------------------------------------------------------------------- */

/* Who asks, and with what. */
struct monitor_context {
    struct monitors *monitors;
    struct machine *machine;
    bool keyval;             /* properties are all strings, as a person types them */
    struct pending *pending; /* set by command_defer() */
};

/* Run a command. `args` is borrowed, an object, and has passed the checks of the table. *result is NULL; a
 * command that has one sets it to a new object, otherwise {} is returned. One that cannot answer yet calls
 * command_defer() and returns true. */
typedef bool command_function(struct monitor_context *context, struct json_object *args,
                              struct json_object **result, struct error *error);
/* Show a result to a person. */
typedef void command_print(struct text *out, struct json_object *result);

struct command_argument {
    const char *name; /* NULL ends the list */
    enum json_type type;
    bool optional;
};

#define COMMAND_ARGUMENTS_MAX 4
#define COMMAND_NAME_MAX 64

/* What completes an argument in HMP. */
enum command_completion {
    COMPLETE_NOTHING,
    COMPLETE_COMMANDS,
    COMPLETE_DIMMS,
    COMPLETE_BACKENDS,
    COMPLETE_MEMSLOTS
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
    command_function *run;
    const char *returns; /* its type, see schema.h; NULL: an empty object */
    command_print *print;
    enum command_completion completion;
    const char *feature;    /* of query-qmp-schema, or NULL */
    bool early;             /* before x-exit-preconfig, too */
    bool whole_line;        /* HMP: the argument is all that is left of the line */
    const char *parameters; /* for `help` */
    const char *help;
};

struct command_area {
    const struct command *commands;
    size_t count;
};

extern const struct command_area commands_machine, commands_map, commands_memory, commands_memory_info,
    commands_memslot, commands_monitor, commands_operation, commands_query, commands_set, commands_schema,
    commands_introspect, commands_qom;

/* All commands in the order of the tables: NULL gives the first. */
const struct command *command_next(const struct command *command);
const struct command *command_by_qmp_name(const char *name);
/* Why there is no such command, where QEMU has one; or NULL. */
const char *command_absent(const char *name);
/* By "stop", "s", "info status". */
const struct command *command_by_hmp_name(const char *name);
/* Whether the word begins names of two words, as info does. */
bool command_is_prefix(const char *word);

/* Check the arguments by the table, then run. *result is a new object on success, unless context->pending is
 * set: then the answer comes later. */
bool command_run(const struct command *command, struct monitor_context *context, struct json_object *args,
                 struct json_object **result, struct error *error);

/* Answers that come later ---------------------------------------------------------------------------- */

/*
 * A command that takes long returns at once and is answered when its work is done. Meanwhile the event loop
 * runs: the guest, other monitors, and other sessions of the same one. The session that asked takes no
 * further command, so its answers keep their order. Each pending command is finished exactly once, from the
 * event loop and not from within another command, whether or not somebody still waits for it.
 */
struct pending {
    const struct command *command;
    /* By whoever asked; NULL when nobody waits any more. `result` is borrowed, NULL with an error. */
    void (*answer)(void *asker, const struct command *command, struct json_object *result,
                   const struct error *error);
    void (*say)(void *asker, const char *line); /* how far it is, for a person; may be NULL */
    void *asker;
    /* By the command: asked to end early, it still finishes as always. May be NULL. */
    void (*cancel)(void *opaque);
    void *opaque;
};

/* Within command_function: answer later. NULL when out of memory: then fail. */
struct pending *command_defer(struct monitor_context *context);
/* It can answer at once after all, or fails. One that was not deferred will do. */
void command_undefer(struct monitor_context *context);
/* The command is done: `result` is taken over, NULL for {}; or an error. The pending is gone. */
void pending_finish(struct pending *pending, struct json_object *result, const struct error *error);
/* How far it is, a line without its end. */
void pending_say(struct pending *pending, const char *line);
void pending_cancel(struct pending *pending);
/* Nobody waits for it any more; NULL will do. */
void pending_forget(struct pending *pending);

/* So much of a backend's memory is allocated: the event MEMORY_PREALLOC, and a line for who waits. */
void prealloc_progress(struct machine *machine, struct pending *pending, const char *id, uint64_t done,
                       uint64_t size);

/* A DIMM as query-memory-devices has it, without its type. A new object. */
struct dimm_info;
struct json_object *describe_dimm(const struct dimm_info *info);

/* What every vCPU is, as QEMU names it. */
#if defined(__x86_64__)
#define MONITOR_TARGET "x86_64"
#elif defined(__aarch64__)
#define MONITOR_TARGET "aarch64"
#endif
#define MONITOR_CPU_TYPE "host-" MONITOR_TARGET "-cpu"

/* Types ---------------------------------------------------------------------------------------------- */

/* What can be made of a kind: types of -object, types of -device. */
struct type_family {
    const char *what; /* "object", "device" */
    const char *key;  /* "qom-type", "driver" */
    /* Type number `index`, or false after the last. */
    bool (*type)(size_t index, const char **name, const struct property **table, size_t *count);
};
extern const struct type_family object_types, device_types;
/* The help of one table of properties. */
void properties_help(const char *title, const struct property *table, size_t count, struct text *out);

/* "object_add help", "object_add memory-backend-ram,help": true when `text` asks for help and got it. */
bool type_help(const struct type_family *family, const char *text, struct text *out);

/* HMP ------------------------------------------------------------------------------------------------ */

#define HMP_PROMPT "(hotram) "
/* In place of what a command says, for which memory is short. */
#define HMP_NO_ANSWER \
    "out of memory for the output of the command, which may have been carried out; info commands show its effect"
/* The longest line. Each key costs the editor time that grows with the line, and the main thread is its. */
#define HMP_LINE_MAX 1023u

/* Run one line as a person typed it; what it says, errors included, goes to `out` with \n at line ends. Not
 * NULL: the answer comes later, to be shown by hmp_show(); the caller sets the pending's asker. */
struct pending *hmp_run(struct monitors *monitors, const char *line, struct text *out);
void hmp_show(struct text *out, const struct command *command, struct json_object *result,
              const struct error *error);

/* "unknown command: 'x'", with the nearest name. */
void hmp_unknown(struct text *out, const char *name);

/* Completions of a line up to the cursor. */
#define COMPLETIONS_MAX 300
struct completions {
    size_t typed; /* bytes at the end of the line that are the beginning of each candidate */
    size_t count;
    char *words[COMPLETIONS_MAX]; /* owned; sorted by complete() */
    char suffix;                  /* follows a word that is complete: ' ', ',' or 0 */
};
void complete(struct monitors *monitors, const char *line, struct completions *completions);
void completions_free(struct completions *completions);
/* How many bytes all candidates have in common. */
size_t completions_common(const struct completions *completions);

/* Line editing for one session. NULL when it cannot be had: the session then reads plain lines. Editors whose
 * session is over wait for the next session of their monitor, which finds their history (as in QEMU, where
 * history belongs to the monitor). */
struct editor;
struct editor *editor_open(struct monitor *monitor, struct channel *channel);
void editor_close(struct editor *editor);
/* It lives on memory that others need: close it soon. */
bool editor_is_spent(const struct editor *editor);
void editors_destroy(struct editor *idle);
/* Show the prompt for a new line. */
void editor_prompt(struct editor *editor);
/* Show the line again, after something else was shown. */
void editor_redraw(struct editor *editor);
/* Take one byte. When it ends the line, that is returned without its end, until the next call. *too_long:
 * what is beyond HMP_LINE_MAX was dropped from it. */
const char *editor_input(struct editor *editor, uint8_t byte, bool *too_long);

#endif
