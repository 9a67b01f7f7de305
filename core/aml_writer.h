/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between the files of the AML writer. Functions here have no contract with callers of the library; where
 * not said otherwise, the writer is there and without error.
 */
#ifndef CORE_AML_WRITER_H
#define CORE_AML_WRITER_H

#include <hotram/aml.h>

/* What may stand in a block; the table's root is a block of terms, too. */
enum aml_kind { AML_TERMS, AML_FIELDS, AML_RESOURCES };

#define AML_EXT 0x5b00u                    /* ExtOpPrefix, before an opcode (20.3) */
#define AML_PACKAGE_LENGTH_MAX 0x0fffffffu /* 28 bits (20.2.4) */

/* Whether something that belongs into such a block can be written now: the writer is there and without
 * error, and such a block is the innermost one. Makes it an error if not. */
bool libhotram_aml_in(struct hotram_aml *aml, enum aml_kind kind);

/* Remember an error, if it is the first. */
void libhotram_aml_fail(struct hotram_aml *aml, enum hotram_status status);

/* Open a block of that kind, with a name; false when it could not be opened. A NULL writer is allowed. */
bool libhotram_aml_open_named(struct hotram_aml *aml, unsigned op, const char *path, enum aml_kind kind);

/* An opcode of one byte, or of two with the high one first. */
void libhotram_aml_opcode(struct hotram_aml *aml, unsigned op);

/* An integer in the shortest encoding. */
void libhotram_aml_raw_integer(struct hotram_aml *aml, uint64_t value);

/* A path as NameString; NULL and what is not a path are an error. */
void libhotram_aml_name_string(struct hotram_aml *aml, const char *path);

/* Encode a PkgLength of at most AML_PACKAGE_LENGTH_MAX (20.2.4); how many bytes it takes. */
unsigned libhotram_aml_encode_length(uint8_t bytes[4], uint32_t value);

#endif
