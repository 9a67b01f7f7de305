/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every test of monitors and character devices needs: an event loop, chardevs, monitors, clients at the
 * other end of sockets, and a machine. It is the program's own under -accel qtest, made of a command line as
 * vmm/main.c makes it, and a test plays the guest. Clients never block: while they wait, the loop runs.
 */
#ifndef TESTS_UNIT_MONITOR_WORLD_H
#define TESTS_UNIT_MONITOR_WORLD_H

#include "../unit.h"

#include <json-c/json.h>

#include "base/config.h"
#include "base/loop.h"
#include "chardev/chardev.h"
#include "machine/machine.h"
#include "monitor/monitor.h"
#include "net/backend.h"

struct world {
    struct loop *loop;
    struct net_backends *nets;
    struct chardevs *chardevs;
    struct config config;
    struct machine *machine;
    struct monitors *monitors;
    unsigned terminated; /* Ctrl-A x */
    char folder[64];
    char path[128];              /* of the last socket, pty or file that was made */
    size_t threads, descriptors; /* of this program before */
};

#define WORLD_MACHINE "-m 128M,slots=3,maxmem=2G -smp 2"

/* cmocka's setup and teardown: *state is a struct world with that machine. The teardown fails if a thread or
 * a descriptor is left. */
int world_set_up(void **state);
int world_tear_down(void **state);
/* The same of a machine with other options, words with spaces between them. */
int world_set_up_with(void **state, const char *options);
/* Another world in place of *state. */
struct world *world_again(void **state, const char *options);
/* quit was obeyed. */
bool world_ends(const struct world *world);
/* What the guest does at the registers of the slots: it answers an event by _OST, and ejects a DIMM. */
void guest_answers(struct world *world, uint32_t slot, uint32_t event, uint32_t status);
void guest_ejects(struct world *world, uint32_t slot);

/* Make a chardev and start it with a monitor on it. A listening socket "ID" in the folder. */
void world_listen(struct world *world, const char *id, bool control);
/* A chardev of any kind; NULL and the error on failure. */
struct chardev *world_chardev(struct world *world, struct chardev_config config, struct error *error);
void world_monitor(struct world *world, const char *chardev, bool control, bool pretty);

/* A new client of the socket `id`. */
int world_connect(struct world *world, const char *id);
/* Run what is ready. */
void world_run(struct world *world);

/* What a client reads up to and with `end`, or all up to the end of the connection when end is NULL. Fails
 * the test after a minute. To be freed. */
char *client_read(struct world *world, int fd, const char *end);
/* Read and forget, up to `end`. */
void client_skip(struct world *world, int fd, const char *end);
/* Send everything, running the loop while the other side takes nothing. */
void client_send(struct world *world, int fd, const void *bytes, size_t length);
void client_say(struct world *world, int fd, const char *text);
/* Nothing to read and not closed. */
void client_is_quiet(struct world *world, int fd);

/* QMP: send a line, read one line. To be put. */
struct json_object *qmp_ask(struct world *world, int fd, const char *line);
/* Send a line, expect exactly this line (without its end). */
void qmp_expect(struct world *world, int fd, const char *line, const char *answer);
/* Greeting read, capabilities negotiated. */
int qmp_client(struct world *world, const char *id);

#endif
