/* SPDX-License-Identifier: BSD-2-Clause */
#include <hotram/cpu.h>

#include <stddef.h>

#include "cpu.h"

#define END HOTRAM_CPU_NONE /* hotram_cpu.next and hotram_cpus.first: no further slot */

enum event { PLUG, FIX, REQUEST, WITHDRAW, EJECT, FINISH, EVENTS };

#define STATES (HOTRAM_CPU_EJECTING + 1)

/* Every transition there is; 0 stands for "refused", hence the 1 added to each state. */
#define TO(state) (HOTRAM_CPU_##state + 1)

static const uint8_t transitions[STATES][EVENTS] = {
    [HOTRAM_CPU_ABSENT] = { [PLUG] = TO(PLUGGED) },
    [HOTRAM_CPU_PLUGGED] = { [FIX] = TO(FIXED), [REQUEST] = TO(REMOVAL_REQUESTED), [EJECT] = TO(EJECTING) },
    [HOTRAM_CPU_REMOVAL_REQUESTED] = { [REQUEST] = TO(REMOVAL_REQUESTED),
                                       [WITHDRAW] = TO(PLUGGED),
                                       [EJECT] = TO(EJECTING) },
    [HOTRAM_CPU_EJECTING] = { [FINISH] = TO(ABSENT) },
};

/* Apply an event to a slot, if its state allows it. */
static enum hotram_status step(struct hotram_cpus *cpus, uint32_t slot, enum event event)
{
    struct hotram_cpu *cpu;

    if (!cpus)
        return HOTRAM_E_ARGUMENT;
    if (slot >= cpus->count)
        return HOTRAM_E_SLOT_RANGE;
    cpu = &cpus->slots[slot];
    if (cpu->state >= STATES || !transitions[cpu->state][event])
        return HOTRAM_E_STATE;
    cpu->state = (uint8_t)(transitions[cpu->state][event] - 1);
    return HOTRAM_OK;
}

/* The link to the first pending slot that is not below this one. */
static uint32_t *link_to(struct hotram_cpus *cpus, uint32_t slot)
{
    uint32_t *link = &cpus->first;

    while (*link < slot) /* END is above every slot */
        link = &cpus->slots[*link].next;
    return link;
}

/* A slot is in the list of pending ones as long as it has an event. */
void libhotram_cpu_set_pending(struct hotram_cpus *cpus, uint32_t slot, bool insert, bool removal)
{
    struct hotram_cpu *cpu = &cpus->slots[slot];
    uint32_t *link = link_to(cpus, slot);
    bool is_listed = *link == slot;

    cpu->insert_pending = insert;
    cpu->remove_pending = removal;
    if ((insert || removal) && !is_listed) {
        cpu->next = *link;
        *link = slot;
    } else if (!insert && !removal && is_listed) {
        *link = cpu->next;
        cpu->next = END;
    }
}

enum hotram_status hotram_cpus_init(struct hotram_cpus *cpus, struct hotram_cpu *slots, uint32_t count,
                                    const struct hotram_cpus_ops *ops, void *opaque)
{
    if (!cpus || !slots || count == 0 || !ops || !ops->raise || !ops->ost || !ops->eject)
        return HOTRAM_E_ARGUMENT;
    *cpus = (struct hotram_cpus){
        .slots = slots,
        .ops = ops,
        .opaque = opaque,
        .count = count,
        .first = END,
    };
    for (uint32_t i = 0; i < count; i++)
        slots[i] = (struct hotram_cpu){
            .hardware_id = slots[i].hardware_id,
            .state = HOTRAM_CPU_ABSENT,
            .next = END,
        };
    return HOTRAM_OK;
}

enum hotram_status hotram_cpus_plug(struct hotram_cpus *cpus, uint32_t slot, bool hot)
{
    enum hotram_status status = step(cpus, slot, PLUG);

    if (status == HOTRAM_OK && hot) {
        libhotram_cpu_set_pending(cpus, slot, true, false);
        cpus->ops->raise(cpus->opaque);
    }
    return status;
}

enum hotram_status hotram_cpus_fix(struct hotram_cpus *cpus, uint32_t slot)
{
    enum hotram_status status = step(cpus, slot, FIX);

    if (status == HOTRAM_OK)
        libhotram_cpu_set_pending(cpus, slot, false, false);
    return status;
}

enum hotram_status hotram_cpus_request_removal(struct hotram_cpus *cpus, uint32_t slot)
{
    enum hotram_status status = step(cpus, slot, REQUEST);

    if (status == HOTRAM_OK) {
        libhotram_cpu_set_pending(cpus, slot, cpus->slots[slot].insert_pending, true);
        cpus->ops->raise(cpus->opaque);
    }
    return status;
}

enum hotram_status hotram_cpus_withdraw(struct hotram_cpus *cpus, uint32_t slot)
{
    enum hotram_status status = step(cpus, slot, WITHDRAW);

    if (status == HOTRAM_OK)
        libhotram_cpu_set_pending(cpus, slot, cpus->slots[slot].insert_pending, false);
    return status;
}

enum hotram_status hotram_cpus_eject(struct hotram_cpus *cpus, uint32_t slot)
{
    enum hotram_status status = step(cpus, slot, EJECT);

    if (status == HOTRAM_OK) {
        libhotram_cpu_set_pending(cpus, slot, false, false);
        /* Last: the callback may already call hotram_cpus_finish(). */
        cpus->ops->eject(cpus->opaque, slot);
    }
    return status;
}

enum hotram_status hotram_cpus_finish(struct hotram_cpus *cpus, uint32_t slot)
{
    return step(cpus, slot, FINISH);
}

/* The list is made anew of the slots in it, whose links are read before they change. */
enum hotram_status hotram_cpus_reset(struct hotram_cpus *cpus)
{
    uint32_t slot;

    if (!cpus)
        return HOTRAM_E_ARGUMENT;
    for (uint32_t *link = &cpus->first; (slot = *link) != END;) {
        struct hotram_cpu *cpu = &cpus->slots[slot];

        cpu->insert_pending = false;
        if (cpu->remove_pending) {
            link = &cpu->next;
        } else {
            *link = cpu->next;
            cpu->next = END;
        }
    }
    return HOTRAM_OK;
}

const struct hotram_cpu *hotram_cpus_slot(const struct hotram_cpus *cpus, uint32_t slot)
{
    return cpus && slot < cpus->count ? &cpus->slots[slot] : NULL;
}

bool hotram_cpus_present(const struct hotram_cpus *cpus, uint32_t slot)
{
    if (!cpus || slot >= cpus->count)
        return false;
    switch ((enum hotram_cpu_state)cpus->slots[slot].state) {
    case HOTRAM_CPU_FIXED:
    case HOTRAM_CPU_PLUGGED:
    case HOTRAM_CPU_REMOVAL_REQUESTED:
        return true;
    case HOTRAM_CPU_ABSENT:
    case HOTRAM_CPU_EJECTING:
        break;
    }
    return false;
}

uint32_t hotram_cpus_pending(const struct hotram_cpus *cpus, uint32_t from)
{
    uint32_t slot;

    if (!cpus)
        return HOTRAM_CPU_NONE;
    slot = cpus->first;
    while (slot < from)
        slot = cpus->slots[slot].next;
    return slot == END ? cpus->first : slot;
}
