/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What docs/migration.md says of bytes that come from a source or a target. It shares no code with the
 * program, and has all bytes at once.
 */
#ifndef TESTS_FUZZ_MIGRATION_JUDGE_H
#define TESTS_FUZZ_MIGRATION_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JUDGE_REGIONS 4
#define JUDGE_MEMORY (8 * 4096u + 512)

/* Two of them are adjacent, one ends within a page, and one is firmware. */
struct judge_region {
    uint64_t address;
    uint32_t size, place; /* in the memory */
    bool read_only;
};
extern const struct judge_region judge_regions[JUDGE_REGIONS];

struct judge {
    unsigned steps; /* configuration, memory with the state, the last byte: so many arrive */
    bool answers;   /* the source waits for them */
    const uint8_t *state;
    size_t state_length;
};

/* A source's bytes. `memory` becomes what the target's memory is. */
void judge_stream(const uint8_t *bytes, size_t length, uint8_t *memory, struct judge *judge);
bool judge_is_state(const struct judge *judge, const uint8_t *bytes, size_t length);
/* Whether these are all answers of such a target; `error` is why it has failed. */
bool judge_answers(const struct judge *judge, const char *error, const uint8_t *bytes, size_t length);

/* A target's bytes, to a source that waits for an answer of the kind. */
struct judge_answer {
    bool good, refused; /* it is that; it is a refusal */
    bool told;          /* a refusal whose reason is complete: */
    char reason[1024];
};
void judge_answer(const uint8_t *bytes, size_t length, uint32_t awaited, struct judge_answer *judge);

#endif
