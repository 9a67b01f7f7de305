/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hotramctl: what its commands share.
 *
 * A command gets the options that the command line gave (args.c), speaks with one guest (guest.h) or, as top
 * does, with several, prints results on stdout and errors on stderr, and returns the exit status.
 */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/dimm_place.h"

struct json_object;
struct text;

/* Exit statuses. */
enum status {
    STATUS_DONE = 0,
    STATUS_ERROR = 1,      /* the command was refused, there is no guest, the connection was lost */
    STATUS_USAGE = 2,      /* the command line is wrong */
    STATUS_REFUSED = 3,    /* the guest refused */
    STATUS_UNANSWERED = 4, /* the guest did not answer in time, or the wait was ended */
    STATUS_CANCELLED = 5,
    STATUS_SIZE_MISMATCH = 6, /* set, cpus: the result differs from what was requested */
};

#define GUESTS_MAX 64

struct options {
    const char *socket;             /* -s */
    const char *guests[GUESTS_MAX]; /* -g, and the arguments of top */
    unsigned guest_count;
    bool json;
    bool help;
    bool version;
    bool no_wait;
    uint64_t timeout; /* seconds, for the guest's answer */
    bool timeout_given;
    uint64_t answer_timeout; /* ms, for the monitor's answer */
    const char *id;
    const char *template;
    struct dimm_place place; /* set has only the node */
    bool at_most;
    bool dry_run;
    bool background;
    const char *svg;
    bool ascii;
    uint64_t delay; /* ms */
    uint64_t iterations;
    bool iterations_given;
    char **words; /* the arguments of the command */
    unsigned word_count;
};

struct ctl_command {
    const char *name;
    const char *form; /* of its words: "SIZE" */
    const char *help;
    const char *takes; /* letters of the options that it takes besides -s -g -j: args.c */
    unsigned words_min;
    unsigned words_max;
    enum status (*run)(struct options *options);
};

extern const struct ctl_command commands[];
extern const size_t command_count;

/* args.c. Reads the command line. NULL: *status is the exit status, and a message has been printed. */
const struct ctl_command *args_read(int argc, char *argv[], struct options *options, enum status *status);

/* One file, or one of a group, each. */
enum status run_status(struct options *options);
enum status run_list(struct options *options);
enum status run_map(struct options *options);
enum status run_plug(struct options *options);
enum status run_unplug(struct options *options);
enum status run_set(struct options *options);
enum status run_cpus(struct options *options);
enum status run_wait(struct options *options);
enum status run_cancel(struct options *options);
enum status run_events(struct options *options);
enum status run_top(struct options *options);
enum status run_snapshot(struct options *options);
enum status run_inspect(struct options *options);
enum status run_quit(struct options *options);

/* output.c. "hotramctl: ..." on stderr, and with --json {"error": {"desc", "exit-status"}} on stdout; returns
 * the status. */
enum status fail(const struct options *options, enum status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Report that memory is exhausted, and exit with STATUS_ERROR. A request to a guest may have been executed.
 */
void end_without_memory(void) __attribute__((noreturn));
/* One JSON document on stdout: on several lines, or on one. The object is only borrowed. */
void print_json(struct json_object *object, bool pretty);
/* Print a text on stdout, with control characters replaced; the text is freed. */
void print_text(struct text *text);
/* A text for the terminal: control characters become '?'. Valid until SHOWN_COUNT further calls. */
#define SHOWN_COUNT 16
const char *shown(const char *text);
/* Bytes in that form, newlines kept. */
void text_shown(struct text *out, const char *bytes, size_t length);
/* The number of bytes of the first `columns` characters of a line. */
size_t shown_width(const char *line, size_t columns);
/* "1.5 GiB"; valid as shown() is. */
const char *shown_size(uint64_t bytes);
/* Milliseconds as seconds, with as many digits as one wants to know: "0.42 s", "17 s". */
const char *shown_time(uint64_t milliseconds);

/* json.c. Append to an array whose contents matter; `value` is taken over. Ends the program if memory is
 * exhausted. */
void json_keep(struct json_object *array, struct json_object *value);
/* Members of a monitor's message, which is not trusted: "", 0, false or NULL if there is none of this type.
 */
const char *json_text_of(struct json_object *object, const char *name);
uint64_t json_number_of(struct json_object *object, const char *name);
bool json_has(struct json_object *object, const char *name);
bool json_true(struct json_object *object, const char *name);
struct json_object *json_member(struct json_object *object, const char *name);
size_t json_length(struct json_object *array); /* 0 if it is not an array */
struct json_object *json_at(struct json_object *array, size_t index);

#endif
