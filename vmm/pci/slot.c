/* SPDX-License-Identifier: BSD-2-Clause */
#include "pci/slot.h"

#include "pci/function.h"
#include "pci/msix.h"

#define LENGTH 0x3cu

/* Registers, by their offset in the capability (7.5.3) */
#define CAPABILITIES 0x02u
#define CAPABILITIES_VERSION 0x0002u
#define CAPABILITIES_ROOT_PORT 0x0040u
#define CAPABILITIES_SLOT 0x0100u
#define DEVICE_CAPABILITIES 0x04u
#define DEVICE_ROLE_BASED_ERRORS 0x8000u
#define DEVICE_CONTROL 0x08u
#define LINK_CAPABILITIES 0x0cu
#define LINK_SPEED_WIDTH 0x0011u /* 2.5 GT/s, one lane: nothing goes over it */
#define LINK_REPORTS_ACTIVE 0x00100000u
#define LINK_CONTROL 0x10u
#define LINK_STATUS 0x12u
#define LINK_ACTIVE 0x2000u
#define SLOT_CAPABILITIES 0x14u
#define HAS_BUTTON 0x01u
#define HAS_POWER 0x02u
#define HAS_ATTENTION_INDICATOR 0x08u
#define HAS_POWER_INDICATOR 0x10u
#define HAS_HOT_PLUG 0x40u
#define NO_COMMAND_COMPLETED 0x00040000u /* each write has taken effect when it ends */
#define SLOT_CONTROL 0x18u
#define BUTTON_ENABLE 0x0001u
#define PRESENCE_ENABLE 0x0008u
#define INTERRUPT_ENABLE 0x0020u
#define ATTENTION_OFF 0x00c0u
#define POWER_INDICATOR 0x0300u
#define POWER_INDICATOR_ON 0x0100u
#define POWER_INDICATOR_BLINKS 0x0200u
#define POWER_INDICATOR_OFF 0x0300u
#define POWER_OFF 0x0400u
#define LINK_ENABLE 0x1000u
#define SLOT_CONTROL_BITS 0x17ffu
#define SLOT_STATUS 0x1au
#define BUTTON_PRESSED 0x0001u
#define PRESENCE_CHANGED 0x0008u
#define PRESENT 0x0040u
#define LINK_CHANGED 0x0100u
#define SLOT_STATUS_CHANGES 0x011fu
#define ROOT_CONTROL 0x1cu
#define ROOT_STATUS 0x20u
#define DEVICE_CONTROL_2 0x28u

static uint32_t get(const struct pci_slot *slot, unsigned offset, unsigned width)
{
    return pci_config_get(slot->port, slot->express + offset, width);
}

static void set(struct pci_slot *slot, unsigned offset, unsigned width, uint32_t value)
{
    pci_config_set(slot->port, slot->express + offset, width, value);
}

static void at_power_on(struct pci_slot *slot, unsigned offset, unsigned width, uint32_t value)
{
    pci_config_at_power_on(slot->port, slot->express + offset, width, value);
}

static void writable(struct pci_slot *slot, unsigned offset, unsigned width, uint32_t bits)
{
    pci_config_writable(slot->port, slot->express + offset, width, bits);
}

void slot_init(struct pci_slot *slot, struct pci_function *port, uint8_t number, uint32_t slot_number,
               bool hot, void (*written)(struct pci_function *port, unsigned offset, unsigned width))
{
    const struct pci_capability capability = {
        .id = PCI_CAPABILITY_EXPRESS,
        .length = LENGTH,
        .written = written,
    };
    const uint32_t parts = HAS_BUTTON | HAS_POWER | HAS_ATTENTION_INDICATOR | HAS_POWER_INDICATOR |
                           NO_COMMAND_COMPLETED | (hot ? HAS_HOT_PLUG : 0);

    slot->port = port;
    slot->express = pci_capability_add(port, &capability);
    at_power_on(slot, CAPABILITIES, 2, CAPABILITIES_VERSION | CAPABILITIES_ROOT_PORT | CAPABILITIES_SLOT);
    at_power_on(slot, DEVICE_CAPABILITIES, 4, DEVICE_ROLE_BASED_ERRORS);
    writable(slot, DEVICE_CONTROL, 2, 0x70ff); /* error reports, sizes, ordering: kept */
    at_power_on(slot, LINK_CAPABILITIES, 4, LINK_SPEED_WIDTH | LINK_REPORTS_ACTIVE | (uint32_t)number << 24);
    writable(slot, LINK_CONTROL, 2, 0x00d3);
    at_power_on(slot, LINK_STATUS, 2, LINK_SPEED_WIDTH);
    at_power_on(slot, SLOT_CAPABILITIES, 4, parts | slot_number << 19);
    writable(slot, SLOT_CONTROL, 2, SLOT_CONTROL_BITS);
    pci_config_clearing(port, slot->express + SLOT_STATUS, 2, SLOT_STATUS_CHANGES);
    writable(slot, ROOT_CONTROL, 2, 0x001f);
    pci_config_clearing(port, slot->express + ROOT_STATUS, 4, 0x00010000);
    writable(slot, DEVICE_CONTROL_2, 2, 0x001f);
    slot_reset(slot);
}

static bool is_off(uint32_t control)
{
    return control & POWER_OFF && (control & POWER_INDICATOR) == POWER_INDICATOR_OFF;
}

static bool is_on(uint32_t control)
{
    return !(control & POWER_OFF) && (control & POWER_INDICATOR) == POWER_INDICATOR_ON;
}

