/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the saved states of a machine's chips may say, said once more: from the data sheets' registers, in the
 * plainest way, without the program's tables and code.
 */
#ifndef TESTS_FUZZ_DEVICES_JUDGE_H
#define TESTS_FUZZ_DEVICES_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum judged_machine { JUDGED_X86, JUDGED_X86_GED, JUDGED_ARM64 };

/* The saved states that a machine has, in order, by the length of the frame and all; 0 after the last. */
size_t judge_chip_length(enum judged_machine machine, unsigned chip);
unsigned judge_chip_count(enum judged_machine machine);
/* Kind, version, length, name and the blocks' frames as they should be, and all sums: `bytes` has the lengths
 * of all chips. */
void judge_mend_chips(enum judged_machine machine, uint8_t *bytes);
/* Whether the bytes begin with the states of all chips, each of them possible; their length. */
bool judge_takes_chips(enum judged_machine machine, const uint8_t *bytes, size_t length, size_t *whole);

#endif
