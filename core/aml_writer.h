/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shared by the files of the AML writer. These functions do not check their arguments; unless stated
 * otherwise, the writer is not NULL and has no error.
 */
#ifndef CORE_AML_WRITER_H
#define CORE_AML_WRITER_H

#include <hotram/aml.h>

/* Contents of a block; the table's root is a block of terms. */
enum aml_kind { AML_TERMS, AML_FIELDS, AML_RESOURCES };

#define AML_EXT 0x5b00u                    /* ExtOpPrefix, before an opcode (20.3) */
#define AML_PACKAGE_LENGTH_MAX 0x0fffffffu /* 28 bits (20.2.4) */

/* Whether the innermost open block is of this kind. False: the writer is NULL or has an error, which it may
 * have just received: HOTRAM_E_NESTING, since the block is of another kind. */
bool libhotram_aml_in(struct hotram_aml *aml, enum aml_kind kind);

/* Set the writer's status, unless it already has an error. */
void libhotram_aml_fail(struct hotram_aml *aml, enum hotram_status status);

/* Open a block of that kind among terms: its opcode, and its name. False: the writer is NULL or has an error.
 */
bool libhotram_aml_open_named(struct hotram_aml *aml, unsigned op, const char *path, enum aml_kind kind);

/* Append an opcode: one byte, or two with the high one first if `op` is above 0xff. */
void libhotram_aml_opcode(struct hotram_aml *aml, unsigned op);

/* Append an integer in the shortest encoding (20.2.3). */
void libhotram_aml_raw_integer(struct hotram_aml *aml, uint64_t value);

/* Append a path as a NameString (20.2.2). NULL and invalid paths set HOTRAM_E_ARGUMENT. */
void libhotram_aml_name_string(struct hotram_aml *aml, const char *path);

/* Encode a PkgLength, at most AML_PACKAGE_LENGTH_MAX (20.2.4). Returns the number of bytes, 1 .. 4. */
unsigned libhotram_aml_encode_length(uint8_t bytes[4], uint32_t value);

#endif
