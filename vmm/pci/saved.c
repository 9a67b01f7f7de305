/* SPDX-License-Identifier: BSD-2-Clause */
#include "pci/saved.h"

#include <string.h>

#include "base/text.h"
#include "device/board.h"
#include "pci/bus.h"
#include "pci/msix_state.h"

static const struct state_field fields[] = {
    STATE_ARRAY(struct pci_function_state, config, 1, UINT8_MAX),
    STATE_FIELD(struct pci_function_state, pin, 1, 1),
};

const struct state_table pci_function_state_table = STATE_TABLE("pci-function", 1, struct pci_function_state,
                                                                fields);

const struct state_table *pci_function_part(unsigned index)
{
    return index == 0 ? &pci_function_state_table : index == 1 ? &msix_state_table : NULL;
}

void pci_function_summary(const struct pci_function *function, struct text *text)
{
    text_printf(text, " at %.200s %s, %u vectors", function->bus->name ? function->bus->name : "(no id)",
                function->addr, function->msix ? function->msix->count : 0);
}

void pci_function_save(struct pci_function *function, struct hotram_buffer *out)
{
    struct pci_function_state state = { .pin = pci_intx_level(function) };

    memcpy(state.config, function->config, sizeof state.config);
    device_save_part(&function->device, &pci_function_state_table, -1, &state, out);
    if (function->msix)
        msix_save(function, out);
}

/* Bits that no guest changes are those that the device has here: of its type, its properties, and what is
 * behind it. */
static bool fits(const struct pci_function *function, const struct pci_function_state *state,
                 struct error *error)
{
    char words[DEVICE_PATH_SIZE];

    for (unsigned i = 0; i < PCI_CONFIG_SIZE; i++) {
        const uint8_t fixed = (uint8_t) ~(function->writable[i] | function->clearing[i]);

        if ((state->config[i] ^ function->config[i]) & fixed)
            return error_set(error,
                             "saved state of device '%.200s': byte 0x%x of its configuration space is 0x%x, "
                             "and 0x%x in this machine",
                             device_words(&function->device, words), i, state->config[i],
                             function->config[i]);
    }
    return true;
}

bool pci_function_restore(struct pci_function *function, bool check, struct hotram_saved *saved,
                          struct error *error)
{
    struct pci_function_state state;

    if (!device_restore_part(&function->device, &pci_function_state_table, -1, &state, saved, error) ||
        !fits(function, &state, error))
        return false;
    if (!check) {
        pci_lock(function->bus->host);
        memcpy(function->config, state.config, sizeof state.config);
        pci_unlock(function->bus->host);
        pci_intx(function, state.pin);
    }
    return !function->msix || msix_restore(function, check, saved, error);
}

void pci_function_continue(struct pci_function *function)
{
    pci_function_restored(function);
    if (!function->msix)
        return;
    pci_lock(function->bus->host);
    msix_follow(function);
    pci_unlock(function->bus->host);
}
