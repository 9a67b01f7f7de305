/* SPDX-License-Identifier: BSD-2-Clause */
#include "hotplug/mem_request.h"

#include <stdbool.h>
#include <string.h>

/* Two memory blocks of a Linux guest: of 128 MiB on x86-64 and on arm64 with pages of 4 KiB. */
#define USABLE_EXTRA (UINT64_C(256) << 20)

static uint64_t read_le(const uint8_t *bytes, unsigned count)
{
    uint64_t value = 0;

    for (unsigned i = count; i > 0; i--)
        value = value << 8 | bytes[i - 1];
    return value;
}

void mem_request_read(const uint8_t bytes[MEM_REQUEST_SIZE], struct mem_request *request)
{
    *request = (struct mem_request){
        .type = (uint16_t)read_le(bytes, 2),
        .addr = read_le(bytes + 8, 8),
        .count = (uint16_t)read_le(bytes + 16, 2),
    };
}

void mem_response_write(const struct mem_verdict *verdict, uint8_t bytes[MEM_RESPONSE_SIZE])
{
    memset(bytes, 0, MEM_RESPONSE_SIZE);
    bytes[0] = (uint8_t)verdict->response;
    bytes[8] = (uint8_t)verdict->state;
}

uint64_t mem_usable_size(uint64_t requested, uint64_t region, uint64_t block_size)
{
    const uint64_t extra = (USABLE_EXTRA + block_size - 1) & ~(block_size - 1);

    if (requested == 0)
        return 0;
    return extra < region - requested ? requested + extra : region;
}

/* The blocks of a request, if they are some, and in the usable part. */
static bool find_blocks(const struct mem_request *request, const struct mem_sizes *sizes,
                        const struct guest_blocks *blocks, struct mem_verdict *verdict)
{
    const uint64_t offset = request->addr - sizes->addr;
    const uint64_t usable = sizes->usable >> blocks->shift;

    if (request->addr < sizes->addr || offset & ((UINT64_C(1) << blocks->shift) - 1) || request->count == 0 ||
        request->count > usable || offset >> blocks->shift > usable - request->count)
        return false;
    verdict->first = (uint32_t)(offset >> blocks->shift);
    verdict->count = request->count;
    return true;
}

static enum mem_response judge_change(const struct mem_sizes *sizes, const struct guest_blocks *blocks,
                                      const struct mem_verdict *verdict)
{
    const uint64_t size = (uint64_t)verdict->count << blocks->shift;
    const uint32_t plugged = guest_blocks_plugged(blocks, verdict->first, verdict->count);

    if (verdict->type == MEM_PLUG &&
        (sizes->plugged > sizes->requested || size > sizes->requested - sizes->plugged))
        return MEM_NACK;
    return plugged == (verdict->type == MEM_PLUG ? 0 : verdict->count) ? MEM_ACK : MEM_ERROR;
}

void mem_request_judge(const struct mem_request *request, const struct mem_sizes *sizes,
                       const struct guest_blocks *blocks, struct mem_verdict *verdict)
{
    uint32_t plugged;

    *verdict = (struct mem_verdict){ .type = request->type, .response = MEM_ERROR };
    if (request->type == MEM_UNPLUG_ALL) {
        verdict->response = MEM_ACK;
        verdict->count = blocks->count;
        return;
    }
    if (request->type > MEM_STATE || !find_blocks(request, sizes, blocks, verdict))
        return;
    if (request->type != MEM_STATE) {
        verdict->response = (uint16_t)judge_change(sizes, blocks, verdict);
        return;
    }
    plugged = guest_blocks_plugged(blocks, verdict->first, verdict->count);
    verdict->response = MEM_ACK;
    verdict->state = plugged == 0 ? MEM_UNPLUGGED : plugged == verdict->count ? MEM_PLUGGED : MEM_MIXED;
}
