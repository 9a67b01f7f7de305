/* SPDX-License-Identifier: BSD-2-Clause */
#include "migration_judge.h"

#include <stdio.h>
#include <string.h>

const struct judge_region judge_regions[JUDGE_REGIONS] = {
    { 0x1000, 3 * 4096, 0, false },
    { 0x4000, 4096, 3 * 4096, false },
    { 0x10000, 3 * 4096 + 512, 4 * 4096, false },
    { 0x100000000, 4096, 7 * 4096 + 512, true },
};

enum { CONFIG = 1, PAGES, ZEROS, STATE, ACCEPTED = 16, LOADED, RUNS, FAILED };

struct rest {
    const uint8_t *at;
    size_t left;
};

struct header {
    uint64_t kind, length, address;
};

static uint64_t number(const uint8_t *at, unsigned width)
{
    uint64_t value = 0;

    while (width-- > 0)
        value = value << 8 | at[width];
    return value;
}

static bool skip(struct rest *rest, uint64_t count)
{
    if (rest->left < count)
        return false;
    rest->at += count;
    rest->left -= count;
    return true;
}

/* One that the table of kinds has. */
static bool take_header(struct rest *rest, struct header *header)
{
    const uint8_t *at = rest->at;

    if (!skip(rest, 16))
        return false;
    *header = (struct header){ number(at, 4), number(at + 4, 4), number(at + 8, 8) };
    if (header->kind == PAGES)
        return header->length <= 2 * 1024 * 1024;
    if (header->kind == ZEROS)
        return true;
    if (header->address != 0)
        return false;
    if (header->kind == CONFIG || header->kind == STATE)
        return header->length <= 32 * 1024 * 1024;
    if (header->kind == FAILED)
        return header->length <= 900;
    return header->kind >= ACCEPTED && header->kind <= RUNS && header->length == 0;
}

/* Where in the memory a range is that lies in one region. */
static const struct judge_region *region_of(const struct header *header)
{
    for (unsigned i = 0; i < JUDGE_REGIONS; i++) {
        const struct judge_region *region = &judge_regions[i];
        const uint64_t end = region->address + region->size;

        if (header->address >= region->address && header->address < end && header->length > 0 &&
            header->length <= end - header->address)
            return region;
    }
    return NULL;
}

/* What has come of a message that is cut is there, in memory that can be written. */
static bool take_memory(struct rest *rest, const struct header *header, uint8_t *memory)
{
    const struct judge_region *region = region_of(header);
    const size_t come = header->kind == ZEROS || rest->left > header->length ? (size_t)header->length
                                                                             : rest->left;
    uint8_t *here;

    if (!region)
        return false;
    here = memory + region->place + (header->address - region->address);
    if (region->read_only) {
        for (size_t i = 0; i < come; i++)
            if (here[i] != (header->kind == ZEROS ? 0 : rest->at[i]))
                return false;
    } else if (header->kind == ZEROS) {
        memset(here, 0, come);
    } else {
        memcpy(here, rest->at, come);
    }
    return header->kind == ZEROS || skip(rest, header->length);
}

static bool take_greeting(struct rest *rest, struct judge *judge)
{
    const uint8_t *at = rest->at;

    if (!skip(rest, 16) || memcmp(at, "HRMIGRAT\1\0\0", 12) != 0 || number(at + 12, 4) > 1)
        return false;
    judge->answers = at[12];
    return true;
}

void judge_stream(const uint8_t *bytes, size_t length, uint8_t *memory, struct judge *judge)
{
    struct rest rest = { bytes, length };
    struct header header;

    *judge = (struct judge){ 0 };
    if (!take_greeting(&rest, judge) || !take_header(&rest, &header) || header.kind != CONFIG ||
        !skip(&rest, header.length))
        return;
    judge->steps = 1;
    do {
        if (!take_header(&rest, &header))
            return;
        if (header.kind != STATE && header.kind != PAGES && header.kind != ZEROS)
            return;
        if (header.kind != STATE && !take_memory(&rest, &header, memory))
            return;
    } while (header.kind != STATE);
    judge->state = rest.at;
    judge->state_length = header.length;
    if (!skip(&rest, header.length))
        return;
    judge->steps = 2;
    judge->steps += rest.left > 0 && *rest.at == 0x47;
}

bool judge_is_state(const struct judge *judge, const uint8_t *bytes, size_t length)
{
    return length == judge->state_length && memcmp(bytes, judge->state, length) == 0;
}

bool judge_answers(const struct judge *judge, const char *error, const uint8_t *bytes, size_t length)
{
    struct rest rest = { bytes, length };
    struct header header;

    if (!judge->answers)
        return length == 0;
    for (unsigned step = 0; step < judge->steps; step++)
        if (!take_header(&rest, &header) || header.kind != ACCEPTED + step)
            return false;
    if (judge->steps == 3)
        return rest.left == 0;
    return take_header(&rest, &header) && header.kind == FAILED && header.length == rest.left &&
           header.length == (strlen(error) < 900 ? strlen(error) : 900) &&
           memcmp(rest.at, error, header.length) == 0;
}

/* How many bytes a character has that can be shown; 0: it is none. After Unicode 15, table 3-7, and 23.7. */
static size_t printable(const uint8_t *at, size_t left)
{
    static const struct {
        uint8_t first, last, second_first, second_last, length;
    } rows[] = {
        { 0x20, 0x7e, 0, 0, 1 },       { 0xc2, 0xc2, 0xa0, 0xbf, 2 }, { 0xc3, 0xdf, 0x80, 0xbf, 2 },
        { 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 },
        { 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 },
        { 0xf4, 0xf4, 0x80, 0x8f, 4 },
    };

    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const size_t length = rows[i].length;

        if (at[0] < rows[i].first || at[0] > rows[i].last)
            continue;
        if (length > left || (length > 1 && (at[1] < rows[i].second_first || at[1] > rows[i].second_last)))
            return 0;
        for (size_t byte = 2; byte < length; byte++)
            if ((at[byte] & 0xc0) != 0x80)
                return 0;
        if (length == 3 && at[0] == 0xef &&
            ((at[1] == 0xb7 && at[2] >= 0x90 && at[2] <= 0xaf) || (at[1] == 0xbf && at[2] >= 0xbe)))
            return 0;
        if (length == 4 && (at[1] & 0xf) == 0xf && at[2] == 0xbf && at[3] >= 0xbe)
            return 0;
        return length;
    }
    return 0;
}

void judge_answer(const uint8_t *bytes, size_t length, uint32_t awaited, struct judge_answer *judge)
{
    struct rest rest = { bytes, length };
    struct header header;
    int used;

    *judge = (struct judge_answer){ 0 };
    if (!take_header(&rest, &header))
        return;
    judge->good = header.kind == awaited;
    judge->refused = header.kind == FAILED;
    judge->told = judge->refused && header.length <= rest.left;
    if (!judge->told)
        return;
    used = snprintf(judge->reason, sizeof judge->reason, "the target refuses: ");
    for (size_t at = 0, size; at < header.length; at += size) {
        size = printable(rest.at + at, (size_t)header.length - at);
        if (size > 0)
            memcpy(judge->reason + used, rest.at + at, size);
        else
            judge->reason[used] = '?';
        size = size > 0 ? size : 1;
        used += (int)size;
    }
    judge->reason[used] = '\0';
}
