/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * State as tables. The part of a device that the guest can change is a plain struct of its own, and a table
 * describes each of its members: place, permitted values, and value after a reset. Power-on, reset and saved
 * form follow from the table, and so does the test that it is complete. Everything else in a device's struct
 * is configuration, or follows from the state.
 *
 * The saved form of a device is a saved state as libhotram has them (hotram/state.h), of kind STATE_KIND:
 *
 *     1  length of the name
 *     n  the name of the device
 *     .. the fields in the table's order, without those newer than the version: elements in little endian,
 *        libhotram's blocks as libhotram saves them
 *
 * A new member gets the next version in `since`, and the table the same in `version`; a state that was saved
 * before is restored with the member's value after power-on. Rows are never removed or moved.
 *
 * Threads: the caller ensures that no other thread uses the state.
 */
#ifndef VMM_DEVICE_FIELDS_H
#define VMM_DEVICE_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hotram/state.h>

#include "base/count_of.h"
#include "base/error.h"

/* Kinds from HOTRAM_STATE_OWN on are the program's own. */
#define STATE_KIND (HOTRAM_STATE_OWN + 1u)
/* The largest struct, bytes. */
#define STATE_SIZE_MAX 2048
#define STATE_NAME_MAX 255

/* Registers that libhotram has, saves and resets. */
struct state_block {
    size_t size;     /* of the struct */
    uint32_t length; /* of its saved form, bytes */
    enum hotram_status (*save)(const void *block, struct hotram_buffer *out);
    enum hotram_status (*restore)(void *block, struct hotram_saved *saved,
                                  struct hotram_restore_result *result);
    void (*reset)(void *block);
};
extern const struct state_block state_gpe, state_ged, state_pm1;

/* A member: one number, or several of the same width. */
struct state_field {
    const char *name;
    uint16_t offset, count;          /* in the struct; of elements */
    uint8_t width;                   /* of an element: 1, 2, 4 or 8 bytes */
    uint16_t since;                  /* the first version that has it: 1 or more */
    uint64_t bits;                   /* bits that may be set in an element */
    uint64_t always;                 /* those of them that are always set */
    uint64_t power_on;               /* value of each element after power-on */
    uint64_t kept;                   /* bits that a reset does not change, as they are battery-backed */
    const struct state_block *block; /* libhotram's registers, in place of numbers; or NULL */
};

struct state_table {
    const char *name;
    uint16_t version; /* that is saved, and the highest that is restored */
    uint16_t count;   /* of fields */
    uint32_t size;    /* of the struct: at most STATE_SIZE_MAX */
    const struct state_field *fields;
    /* Whether fields that are each valid are so in combination. NULL: always. */
    bool (*valid)(const void *state);
};

#define STATE_MEMBER_SIZE(type, member) sizeof(((const type *)0)->member)
/* Rows: a member; an array; part of an array, from element `first_`; a block. Arguments after `bits_` may set
 * power_on, kept and always. */
#define STATE_FIELD(type, member, since_, bits_, ...) \
    { \
        .name = #member, .offset = offsetof(type, member), .count = 1, \
        .width = STATE_MEMBER_SIZE(type, member), .since = (since_), .bits = (bits_), ##__VA_ARGS__ \
    }
#define STATE_ARRAY(type, member, since_, bits_, ...) \
    { \
        .name = #member, .offset = offsetof(type, member), \
        .count = STATE_MEMBER_SIZE(type, member) / STATE_MEMBER_SIZE(type, member[0]), \
        .width = STATE_MEMBER_SIZE(type, member[0]), .since = (since_), .bits = (bits_), ##__VA_ARGS__ \
    }
#define STATE_PART(type, member, first_, count_, name_, since_, bits_, ...) \
    { \
        .name = (name_), .count = (count_), .width = STATE_MEMBER_SIZE(type, member[0]), \
        .offset = offsetof(type, member) + (first_)*STATE_MEMBER_SIZE(type, member[0]), .since = (since_), \
        .bits = (bits_), ##__VA_ARGS__ \
    }
#define STATE_BLOCK(type, member, since_, block_) \
    { \
        .name = #member, .offset = offsetof(type, member), .since = (since_), .block = (block_) \
    }

/* A whole table, of a struct and its rows. Arguments after `rows_` may set valid. */
#define STATE_TABLE(name_, version_, type, rows_, ...) \
    { \
        .name = (name_), .version = (version_), .size = sizeof(type), .fields = (rows_), \
        .count = COUNT_OF(rows_), ##__VA_ARGS__ \
    }

/* Set the state after power-on; or that after a reset, which keeps the bits in `kept`. */
void state_power_on(const struct state_table *table, void *state);
void state_reset(const struct state_table *table, void *state);

/* Number of bytes that state_save() appends. */
size_t state_length(const struct state_table *table, const char *name);
/* Append the saved form; `name` has at most STATE_NAME_MAX bytes. Returns HOTRAM_OK, or HOTRAM_E_BUFFER: the
 * buffer is too small. */
enum hotram_status state_save(const struct state_table *table, const char *name, const void *state,
                              struct hotram_buffer *out);
/* Restore `state` from the next saved state, and advance `saved`. False and an error: it is not of this name
 * and table, newer, damaged, or has an invalid value; both are unchanged. */
bool state_restore(const struct state_table *table, const char *name, void *state, struct hotram_saved *saved,
                   struct error *error);

#endif
