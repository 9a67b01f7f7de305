/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's codes in words, what is likely behind them, and the way out. What Linux means by a code was
 * measured: docs/guests.md.
 */
#include <inttypes.h>
#include <stdio.h>

#include "hotplug/operation.h"
#include "hotplug/state.h"

/* _OST's source events: a notification by its number, or processing that the guest began by itself. */
#define OST_BUS_CHECK 0x0u
#define OST_DEVICE_CHECK 0x1u
#define OST_EJECT_REQUEST 0x3u
#define OST_EJECTION 0x103u
#define OST_INSERTION 0x200u

bool ost_is_ejection(uint32_t event)
{
    return event == OST_EJECT_REQUEST || event == OST_EJECTION;
}

bool ost_is_insertion(uint32_t event)
{
    return event == OST_BUS_CHECK || event == OST_DEVICE_CHECK || event == OST_INSERTION;
}

bool ost_in_progress(uint32_t event, uint32_t status)
{
    return (ost_is_ejection(event) && status == 0x84) || (event == OST_INSERTION && status == 0x80);
}

static const struct {
    bool ejection;
    uint32_t status;
    const char *text;
} codes[] = {
    { true, 0x80, "ejection not supported" },
    { true, 0x81, "device in use by an application" },
    { true, 0x82, "device busy" },
    { true, 0x83, "something the ejection depends on is busy or can't be ejected" },
    { true, 0x84, "ejection in progress" },
    { false, 0x80, "insertion in progress" },
    { false, 0x81, "driver could not be loaded" },
    { false, 0x82, "insertion not supported" },
};

const char *ost_text(uint32_t event, uint32_t status)
{
    if (status < 3)
        return (const char *[]){ "success", "failure without a reason",
                                 "notification not recognized" }[status];
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (codes[i].status == status &&
            (codes[i].ejection ? ost_is_ejection(event) : ost_is_insertion(event)))
            return codes[i].text;
    return "a code that ACPI does not define";
}

const char *operation_kind_name(enum operation_kind kind)
{
    return kind == OPERATION_PLUG ? "plug" : "unplug";
}

const char *operation_result_name(enum operation_result result)
{
    static const char *const names[] = {
        [OPERATION_UNDER_WAY] = "in-progress", [OPERATION_DONE] = "done",
        [OPERATION_REFUSED] = "refused",       [OPERATION_UNANSWERED] = "unanswered",
        [OPERATION_CANCELLED] = "cancelled",
    };

    return names[result];
}

void operation_explain_refusal(struct operation *operation)
{
    const char *said = ost_text(operation->ost_event, operation->ost_status);
    char map[SIZE_TEXT];

    if (operation->kind == OPERATION_PLUG)
        snprintf(
            operation->reason, OPERATION_REASON,
            "%s: likely the guest has no room for the DIMM's memory map, %s (64 bytes for each 4 KiB), or "
            "can't use memory at that address; plug smaller DIMMs first, each once the last is in use",
            said, size_text(operation->size / 64, map));
    else if (operation->ost_status == 0x80 || operation->ost_status == 2)
        snprintf(
            operation->reason, OPERATION_REASON,
            "%s: the guest can't remove memory while it runs; a reset carries out a request that is under "
            "way then",
            said);
    else
        snprintf(
            operation->reason, OPERATION_REASON,
            "%s: likely the guest's kernel uses memory in it, which can't be moved (only memory that was "
            "brought online as movable is safe from that); unplug another DIMM, or try again later",
            said);
}

/* What it is doing, as far as can be seen from outside. */
static const char *guess(const struct operation *operation, bool noticed)
{
    if (operation->answered && operation->kind == OPERATION_UNPLUG)
        return "the guest is at it; it may have much to move, or no room elsewhere for what is in the DIMM: free "
               "memory in the guest, and it may still come";
    if (operation->answered)
        return "the guest is at it, and may still come to an end";
    if (noticed)
        return "the guest has taken note of the request and not reported on it; its answer may still come";
    return "the guest has not looked at its slots; it may not have started its ACPI, or have no driver for memory "
           "hotplug, or hang";
}

void operation_explain_silence(struct operation *operation, bool noticed)
{
    snprintf(operation->reason, OPERATION_REASON, "no answer in %g s: %s", (double)operation->deadline / 1000,
             guess(operation, noticed));
}
