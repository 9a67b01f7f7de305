/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file status.h
 * The status that functions of libhotram return: one enum, whose comments are the sentences that
 * hotram_status_text() returns.
 *
 * Source: none; the codes are the library's own.
 */
#ifndef HOTRAM_STATUS_H
#define HOTRAM_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

/** Result of every libhotram function that can fail. */
enum hotram_status {
    /** Success. */
    HOTRAM_OK = 0,
    /** A pointer is NULL, or a number violates the function's contract. */
    HOTRAM_E_ARGUMENT,
    /** The region is empty or wraps around 2^64, or does not contain the range. */
    HOTRAM_E_REGION,
    /** The bank has no slot with that number. */
    HOTRAM_E_SLOT_RANGE,
    /** The slot is not empty. */
    HOTRAM_E_SLOT_TAKEN,
    /** The bank has no empty slot. */
    HOTRAM_E_NO_SLOT,
    /** The size is zero or not a multiple of the bank's granularity. */
    HOTRAM_E_SIZE,
    /** The address is not a multiple of the required alignment. */
    HOTRAM_E_ALIGN,
    /** The range overlaps that of another DIMM. */
    HOTRAM_E_OVERLAP,
    /** No hole of the region is large enough at the required alignment. */
    HOTRAM_E_NO_SPACE,
    /** The sizes of all DIMMs together would exceed the bank's capacity. */
    HOTRAM_E_CAPACITY,
    /** The slot's state does not allow this operation. */
    HOTRAM_E_STATE,
    /** The buffer is too small. */
    HOTRAM_E_BUFFER,
    /** AML blocks are nested too deeply, closed more often than opened, or left open; or something was
     *  written outside the kind of block where it belongs. */
    HOTRAM_E_NESTING,
    /** The bytes are not a saved state of the expected kind, or not a complete one. */
    HOTRAM_E_FORMAT,
    /** The saved state is damaged: its checksum does not match. */
    HOTRAM_E_CHECKSUM,
    /** The saved state has a newer version than this library can restore. */
    HOTRAM_E_VERSION,
    /** The saved bank has a different region or number of slots. */
    HOTRAM_E_CONFIG,
    /** The saved state contains a value that cannot occur. */
    HOTRAM_E_VALUE,
    /** The caller's attach() refused a DIMM or a CPU in the saved state. */
    HOTRAM_E_ATTACH,
};

/**
 * The meaning of a status: the sentence beside its code above, without the initial capital and the full stop.
 *
 * When: at any time, from any thread.
 *
 * @param status  any value, including one that is not in the enum
 * @return a constant string in English, never NULL
 */
const char *hotram_status_text(enum hotram_status status);

#ifdef __cplusplus
}
#endif
#endif
