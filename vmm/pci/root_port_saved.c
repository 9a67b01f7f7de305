/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The saved form of a root port. Whether its slot is occupied follows from the devices behind it, which are
 * those of the saved machine. What the guest has answered and the main thread has not carried out yet, if
 * anything, is carried out where the state is restored.
 */
#include "device/board.h"
#include "pci/root_port_state.h"
#include "pci/saved.h"

static const struct state_field fields[] = {
    STATE_FIELD(struct pci_slot_state, control, 1, UINT16_MAX),
    STATE_FIELD(struct pci_slot_state, asked, 1, 1),
    STATE_FIELD(struct pci_slot_state, blinking, 1, 1),
    STATE_FIELD(struct pci_slot_state, raised, 1, 1),
    STATE_FIELD(struct pci_slot_state, powered_off, 1, 1),
    STATE_FIELD(struct pci_slot_state, refused, 1, 1),
};

const struct state_table pci_slot_state_table = STATE_TABLE("pcie-slot", 1, struct pci_slot_state, fields);

bool root_port_save(struct device *device, struct hotram_buffer *out, struct error *error)
{
    struct root_port *port = (struct root_port *)device;
    const struct pci_slot *slot = &port->slot;
    const struct pci_slot_state state = { .control = slot->control,
                                          .asked = slot->asked,
                                          .blinking = slot->blinking,
                                          .raised = slot->raised,
                                          .powered_off = port->powered_off,
                                          .refused = port->refused };

    (void)error;
    pci_function_save(&port->pci, out);
    device_save_part(device, &pci_slot_state_table, -1, &state, out);
    return true;
}

bool root_port_restore(struct device *device, bool check, struct hotram_saved *saved, struct error *error)
{
    struct root_port *port = (struct root_port *)device;
    struct pci_slot_state state;

    if (!pci_function_restore(&port->pci, check, saved, error) ||
        !device_restore_part(device, &pci_slot_state_table, -1, &state, saved, error))
        return false;
    if (check)
        return true;
    port->slot.control = state.control;
    port->slot.asked = state.asked;
    port->slot.blinking = state.blinking;
    port->slot.raised = state.raised;
    port->powered_off = state.powered_off;
    port->refused = state.refused;
    return true;
}

void root_port_restored(struct device *device)
{
    struct root_port *port = (struct root_port *)device;

    pci_function_continue(&port->pci);
    loop_post(device->board->loop, &port->work);
}

const struct state_table *root_port_part(const struct device *device, unsigned index)
{
    (void)device;
    return index < PCI_FUNCTION_PARTS    ? pci_function_part(index)
           : index == PCI_FUNCTION_PARTS ? &pci_slot_state_table
                                         : NULL;
}

void root_port_summary(const struct device *device, struct text *text)
{
    pci_function_summary(&((const struct root_port *)device)->pci, text);
}
