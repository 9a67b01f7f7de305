/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a virtio-serial-pci must say to its driver, and which bytes go where: a second opinion, written from
 * the text of virtio 1.2, 5.3, and of QEMU's rules for ports that come and go. It knows what the driver has
 * said, what it has been told, and which ports there are; not how the device keeps this.
 */
#ifndef TESTS_FUZZ_SERIAL_MODEL_H
#define TESTS_FUZZ_SERIAL_MODEL_H

#include "input.h"

#define MODEL_PORTS 4u /* numbers that there are */

/* Control messages (5.3.6.2). */
enum { DEVICE_READY, PORT_ADD, PORT_REMOVE, PORT_READY, CONSOLE_PORT, RESIZE, PORT_OPEN, PORT_NAME };

/* Bytes one way: which ones they are follows from whose they are, and how many were before them. */
struct model_stream {
    unsigned seed;
    uint64_t sent, got;
};
void model_stream_fill(struct model_stream *stream, uint8_t *bytes, size_t length);
/* The next that arrive are these. */
void model_stream_check(struct model_stream *stream, const uint8_t *bytes, size_t length);

/* A number: the port that is there, and the one that the driver knows. */
struct model_number {
    unsigned generation; /* of the port that is there; 0: none is */
    bool terminal, has_chardev;
    const char *name; /* or NULL */
    bool open, left;  /* somebody is at the other end; somebody has left since the driver was told so */
    bool guest_open;
    bool stray; /* the driver has queued bytes for a number that it knows no port of: they may be anybody's */
    bool wild;  /* and so the port may get any */
    struct model_stream from_guest, to_guest;

    unsigned known; /* generation that the driver has been told of; 0: none */
    bool ready, told_terminal, told_name, told_open;
};

struct model {
    bool multiport;
    bool ready;  /* the driver takes control messages */
    bool broken; /* by what the driver has said */
    unsigned generations;
    struct model_number number[MODEL_PORTS];
};

void model_reset(struct model *model, bool multiport);
void model_add(struct model *model, unsigned number, bool terminal, const char *name, bool has_chardev);
void model_remove(struct model *model, unsigned number);
void model_connect(struct model *model, unsigned number, bool connected);

/* The driver queues bytes for a number. */
void model_send(struct model *model, unsigned number);
/* Whether what the driver sends now is for the port that is there. */
bool model_is_for_port(const struct model *model, unsigned number);
/* The device has taken a control message from the driver. */
void model_take(struct model *model, const uint8_t *message, size_t length);
/* It has given one: that this is right now. */
void model_give(struct model *model, const uint8_t *message, size_t length);
/* Everything has been said that there is to say. */
void model_check_all_said(const struct model *model);

#endif
