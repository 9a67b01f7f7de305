/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arm64: registers of the GIC that have some bits for each interrupt, saved and restored.
 *
 * Routing and configuration come before levels, levels before what is pending: KVM decides from each where a
 * pending interrupt goes, and whether it still is.
 */
#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/count_of.h"
#include "kvm/arm64_gic.h"
#include "layout/arm64.h"

#define PRIVATE ARM64_SPI_BASE
#define LINES KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO

bool gic_pass(int fd, unsigned long request, uint32_t group, uint64_t attribute, void *value)
{
    const struct kvm_device_attr attr = { .group = group, .attr = attribute, .addr = (uintptr_t)value };

    return ioctl(fd, request, &attr) == 0;
}

bool gic_refuse(unsigned long request, const char *what, struct error *error)
{
    return error_set(error, "KVM does not %s %s: %s", request == KVM_GET_DEVICE_ATTR ? "tell" : "take", what,
                     strerror(errno));
}

struct bits {
    const char *name;
    uint32_t group;       /* 0: that of the block */
    uint32_t base, clear; /* offsets of the first register, and of the one that clears its bits, or 0 */
    unsigned width;       /* bits for each interrupt */
    enum { BOTH, OF_PRIVATE, OF_SHARED } where;
};

static const struct bits gicv3_bits[] = {
    { .name = "IGROUPR", .base = 0x080, .width = 1 },
    { .name = "ISENABLER", .base = ISENABLER, .clear = ICENABLER, .width = 1 },
    { .name = "IROUTER", .base = 0x6000, .width = 64, .where = OF_SHARED },
    { .name = "ICFGR", .base = 0xc00, .width = 2 },
    { .name = "levels of lines", .group = LINES, .width = 1 },
    { .name = "ISPENDR", .base = ISPENDR, .width = 1 }, /* KVM takes zeros, too */
    { .name = "ISACTIVER", .base = ISACTIVER, .clear = ICACTIVER, .width = 1 },
    { .name = "IPRIORITYR", .base = 0x400, .width = 8 },
};

static const struct bits gicv2_bits[] = {
    { .name = "ISENABLER", .base = ISENABLER, .clear = ICENABLER, .width = 1 },
    { .name = "ITARGETSR", .base = 0x800, .width = 8, .where = OF_SHARED },
    { .name = "ICFGR", .base = 0xc00, .width = 2 },
    { .name = "ISPENDR", .base = ISPENDR, .clear = ICPENDR, .width = 1 },
    /* Which vCPUs have sent each of the 16 software interrupts: 8 bits of each */
    { .name = "SPENDSGIR", .base = 0xf20, .clear = 0xf10, .width = 4, .where = OF_PRIVATE },
    { .name = "ISACTIVER", .base = ISACTIVER, .clear = ICACTIVER, .width = 1 },
    { .name = "IPRIORITYR", .base = 0x400, .width = 8 },
};

/* The largest: IROUTER */
#define WORDS_MAX ((ARM64_GSI_COUNT - PRIVATE) * 64 / 32)

static bool has(const struct gic_block *block, const struct bits *bits)
{
    return bits->where == BOTH || (bits->where == OF_PRIVATE) == (block->first < PRIVATE);
}

static unsigned words_of(const struct gic_block *block, const struct bits *bits)
{
    return block->count * bits->width / 32;
}

static bool pass_word(const struct vm *vm, unsigned long request, const struct gic_block *block,
                      const struct bits *bits, uint32_t base, unsigned index, uint32_t *word)
{
    const uint32_t offset = base + (block->first * bits->width / 32 + index) * 4;
    const uint64_t line = VGIC_LEVEL_INFO_LINE_LEVEL << KVM_DEV_ARM_VGIC_LINE_LEVEL_INFO_SHIFT |
                          (block->first + 32 * index);

    if (bits->group == LINES)
        return gic_pass(vm->arch->fd, request, LINES, (block->which & ~(uint64_t)UINT32_MAX) | line, word);
    return gic_pass(vm->arch->fd, request, block->group, block->which | offset, word);
}

static bool save_bits(const struct vm *vm, const struct gic_block *block, const struct bits *bits,
                      struct stream_writer *writer, struct error *error)
{
    const unsigned count = words_of(block, bits);
    uint32_t words[WORDS_MAX] = { 0 };

    for (unsigned i = 0; i < count; i++)
        if (!pass_word(vm, KVM_GET_DEVICE_ATTR, block, bits, bits->base, i, &words[i]))
            return gic_refuse(KVM_GET_DEVICE_ATTR, bits->name, error);
    stream_bytes(writer, bits->name, words, count * sizeof *words);
    return true;
}

static bool restore_bits(const struct vm *vm, const struct gic_block *block, const struct bits *bits,
                         const struct stream_part *part, struct error *error)
{
    const unsigned count = words_of(block, bits);
    uint32_t words[WORDS_MAX], all = UINT32_MAX;

    if (!stream_get_bytes(part, bits->name, words, count * sizeof *words, error))
        return false;
    for (unsigned i = 0; i < count; i++)
        if ((bits->clear && !pass_word(vm, KVM_SET_DEVICE_ATTR, block, bits, bits->clear, i, &all)) ||
            !pass_word(vm, KVM_SET_DEVICE_ATTR, block, bits, bits->base, i, &words[i]))
            return gic_refuse(KVM_SET_DEVICE_ATTR, bits->name, error);
    return true;
}

bool gic_pass_block(const struct vm *vm, const struct gic_block *block, struct stream_writer *writer,
                    const struct stream_part *part, struct error *error)
{
    const bool v3 = vm->arch->version == 3;
    const struct bits *bits = v3 ? gicv3_bits : gicv2_bits;
    const struct bits *end = bits + (v3 ? COUNT_OF(gicv3_bits) : COUNT_OF(gicv2_bits));

    for (; bits < end; bits++)
        if (has(block, bits) &&
            !(part ? restore_bits(vm, block, bits, part, error) : save_bits(vm, block, bits, writer, error)))
            return false;
    return true;
}
