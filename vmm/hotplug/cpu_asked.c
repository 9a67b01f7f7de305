/* SPDX-License-Identifier: BSD-2-Clause */
#include "hotplug/cpu_asked.h"

#define CONTROL 0x4u /* docs/register-interface.md */

void cpu_asked_read(struct cpu_asked *of, uint64_t offset, uint64_t value)
{
    if (offset == CONTROL && (value & HOTRAM_CPUHP_REMOVE))
        of->read = true;
}

static void one_less(struct cpu_asked *of)
{
    if (of->guests > 0)
        of->guests--;
}

/* One action per write, the first that matches, as in the register itself. */
void cpu_asked_write(struct cpu_asked *of, uint64_t offset, uint64_t value, bool pending)
{
    if (offset != CONTROL || (value & HOTRAM_CPUHP_INSERT))
        return;
    if (value & HOTRAM_CPUHP_REMOVE) {
        if ((of->read || pending) && of->guests < UINT8_MAX)
            of->guests++;
        of->read = false;
    } else if (value & HOTRAM_CPUHP_EJECT) {
        one_less(of);
    }
}

void cpu_asked_refused(struct cpu_asked *of)
{
    one_less(of);
}

bool cpu_asked_any(const struct cpu_asked *of)
{
    return of->read || of->guests > 0;
}
