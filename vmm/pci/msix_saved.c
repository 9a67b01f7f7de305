/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The saved form of MSI-X's tables, in parts of MSIX_STATE_VECTORS entries. The control register is saved
 * with configuration space.
 */
#include <string.h>

#include "device/fields.h"
#include "pci/msix_state.h"
#include "pci/saved.h"

#define ENTRIES (MSIX_STATE_VECTORS * ENTRY_SIZE)

static const struct state_field fields[] = {
    STATE_ARRAY(struct msix_state, entries, 1, UINT32_MAX),
    STATE_ARRAY(struct msix_state, pending, 1, 1),
};

const struct state_table msix_state_table = STATE_TABLE("msix", 1, struct msix_state, fields);

static unsigned parts_of(const struct msix *msix)
{
    return (msix->count + MSIX_STATE_VECTORS - 1) / MSIX_STATE_VECTORS;
}

static unsigned vectors_of(const struct msix *msix, unsigned part)
{
    const unsigned left = msix->count - part * MSIX_STATE_VECTORS;

    return left < MSIX_STATE_VECTORS ? left : MSIX_STATE_VECTORS;
}

void msix_save(struct pci_function *function, struct hotram_buffer *out)
{
    struct msix *msix = function->msix;

    for (unsigned part = 0; part < parts_of(msix); part++) {
        struct msix_state state = { { 0 }, { 0 } };

        pthread_mutex_lock(&msix->lock);
        for (unsigned i = 0; i < vectors_of(msix, part); i++) {
            const struct msix_vector *vector = &msix->vectors[part * MSIX_STATE_VECTORS + i];

            memcpy((uint8_t *)state.entries + i * ENTRY_SIZE, vector->entry, ENTRY_SIZE);
            state.pending[i] = msix_is_pending(vector);
        }
        pthread_mutex_unlock(&msix->lock);
        device_save_part(&function->device, &msix_state_table, (int)part, &state, out);
    }
}

/* An entry as a guest can write it (write_bar()); behind the last there is nothing. */
static bool is_possible(const struct msix_state *state, unsigned vectors)
{
    for (unsigned i = 0; i < MSIX_STATE_VECTORS; i++) {
        const uint32_t *entry = &state->entries[i * ENTRY_SIZE / 4];

        if (i >= vectors ? (entry[0] | entry[1] | entry[2] | entry[3] | state->pending[i]) != 0
                         : entry[ENTRY_ADDRESS / 4] & 3 || entry[ENTRY_CONTROL / 4] & ~ENTRY_MASKED)
            return false;
    }
    return true;
}

static void take(struct msix *msix, unsigned part, const struct msix_state *state)
{
    pthread_mutex_lock(&msix->lock);
    for (unsigned i = 0; i < vectors_of(msix, part); i++) {
        struct msix_vector *vector = &msix->vectors[part * MSIX_STATE_VECTORS + i];

        memcpy(vector->entry, (const uint8_t *)state->entries + i * ENTRY_SIZE, ENTRY_SIZE);
        vector->pending = state->pending[i];
    }
    pthread_mutex_unlock(&msix->lock);
}

bool msix_restore(struct pci_function *function, bool check, struct hotram_saved *saved, struct error *error)
{
    struct msix *msix = function->msix;
    char words[DEVICE_PATH_SIZE];

    for (unsigned part = 0; part < parts_of(msix); part++) {
        struct msix_state state;

        if (!device_restore_part(&function->device, &msix_state_table, (int)part, &state, saved, error))
            return false;
        if (!is_possible(&state, vectors_of(msix, part)))
            return error_set(
                error,
                "saved state of device '%.200s': its table of %u interrupts has an entry that no "
                "guest can write",
                device_words(&function->device, words), msix->count);
        if (!check)
            take(msix, part, &state);
    }
    return true;
}