/* ---- telling the guest (6.7.3.4) ---- */

static bool is_listening(uint32_t control)
{
    return control & INTERRUPT_ENABLE && control & (BUTTON_ENABLE | PRESENCE_ENABLE);
}

static void update_interrupt(struct pci_slot *slot)
{
    const uint32_t control = get(slot, SLOT_CONTROL, 2), status = get(slot, SLOT_STATUS, 2);
    const bool raised = control & INTERRUPT_ENABLE &&
                        ((control & BUTTON_ENABLE && status & BUTTON_PRESSED) ||
                         (control & PRESENCE_ENABLE && status & PRESENCE_CHANGED) ||
                         (control & LINK_ENABLE && status & LINK_CHANGED));

    if (slot->port->bus && !msix_enabled(slot->port))
        pci_intx(slot->port, raised);
    else if (raised && !slot->raised)
        msix_notify(slot->port, 0);
    slot->raised = raised;
}

static void raise_events(struct pci_slot *slot, uint32_t events)
{
    set(slot, SLOT_STATUS, 2, get(slot, SLOT_STATUS, 2) | events);
    update_interrupt(slot);
}

/* ---- what the machine does ---- */

static void show_presence(struct pci_slot *slot)
{
    const uint32_t link = get(slot, LINK_STATUS, 2) & ~LINK_ACTIVE;
    const uint32_t status = get(slot, SLOT_STATUS, 2) & ~PRESENT;

    set(slot, LINK_STATUS, 2, link | (slot->occupied ? LINK_ACTIVE : 0));
    set(slot, SLOT_STATUS, 2, status | (slot->occupied ? PRESENT : 0));
}

/* What is there at power-on has power and its indicator on. */
void slot_reset(struct pci_slot *slot)
{
    slot->asked = slot->blinking = slot->raised = false;
    slot->control = ATTENTION_OFF | (slot->occupied ? POWER_INDICATOR_ON : POWER_INDICATOR_OFF | POWER_OFF);
    set(slot, SLOT_CONTROL, 2, slot->control);
    set(slot, SLOT_STATUS, 2, 0);
    show_presence(slot);
}

void slot_fill(struct pci_slot *slot, bool occupied, bool tell)
{
    slot->occupied = occupied;
    if (!tell) {
        slot_reset(slot);
        return;
    }
    slot->asked = slot->blinking = false;
    show_presence(slot);
    raise_events(slot, PRESENCE_CHANGED | LINK_CHANGED | (occupied ? BUTTON_PRESSED : 0));
}

void slot_press(struct pci_slot *slot)
{
    slot->asked = true;
    raise_events(slot, BUTTON_PRESSED);
}

void slot_withdraw(struct pci_slot *slot)
{
    const bool has_begun = slot->blinking;

    slot->asked = slot->blinking = false;
    if (has_begun) {
        raise_events(slot, BUTTON_PRESSED);
        return;
    }
    set(slot, SLOT_STATUS, 2, get(slot, SLOT_STATUS, 2) & ~BUTTON_PRESSED);
    update_interrupt(slot);
}

bool slot_is_busy(const struct pci_slot *slot)
{
    return (get(slot, SLOT_CONTROL, 2) & POWER_INDICATOR) == POWER_INDICATOR_BLINKS;
}

bool slot_has_power(const struct pci_slot *slot)
{
    return !is_off(get(slot, SLOT_CONTROL, 2));
}

bool slot_is_on(const struct pci_slot *slot)
{
    return is_on(get(slot, SLOT_CONTROL, 2));
}

bool slot_is_unheard(const struct pci_slot *slot)
{
    return get(slot, SLOT_STATUS, 2) & (BUTTON_PRESSED | PRESENCE_CHANGED);
}

bool slot_is_pressed(const struct pci_slot *slot)
{
    return slot->asked && get(slot, SLOT_STATUS, 2) & BUTTON_PRESSED;
}

/* ---- what the guest does ---- */

/* It has let go when power and indicator are off (6.7.1.2); it keeps what it had begun to let go when the
 * indicator is on again. */
static enum slot_answer control_written(struct pci_slot *slot)
{
    const uint32_t before = slot->control, now = get(slot, SLOT_CONTROL, 2);
    const uint32_t indicator = now & POWER_INDICATOR;
    const bool had_begun = slot->blinking;

    slot->control = now;
    slot->blinking = slot->asked && indicator == POWER_INDICATOR_BLINKS;
    if (slot->asked && !is_listening(before) && is_listening(now))
        set(slot, SLOT_STATUS, 2, get(slot, SLOT_STATUS, 2) | BUTTON_PRESSED);
    if (!slot->occupied)
        return SLOT_NOTHING;
    if (is_off(now)) /* what comes into a slot without power stays until the guest has turned it on and off */
        return is_off(before) ? SLOT_NOTHING : SLOT_POWERED_OFF;
    if (!had_begun || indicator != POWER_INDICATOR_ON)
        return is_on(now) && !is_on(before) ? SLOT_TAKEN : SLOT_NOTHING;
    slot->asked = false;
    return SLOT_REFUSED;
}

enum slot_answer slot_written(struct pci_slot *slot, unsigned offset, unsigned width)
{
    enum slot_answer answer = SLOT_NOTHING;

    if (offset < SLOT_CONTROL + 2 && offset + width > SLOT_CONTROL)
        answer = control_written(slot);
    update_interrupt(slot);
    return answer;
}
