/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a bank of flash is, a second time: the writes since the last complete command are kept as they came,
 * and each new one is judged by reading all of them again. It shares no code with the program.
 */
#ifndef TESTS_UNIT_VMM_FLASH_MODEL_H
#define TESTS_UNIT_VMM_FLASH_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#define FLASH_MODEL_WRITES 1100

struct flash_model {
    /* as it is bought */
    uint8_t *bytes;
    uint64_t image, bank;
    uint32_t block, buffer; /* bytes of a block, of the buffer */
    unsigned width;         /* bytes: 1, or 4 with two chips of 2 */
    bool read_only, clears_ready;

    enum { MODEL_ARRAY, MODEL_STATUS, MODEL_ID, MODEL_QUERY } shows;
    uint8_t status;
    struct flash_model_write {
        uint64_t offset;
        unsigned width;
        uint32_t value;
    } writes[FLASH_MODEL_WRITES];
    unsigned count;
};

void flash_model_write(struct flash_model *model, uint64_t offset, unsigned width, uint32_t value);
uint32_t flash_model_read(const struct flash_model *model, uint64_t offset, unsigned width);

#endif
