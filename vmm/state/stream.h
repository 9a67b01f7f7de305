/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A stream of saved states: what a snapshot contains besides pages of memory. docs/state.md specifies it.
 *
 * It is a sequence of libhotram's saved states (hotram/state.h), each with kind, version, length and
 * checksum. Those of kind STREAM_KIND are sections: a name, and items, each with a name, a type and a value,
 * so that a reader that knows nothing of a machine can print them. The first section, "stream", has the
 * version; the last, "end", states how much precedes it. States of other kinds, such as those of devices, are
 * between them.
 *
 * Threads: any; the caller serializes the calls for one writer.
 */
#ifndef VMM_STATE_STREAM_H
#define VMM_STATE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hotram/state.h>

#include "base/error.h"

#define STREAM_VERSION 1u
#define STREAM_KIND (HOTRAM_STATE_OWN + 2u)
#define STREAM_SECTION_MAX 65536u            /* bytes of name and items */
#define STREAM_STATES_MAX 4096u              /* of a stream, sections among them */
#define STREAM_ITEMS_MAX 2048u               /* of a section */
#define STREAM_NAME_MAX 63u                  /* of a section or an item */
#define STREAM_SIZE_MAX (UINT32_C(32) << 20) /* bytes of a stream that is read from a file */

/* Types of items; the numbers are part of the format. */
enum stream_type {
    STREAM_NUMBER = 1, /* 64 bits, little endian */
    STREAM_TEXT = 2,   /* without control characters */
    STREAM_BYTES = 3,
};

/* ---- writing ---- */

struct stream_writer {
    struct hotram_buffer *out;
    struct hotram_buffer section; /* name and items of the open one */
    uint8_t room[STREAM_SECTION_MAX];
};

/* Append the first section to `out`, which is empty; `program` names the writing program and its version.
 * What does not fit into `out` is counted there, as always; hotram_buffer_status() says so at the end. Other
 * states may be appended to `out` between sections. */
void stream_begin(struct stream_writer *writer, struct hotram_buffer *out, const char *program);
/* Append the last section. False and an error: the stream has more than STREAM_STATES_MAX states, which no
 * reader accepts. */
bool stream_end(struct stream_writer *writer, struct error *error);
/* Open a section, whose name is unique in the stream; append an item, whose name is unique in its section;
 * close the section. Names are printable ASCII, with 1 to STREAM_NAME_MAX characters. False, and nothing is
 * appended to `out`: it has more than STREAM_SECTION_MAX bytes. */
void stream_open(struct stream_writer *writer, const char *name);
void stream_number(struct stream_writer *writer, const char *name, uint64_t value);
void stream_text(struct stream_writer *writer, const char *name, const char *value);
void stream_bytes(struct stream_writer *writer, const char *name, const void *value, size_t length);
bool stream_close(struct stream_writer *writer, struct error *error);

/* ---- reading ---- */

/* Check the whole of a stream at `bytes`, after which there may be something else: frames, checksums,
 * version, names, items, the end. True: `stream` is its extent, for the functions below. False and an error
 * that says what is wrong, and where. */
bool stream_accept(const uint8_t *bytes, size_t length, struct hotram_saved *stream, struct error *error);

/* Read the stream at the beginning of a file, as long as its frames say it is, at most STREAM_SIZE_MAX bytes;
 * nothing is checked. On the heap, with some of what follows it. NULL, and errno: it cannot be read. */
uint8_t *stream_read_file(int fd, size_t *length);

/* One of the states of a stream that was checked. */
struct stream_part {
    struct hotram_saved state; /* with its frame */
    uint16_t kind, version;
    char name[STREAM_NAME_MAX + 1]; /* of a section; otherwise "" */
    struct hotram_saved contents;   /* a section's items; otherwise all between the frame's two ends */
};

struct stream_item {
    char name[STREAM_NAME_MAX + 1];
    enum stream_type type;
    const uint8_t *value;
    uint32_t length;
    uint64_t number; /* of STREAM_NUMBER */
};

/* Read the next, and advance. False: there is none. */
bool stream_next(struct hotram_saved *rest, struct stream_part *part);
bool stream_next_item(struct hotram_saved *contents, struct stream_item *item);

/* Find a section, or an item of this type. False and an error: there is none. */
bool stream_find(const struct hotram_saved *stream, const char *name, struct stream_part *section,
                 struct error *error);
bool stream_find_item(const struct stream_part *section, const char *name, enum stream_type type,
                      struct stream_item *item, struct error *error);
/* Find the first state of a kind, other than sections: `saved` begins there, and ends with the stream. */
bool stream_find_kind(const struct hotram_saved *stream, uint16_t kind, struct hotram_saved *saved,
                      struct error *error);
/* Likewise, its value: a number up to `most`, or exactly `size` bytes. */
bool stream_get(const struct stream_part *section, const char *name, uint64_t most, uint64_t *value,
                struct error *error);
bool stream_get_bytes(const struct stream_part *section, const char *name, void *value, size_t size,
                      struct error *error);

/* Whether two sections have the same items, in the same order. False and an error that names the first that
 * differs, with both values. */
bool stream_same(const struct stream_part *saved, const struct stream_part *here, struct error *error);
/* The same for the section that is open in a writer, and the one of its name in a stream. */
bool stream_matches(const struct stream_writer *here, const struct hotram_saved *stream, struct error *error);

#endif
