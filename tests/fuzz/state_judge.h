/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a saved bank may say and what a bank may be, said once more: from hotram/state.h and hotram/dimm.h, in
 * the plainest way, without the library's code.
 */
#ifndef TESTS_FUZZ_STATE_JUDGE_H
#define TESTS_FUZZ_STATE_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hotram/dimm.h>

/* The checksum of so many bytes, and how to write it behind them. */
uint32_t judge_sum(const uint8_t *bytes, size_t count);
void judge_seal(uint8_t *bytes, size_t length);

/* A number of count bytes, little endian. */
uint64_t judge_number(const uint8_t *bytes, unsigned count);

/* Whether the bytes begin with a whole, undamaged saved state of this kind, of version 1; its length. */
bool judge_frame(const uint8_t *bytes, size_t length, unsigned kind, size_t *whole);

/* Whether they begin with a saved bank that a bank of this configuration takes. */
bool judge_takes(const uint8_t *bytes, size_t length, const struct hotram_bank_config *config,
                 uint64_t align);

/* Whether they begin with a saved register block of this kind, with numbers that it can have. */
bool judge_takes_block(const uint8_t *bytes, size_t length, unsigned kind);

/* What is wrong with a bank; NULL when it is one that calls can have made. */
const char *judge_bank(const struct hotram_bank *bank);

/* Whether a bank is what the bytes say, which judge_takes() has taken. */
bool judge_is_as_saved(const struct hotram_bank *bank, const uint8_t *bytes);

#endif
