/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The codes of _OST. See ost_codes.h.
 */
#include "hotplug/ost_codes.h"

#include <stddef.h>

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
