/* SPDX-License-Identifier: BSD-2-Clause */
#include "devices_judge.h"

#include <string.h>

#include "state_judge.h"

/* What a run of bytes may say. */
enum rule {
    END,
    BITS,   /* numbers of `width` bytes of which only `bits` can be set */
    BLOCK,  /* a saved state of libhotram's, of kind `bits` and of `width` bytes in all */
    FIFO,   /* 0 to 16 */
    OFFSET, /* -2^42 to 2^42 */
    MOST,   /* 0 to `bits` */
    TICKS,  /* 2 to 0x3ff, and mended so that zeros in the input become `bits` */
    EXACT,  /* `bits` and nothing else */
    FIXED,  /* the same, and mended so that zeros in the input become it */
    WIRED,  /* as BITS in the lower half of `bits`; those in the upper one are set, and mended in the same way
             */
};

struct run {
    enum rule rule;
    unsigned width, count;
    uint64_t bits;
};

struct chip {
    const char *name;
    struct run runs[32];
};

/* 16550A */
static const struct chip serial = {
    "serial",
    {
        { BITS, 1, 16, 0xff }, /* received */
        { BITS, 1, 1, 0xf },   /* where the first is */
        { FIFO, 1, 1, 0 },     /* how many */
        { BITS, 1, 1, 1 },     /* overrun */
        { BITS, 1, 1, 0xf },   /* IER */
        { BITS, 1, 1, 0xc9 },  /* FCR */
        { BITS, 1, 1, 0xff },  /* LCR */
        { BITS, 1, 1, 0x1f },  /* MCR */
        { BITS, 1, 3, 0xff },  /* SCR, DLL, DLM */
        { BITS, 1, 1, 1 },     /* transmitter's interrupt */
    },
};

static const struct chip pl011 = {
    "pl011",
    {
        { BITS, 1, 16, 0xff },
        { BITS, 1, 1, 0xf },
        { FIFO, 1, 1, 0 },
        { BITS, 1, 1, 1 },
        { BITS, 2, 1, 0xff },   /* UARTLCR_H */
        { BITS, 2, 1, 0xffff }, /* UARTIBRD */
        { BITS, 2, 1, 0x3f },   /* UARTFBRD */
        { BITS, 2, 1, 0x3f },   /* UARTIFLS */
        { BITS, 2, 1, 0xffff }, /* UARTCR */
        { BITS, 2, 1, 0x7ff },  /* UARTIMSC */
        { BITS, 2, 1, 0x420 },  /* what happened: room to send, overrun */
        { BITS, 2, 1, 0x7 },    /* UARTDMACR */
    },
};

static const struct chip rtc = {
    "rtc",
    {
        { OFFSET, 8, 1, 0 },
        { BITS, 1, 10, 0xff }, /* time and alarm */
        { BITS, 1, 1, 0x7f },  /* A */
        { BITS, 1, 1, 0xff },  /* B */
        { BITS, 1, 1, 0xb0 },  /* C */
        { EXACT, 1, 1, 0x80 }, /* D */
        { BITS, 1, 114, 0xff },
        { BITS, 1, 1, 0x7f }, /* address */
    },
};

static const struct chip pl031 = {
    "pl031",
    {
        { OFFSET, 8, 1, 0 },
        { BITS, 4, 3, 0xffffffff }, /* the count that was seen, match, what was loaded */
        { BITS, 1, 2, 1 },          /* mask, raw interrupt */
    },
};

static const struct chip pm = { "pm", { { BLOCK, 22, 1, 3 }, { BLOCK, 22, 1, 5 } } };
static const struct chip ged = { "ged", { { BLOCK, 20, 1, 4 } } };

/* Port 0xcf8: the enable bit, bus, device, function and register. */
static const struct chip host = { "pci-host", { { BITS, 4, 1, 0x80fffffc } } };

/* Configuration space up to 0x3f: ids, command, status, revision and class, cache line size, latency, header
 * type, zeros, QEMU's subsystem, zeros. `wired`: bits of the command register that cannot be cleared. */
