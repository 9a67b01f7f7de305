/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/flash_saved.h"

#include <string.h>

static const struct state_field fields[] = {
    STATE_FIELD(struct flash_state, size, 1, UINT64_MAX),
    STATE_FIELD(struct flash_state, sum, 1, UINT64_MAX),
    STATE_FIELD(struct flash_state, block, 1, UINT64_MAX),
    STATE_FIELD(struct flash_state, first, 1, UINT64_MAX),
    STATE_FIELD(struct flash_state, last, 1, UINT64_MAX),
    STATE_FIELD(struct flash_state, buffer_base, 1, UINT64_MAX),
    STATE_FIELD(struct flash_state, words, 1, UINT32_MAX),
    STATE_FIELD(struct flash_state, mode, 1, 3),
    STATE_FIELD(struct flash_state, expects, 1, 7),
    STATE_FIELD(struct flash_state, status, 1,
                FLASH_READY | FLASH_ERASE_ERROR | FLASH_PROGRAM_ERROR | FLASH_LOCKED),
    STATE_FIELD(struct flash_state, scattered, 1, 1),
};

const struct state_table flash_state_table = STATE_TABLE("cfi.pflash01", 1, struct flash_state, fields);

static const struct state_field buffer_fields[] = {
    STATE_ARRAY(struct flash_buffer_state, bytes, 1, UINT8_MAX),
};

const struct state_table flash_buffer_state_table = STATE_TABLE("pflash-buffer", 1, struct flash_buffer_state,
                                                                buffer_fields);

const struct state_table *flash_part(const struct device *device, unsigned index)
{
    (void)device;
    return index == 0 ? &flash_state_table : index == 1 ? &flash_buffer_state_table : NULL;
}

/* FNV-1a, by 64 bits at a time: an image has whole pages. */
static uint64_t sum_of(const struct flash *flash)
{
    uint64_t sum = UINT64_C(0xcbf29ce484222325), word;

    for (uint64_t at = 0; at < flash->image.size; at += sizeof word) {
        memcpy(&word, flash->image.bytes + at, sizeof word);
        sum = (sum ^ word) * UINT64_C(0x100000001b3);
    }
    return sum;
}

bool flash_has_saved_form(const struct device *device)
{
    return ((const struct flash *)device)->image.queue != NULL;
}

/* ---- saving ---- */

/* What its chips have besides the image. Outside of a buffered program the rest is left over. */
static struct flash_state state_of(const struct flash *flash)
{
    const struct flash_chip *chip = &flash->chip;
    struct flash_state state = { .size = flash->image.size,
                                 .sum = sum_of(flash),
                                 .mode = (uint8_t)chip->mode,
                                 .expects = (uint8_t)chip->expects,
                                 .status = chip->status };

    if (chip->expects >= FLASH_COUNT)
        state.block = chip->block;
    if (chip->expects >= FLASH_DATA) {
        state.words = chip->expects == FLASH_DATA ? chip->words : 0;
        state.first = chip->first;
        state.last = chip->last;
        state.buffer_base = chip->buffer_base;
        state.scattered = chip->scattered;
    }
    return state;
}

bool flash_save(struct device *device, struct hotram_buffer *out, struct error *error)
{
    struct flash *flash = (struct flash *)device;
    struct flash_state state;

    flash_image_settle(&flash->image);
    pthread_mutex_lock(&flash->lock);
    if (memchr(flash->image.changed, 1, flash->image.size / FLASH_PAGE)) {
        pthread_mutex_unlock(&flash->lock);
        return error_set(error,
                         "%s: its contents could not be written to block node '%.80s'; correct the cause, "
                         "such as a disk that is full, and try again, which writes them first",
                         flash->image.name, block_node_name(flash->image.user.node));
    }
    state = state_of(flash);
    device_save_part(device, &flash_state_table, -1, &state, out);
    for (uint32_t done = 0; state.expects >= FLASH_DATA && done < flash->chip.shape->buffer;
         done += FLASH_BUFFER_PART) {
        struct flash_buffer_state part;

        memcpy(part.bytes, flash->chip.buffer + done, sizeof part.bytes);
        device_save_part(device, &flash_buffer_state_table, (int)(done / FLASH_BUFFER_PART), &part, out);
    }
    pthread_mutex_unlock(&flash->lock);
    return true;
}

/* ---- restoring ---- */

/* A guest that moves may have changed its image since the target read it. */
static bool same_image(struct flash *flash, const struct flash_state *state, struct error *error)
{
    if (state->size == flash->image.size && state->sum == sum_of(flash))
        return true;
    if (!flash_image_read(&flash->image, error))
        return false;
    return (state->size == flash->image.size && state->sum == sum_of(flash)) ||
           error_set(error,
                     "saved state of %s: block node '%.80s' has other contents than that of the saved "
                     "machine; copy the image when the guest is stopped",
                     flash->image.name, block_node_name(flash->image.user.node));
}

/* Of a buffered program: the block, what has come, and its place in the buffer. */
static bool is_possible(const struct flash_chip *chip, const struct flash_state *state)
{
    const uint64_t buffer = chip->shape->buffer, words = buffer / chip->shape->width;
    const bool data = state->expects == FLASH_DATA;

    if (state->expects > FLASH_CONFIRM || state->block > chip->bank / chip->shape->block)
        return false;
    if (state->expects < FLASH_DATA)
        return state->words == 0 && state->first == 0 && state->last == 0 && state->buffer_base == 0;
    if (state->words > words || data != (state->words > 0) || state->first > state->last)
        return false;
    if (state->first == state->last)
        return state->first == 0;
    return state->buffer_base % buffer == 0 && state->buffer_base <= state->first &&
           state->last <= chip->bank && state->last - state->buffer_base <= buffer;
}

static void take(struct flash_chip *chip, const struct flash_state *state)
{
    chip->mode = (enum flash_mode)state->mode;
    chip->expects = (enum flash_expects)state->expects;
    chip->status = state->status;
    chip->words = state->words;
    chip->block = state->block;
    chip->first = state->first;
    chip->last = state->last;
    chip->buffer_base = state->buffer_base;
    chip->scattered = state->scattered;
}

bool flash_restore(struct device *device, bool check, struct hotram_saved *saved, struct error *error)
{
    struct flash *flash = (struct flash *)device;
    struct flash_chip *chip = &flash->chip;
    struct flash_state state;

    if (!device_restore_part(device, &flash_state_table, -1, &state, saved, error))
        return false;
    if (check && !same_image(flash, &state, error))
        return false;
    if (!is_possible(chip, &state))
        return error_set(error, "saved state of %s: its values do not belong together", flash->image.name);
    pthread_mutex_lock(&flash->lock);
    if (!check)
        take(chip, &state);
    pthread_mutex_unlock(&flash->lock);
    for (uint32_t done = 0; state.expects >= FLASH_DATA && done < chip->shape->buffer;
         done += FLASH_BUFFER_PART) {
        struct flash_buffer_state part;

        if (!device_restore_part(device, &flash_buffer_state_table, (int)(done / FLASH_BUFFER_PART), &part,
                                 saved, error))
            return false;
        if (!check)
            memcpy(chip->buffer + done, part.bytes, sizeof part.bytes);
    }
    return true;
}

void flash_restored(struct device *device)
{
    struct flash *flash = (struct flash *)device;

    pthread_mutex_lock(&flash->lock);
    flash_settle_mapping(flash);
    pthread_mutex_unlock(&flash->lock);
}
