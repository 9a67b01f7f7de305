/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CRC-32 (ISO/IEC 8802-3, 3.2.9), a bit at a time: a table would be 1 KiB for what is done once in a guest's
 * life.
 */
#include "state.h"

#define POLYNOMIAL UINT32_C(0xedb88320) /* the lowest bit is the highest power */

uint32_t libhotram_state_sum(uint32_t sum, uint8_t byte)
{
    sum ^= byte;
    for (unsigned i = 0; i < 8; i++)
        sum = sum & 1 ? sum >> 1 ^ POLYNOMIAL : sum >> 1;
    return sum;
}
