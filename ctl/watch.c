/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What top looks at: connections to guests that come and go.
 */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/result.h"
#include "operation.h"
#include "top.h"

/* A guest that is stopped must not hold up the others for long. */
#define POLL_TIMEOUT_MS 500

static struct watched *add(struct watch *watch, const struct guest *guest, bool named)
{
    struct watched *watched;

    if (watch->count == GUESTS_MAX)
        return NULL;
    watched = calloc(1, sizeof *watched);
    if (!watched)
        end_without_memory();
    watched->guest = *guest;
    watched->named = named;
    watch->guests[watch->count++] = watched;
    return watched;
}

static void drop_guest(struct watch *watch, size_t at)
{
    struct watched *watched = watch->guests[at];

    view_free(&watched->view);
    qmp_close(watched->qmp);
    free(watched);
    watch->count--;
    memmove(&watch->guests[at], &watch->guests[at + 1], (watch->count - at) * sizeof watched);
}

bool watch_begin(struct watch *watch, const struct options *options, struct error *error)
{
    struct options one = *options;
    struct guest guest;

    *watch = (struct watch){ .options = options };
    for (unsigned i = 0; i < options->guest_count + (options->socket != NULL); i++) {
        one.guests[0] = i < options->guest_count ? options->guests[i] : NULL;
        if (!guest_pick(&one, &guest, error))
            return false;
        add(watch, &guest, true);
    }
    return true;
}

void watch_end(struct watch *watch)
{
    while (watch->count > 0)
        drop_guest(watch, watch->count - 1);
}

/* Guests that are new, and those that are not there any more. */
static void find(struct watch *watch)
{
    struct guest guests[GUESTS_MAX];
    size_t count = guests_find(guests, GUESTS_MAX, NULL), at;

    for (size_t i = watch->count; i-- > 0;) {
        if (!watch->guests[i]->qmp && !watch->guests[i]->found)
            drop_guest(watch, i); /* the last look has said so */
        else
            watch->guests[i]->found = false;
    }
    for (size_t i = 0; i < count; i++) {
        for (at = 0; at < watch->count && strcmp(watch->guests[at]->guest.path, guests[i].path) != 0; at++)
            ;
        if (at < watch->count || add(watch, &guests[i], false))
            watch->guests[at]->found = true;
    }
}

static void poll_guest(struct watched *watched, uint64_t answer_timeout)
{
    struct error error = { 0 };

    view_free(&watched->view);
    watched->seen = false;
    if (!watched->qmp)
        watched->qmp = qmp_connect(watched->guest.path, answer_timeout, &error);
    if (watched->qmp) {
        qmp_forget_events(watched->qmp);
        watched->seen = view_read(&watched->view, watched->qmp, answer_timeout, &error);
    }
    if (watched->seen)
        return;
    /* An answer that comes after all would be taken for that of the next question. */
    qmp_close(watched->qmp);
    watched->qmp = NULL;
    snprintf(watched->why, sizeof watched->why, "%.150s", error.text);
}

void watch_look(struct watch *watch)
{
    uint64_t answer_timeout = watch->options->answer_timeout < POLL_TIMEOUT_MS
                                  ? watch->options->answer_timeout
                                  : POLL_TIMEOUT_MS;

    if (watch->options->guest_count == 0 && !watch->options->socket)
        find(watch);
    for (size_t i = 0; i < watch->count; i++)
        poll_guest(watch->guests[i], answer_timeout);
}

static const char *name_of(const struct watched *watched)
{
    const char *name = json_text_of(watched->view.name, "name");

    return *name ? name : *watched->guest.name ? watched->guest.name : watched->guest.path;
}

void watch_print(const struct watch *watch, struct text *out)
{
    text_printf(out, "%-16s %8s %-10s %7s %10s %10s %10s %9s %10s %3s\n", "GUEST", "PID", "STATE", "CPUS",
                "SIZE", "PLUGGED", "MAXMEM", "SLOTS", "RESIDENT", "OPS");
    for (size_t i = 0; i < watch->count; i++) {
        const struct watched *watched = watch->guests[i];
        const struct view *view = &watched->view;
        char cpus[32] = "-", slots[32];

        if (!watched->seen) {
            text_printf(out, "%-16s %8s not there: %s\n", shown(name_of(watched)), "-", shown(watched->why));
            continue;
        }
        snprintf(slots, sizeof slots, "%zu/%" PRIu64, view_slots_in_use(view), view->slots);
        if (view->cpus)
            snprintf(cpus, sizeof cpus, "%zu/%zu", view_present_cpus(view->cpus), json_length(view->cpus));
        text_printf(out, "%-16s %8ld %-10s %7s %10s %10s %10s %9s %10s %3zu\n", shown(name_of(watched)),
                    (long)view->pid, shown(json_text_of(view->state, "status")), cpus,
                    shown_size(view->base + view->plugged), shown_size(view->plugged),
                    view->maxmem ? shown_size(view->maxmem) : "-", slots, shown_size(view->resident),
                    view_in_progress(view));
        operations_words(out, "    ", view->operations);
        operations_words(out, "    ", view->cpu_operations);
        operations_words(out, "    ", view->device_operations);
    }
    if (watch->count == 0)
        text_string(out, "no guest with a name is running\n");
}

struct json_object *watch_document(const struct watch *watch)
{
    struct json_object *list = json_new_array();

    for (size_t i = 0; i < watch->count; i++) {
        const struct watched *watched = watch->guests[i];
        struct json_object *entry = watched->seen ? view_document(&watched->view, watched->guest.path)
                                                  : json_new_object();

        if (!watched->seen) {
            add_string(entry, "socket", watched->guest.path);
            add_string(entry, "error", watched->why);
        }
        json_append(list, entry);
    }
    return list;
}