#define HEADER(ids, class_and_revision, header, wired) \
    { FIXED, 4, 1, ids }, { WIRED, 2, 1, (uint64_t)(wired) << 32 | 0x546 | (wired) }, { FIXED, 2, 1, 0 }, \
        { FIXED, 4, 1, class_and_revision }, { BITS, 1, 1, 0xff }, { FIXED, 1, 1, 0 }, \
        { FIXED, 1, 1, header }, { FIXED, 1, 29, 0 }, { FIXED, 4, 1, 0x11001af4 }, \
    { \
        FIXED, 1, 16, 0 \
    }

static const struct chip mch = {
    "mch",
    {
        HEADER(0x29c08086, 0x06000000, 0, 0),
        { FIXED, 1, 0x20, 0 },
        { BITS, 1, 8, 0xff }, /* 0x60: PCIEXBAR */
        { FIXED, 1, 0x28, 0 },
        { BITS, 1, 7, 0xff }, /* 0x90: PAM */
        { FIXED, 1, 6, 0 },
        { BITS, 1, 1, 0xff }, /* 0x9d: SMRAM */
        { FIXED, 1, 0x62, 0 },
    },
};

static const struct chip lpc = {
    "ICH9-LPC",
    {
        HEADER(0x29188086, 0x06010002, 0x80, 7),
        { FIXED, 4, 1, 0x601 }, /* 0x40: PMBASE */
        { FIXED, 1, 1, 0x80 },  /* 0x44: ACPI_CNTL */
        { FIXED, 1, 0x1b, 0 },
        { BITS, 1, 4, 0xff }, /* 0x60: PIRQA to D */
        { FIXED, 1, 4, 0 },
        { BITS, 1, 4, 0xff }, /* 0x68: PIRQE to H */
        { FIXED, 1, 0x34, 0 },
        { BITS, 1, 8, 0xff }, /* 0xa0: GEN_PMCON */
        { FIXED, 1, 0x48, 0 },
        { BITS, 1, 4, 0xff }, /* 0xf0: RCBA */
        { FIXED, 1, 12, 0 },
    },
};

/* The watchdog. */
static const struct chip tco = {
    "tco",
    {
        { MOST, 8, 1, UINT64_C(613800000000) }, /* nanoseconds that are left */
        { BITS, 4, 1, 0x20 },                   /* GCS */
        { BITS, 2, 1, 0xffff },                 /* data */
        { BITS, 2, 1, 0xe },                    /* statuses */
        { BITS, 2, 1, 0x6 },
        { BITS, 2, 1, 0x1a00 }, /* controls */
        { BITS, 2, 1, 0x3e },
        { BITS, 2, 1, 0xffff }, /* messages */
        { BITS, 2, 1, 0xff },   /* progress */
        { BITS, 2, 1, 0x3 },    /* interrupts by software */
        { TICKS, 2, 1, 4 },     /* the timer's start */
        { BITS, 1, 3, 1 },      /* started, once at zero, expired */
    },
};

static const struct chip gpex = { "gpex-root",
                                  { HEADER(0x00081b36, 0x06000000, 0, 0), { FIXED, 1, 0xc0, 0 } } };

#define CHIPS_MAX 8

static const struct chip *const machines[][CHIPS_MAX] = {
    [JUDGED_X86] = { &pm, &serial, &rtc, &host, &mch, &lpc, &tco },
    [JUDGED_X86_GED] = { &ged, &serial, &rtc, &host, &mch, &lpc, &tco },
    [JUDGED_ARM64] = { &pl011, &pl031, &ged, &gpex },
};

#define FRONT 12
#define BEHIND 4

static size_t length_of(const struct chip *chip)
{
    size_t length = FRONT + 1 + strlen(chip->name) + BEHIND;

    for (const struct run *run = chip->runs; run->rule != END; run++)
        length += (size_t)run->width * run->count;
    return length;
}

