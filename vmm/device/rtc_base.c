/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/rtc_base.h"

#include <time.h>

#include "base/config.h"

#define OFFSET_MAX (INT64_C(1) << 42)

bool rtc_base_is_local(const struct config *config)
{
    const bool local = config->rtc_base == RTC_LOCALTIME;

    if (local)
        tzset();
    return local;
}

int64_t rtc_base_offset(const struct config *config)
{
    return config->rtc_base == RTC_DATE ? config->rtc_date - time(NULL) : 0;
}

bool rtc_offset_valid(int64_t offset)
{
    return offset >= -OFFSET_MAX && offset <= OFFSET_MAX;
}
