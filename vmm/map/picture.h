/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the picture of the address space in text and the one in SVG have in common: the ranges of
 * query-memory-map's result, and the scale at which they are drawn.
 *
 * A picture is rows of equal size, one below the other. Many equal rows in which nothing is, of a hole or of
 * free space, are left out, which the drawing has to say; everything else is to scale.
 *
 * The result may come from another program: whatever is in it, it can be drawn. Ranges that are not numbers
 * or overlap the one before are not part of the picture.
 */
#ifndef VMM_MAP_PICTURE_H
#define VMM_MAP_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_object;
struct text;

/* What a range is, and for a DIMM what is going on with it. */
enum map_kind {
    MAP_RAM,
    MAP_HOLE,
    MAP_IN_USE,
    MAP_PLUGGING,
    MAP_REMOVING,
    MAP_REFUSED,
    MAP_COMING,  /* place of a DIMM whose memory is being allocated */
    MAP_MEMSLOT, /* place of an unpopulated memslot */
    MAP_BLOCKS,  /* of virtio-mem: all blocks are plugged, */
    MAP_SOME,    /* some are, */
    MAP_NONE,    /* none is */
    MAP_FREE,
    MAP_LARGEST, /* the largest free gap */
    MAP_OTHER,
    MAP_KINDS
};

struct map_range {
    uint64_t start;
    uint64_t size; /* start + size <= 2^64 - 1 */
    enum map_kind kind;
    struct json_object *object; /* borrowed from the map */
    bool drawn;                 /* for the drawing's own use */
};

struct map_picture {
    struct map_range *ranges; /* by rising address, without overlaps */
    size_t count;
    uint64_t end;   /* of the last range */
    unsigned cells; /* of a row: a power of two */
    uint64_t cell;  /* bytes: a power of two */
};

/* One line of the drawing. */
struct map_row {
    uint64_t start;
    uint64_t size;                    /* bytes; the last row may be shorter than the others */
    size_t first;                     /* the range that ends behind `start` */
    const struct map_range *left_out; /* these are several rows, and all of them are in this range; or NULL */
};

/* False: out of memory. */
bool map_read(struct map_picture *picture, struct json_object *map);
void map_free(struct map_picture *picture);

/* Choose the scale, for rows of so many cells: a power of two. */
void map_scale(struct map_picture *picture, unsigned cells);
/* Rows by rising address, when there is a scale: begin with {0}; returns false after the last. */
bool map_next_row(const struct map_picture *picture, struct map_row *row);

/* "DIMM in use" */
const char *map_kind_name(enum map_kind kind);
/* The same for a table: "DIMM" and "in use". */
const char *map_kind_what(enum map_kind kind);
const char *map_kind_state(enum map_kind kind);
/* A DIMM or the place for one, or virtio-mem: has a slot. */
bool map_has_slot(enum map_kind kind);
/* Nothing is there. */
bool map_is_empty(enum map_kind kind);

/* Some lines on what there is and what there is room for. */
void map_summary(struct text *out, struct json_object *map);

/* The character at `at`, *at != 0, and how long it is; 0xfffd for what is no UTF-8. */
size_t map_character(const char *at, uint32_t *character);

#endif