size_t judge_chip_length(enum judged_machine machine, unsigned chip)
{
    return machines[machine][chip] ? length_of(machines[machine][chip]) : 0;
}

unsigned judge_chip_count(enum judged_machine machine)
{
    unsigned count = 0;

    while (machines[machine][count])
        count++;
    return count;
}

static void put_front(uint8_t *bytes, unsigned kind, size_t length)
{
    const uint8_t front[FRONT] = {
        'H', 'R', 'S', 'T', (uint8_t)kind, (uint8_t)(kind >> 8), 1, 0, (uint8_t)length, (uint8_t)(length >> 8)
    };

    memcpy(bytes, front, sizeof front);
    judge_seal(bytes, length);
}

static void mend_chip(const struct chip *chip, uint8_t *bytes)
{
    const size_t name = strlen(chip->name);
    uint8_t *at = bytes + FRONT + 1 + name;

    bytes[FRONT] = (uint8_t)name;
    memcpy(bytes + FRONT + 1, chip->name, name);
    for (const struct run *run = chip->runs; run->rule != END; run++) {
        const bool mended = run->rule == FIXED || run->rule == TICKS || run->rule == WIRED;
        const uint64_t zeros = run->rule == WIRED ? run->bits >> 32 : run->bits; /* what they become */

        if (run->rule == BLOCK)
            put_front(at, (unsigned)run->bits, run->width);
        for (unsigned i = 0; mended && i < run->width; i++) /* of one element, or of zeros */
            at[i] ^= (uint8_t)(zeros >> 8 * i);
        at += (size_t)run->width * run->count;
    }
    put_front(bytes, 0x8001, length_of(chip));
}

void judge_mend_chips(enum judged_machine machine, uint8_t *bytes)
{
    for (unsigned i = 0; machines[machine][i]; i++) {
        mend_chip(machines[machine][i], bytes);
        bytes += length_of(machines[machine][i]);
    }
}

static bool is_possible(const struct run *run, const uint8_t *bytes)
{
    const uint64_t value = run->rule == BLOCK ? 0 : judge_number(bytes, run->width);

    switch (run->rule) {
    case BITS:
        return (value & ~run->bits) == 0;
    case WIRED:
        return (value & ~(run->bits & UINT32_MAX)) == 0 && (run->bits >> 32 & ~value) == 0;
    case BLOCK:
        /* All of it: a frame that is shorter than its place is another one's. */
        return judge_takes_block(bytes, run->width, (unsigned)run->bits);
    case FIFO:
        return value <= 16;
    case OFFSET:
        return value <= UINT64_C(1) << 42 || value >= -(UINT64_C(1) << 42);
    case MOST:
        return value <= run->bits;
    case TICKS:
        return value >= 2 && value <= 0x3ff;
    case EXACT:
    case FIXED:
        return value == run->bits;
    case END:
        break;
    }
    return false;
}

static bool takes_chip(const struct chip *chip, const uint8_t *bytes, size_t length)
{
    const size_t name = strlen(chip->name);
    const uint8_t *at = bytes + FRONT + 1 + name;
    size_t whole;

    if (!judge_frame(bytes, length, 0x8001, &whole) || whole != length_of(chip) || bytes[FRONT] != name ||
        memcmp(bytes + FRONT + 1, chip->name, name) != 0)
        return false;
    for (const struct run *run = chip->runs; run->rule != END; run++)
        for (unsigned i = 0; i < run->count; i++, at += run->width)
            if (!is_possible(run, at))
                return false;
    return true;
}

bool judge_takes_chips(enum judged_machine machine, const uint8_t *bytes, size_t length, size_t *whole)
{
    *whole = 0;
    for (unsigned i = 0; machines[machine][i]; i++) {
        if (!takes_chip(machines[machine][i], bytes + *whole, length - *whole))
            return false;
        *whole += length_of(machines[machine][i]);
    }
    return true;
}
