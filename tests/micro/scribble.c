/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A micro-guest that writes something else to all the state that it can reach, resets the machine, and says
 * what is not as it was after power-on:
 *
 *     changed KIND COUNT            of each kind, before the reset
 *     kept KIND NUMBER power-on VALUE set VALUE now VALUE
 *     END
 *
 * Numbers are hexadecimal. With a command line "xcr" the extended control register is one of them, which not
 * every KVM's emulator has. What it remembers is in RAM, which a reset leaves alone; that it has been reset,
 * in the CMOS memory. 32 bits, without paging and interrupts.
 */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;

extern volatile u32 faulted, resume_ip, resume_sp;

/* An instruction that may fault: `faulted` tells. */
#define ATTEMPT(instruction, ...) \
    do { \
        faulted = 0; \
        __asm__ volatile("movl $1f, resume_ip\n movl %%esp, resume_sp\n " instruction "\n1:" __VA_ARGS__); \
    } while (0)

struct value {
    u32 low, high;
};

static void outb(u16 port, u8 value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "d"(port));
}

static u8 inb(u16 port)
{
    u8 value;

    __asm__ volatile("inb %1, %0" : "=a"(value) : "d"(port));
    return value;
}

/* ---- words ---- */

static void put(char letter)
{
    while (!(inb(0x3fd) & 0x20))
        ;
    outb(0x3f8, (u8)letter);
}

static void say(const char *text)
{
    for (; *text; text++)
        put(*text);
}

static void say_hex(u32 value, int digits)
{
    for (int i = 4 * digits - 4; i >= 0; i -= 4)
        put("0123456789abcdef"[value >> i & 15]);
}

static void say_value(const char *word, struct value value)
{
    say(word);
    say_hex(value.high, 8);
    say_hex(value.low, 8);
}

/* ---- kinds of state ---- */

static int read_msr(u32 msr, struct value *value)
{
    u32 low = 0, high = 0;

    ATTEMPT("rdmsr", : "+a"(low), "+d"(high) : "c"(msr));
    value->low = low;
    value->high = high;
    return !faulted;
}

static int write_msr(u32 msr, struct value value)
{
    ATTEMPT("wrmsr", : : "a"(value.low), "d"(value.high), "c"(msr));
    return !faulted;
}

/* Control registers by their number, EFER as 8. */
static int read_control(u32 number, struct value *value)
{
    u32 low = 0;

    value->high = 0;
    switch (number) {
    case 0:
        __asm__ volatile("movl %%cr0, %0" : "=r"(low));
        break;
    case 2:
        __asm__ volatile("movl %%cr2, %0" : "=r"(low));
        break;
    case 3:
        __asm__ volatile("movl %%cr3, %0" : "=r"(low));
        break;
    case 4:
        __asm__ volatile("movl %%cr4, %0" : "=r"(low));
        break;
    case 8:
        return read_msr(0xc0000080, value);
    default:
        return 0;
    }
    value->low = low;
    return 1;
}

static int write_control(u32 number, struct value value)
{
    switch (number) {
    case 0:
        ATTEMPT("movl %0, %%cr0", : : "r"(value.low));
        break;
    case 2:
        ATTEMPT("movl %0, %%cr2", : : "r"(value.low));
        break;
    case 3:
        ATTEMPT("movl %0, %%cr3", : : "r"(value.low));
        break;
    case 4:
        ATTEMPT("movl %0, %%cr4", : : "r"(value.low));
        break;
    case 8:
        return write_msr(0xc0000080, value);
    default:
        return 0;
    }
    return !faulted;
}

static int read_debug(u32 number, struct value *value)
{
    u32 low = 0;

    value->high = 0;
    switch (number) {
    case 0:
        ATTEMPT("movl %%db0, %0", : "=r"(low));
        break;
    case 1:
        ATTEMPT("movl %%db1, %0", : "=r"(low));
        break;
    case 2:
        ATTEMPT("movl %%db2, %0", : "=r"(low));
        break;
    case 3:
        ATTEMPT("movl %%db3, %0", : "=r"(low));
        break;
    case 6:
        ATTEMPT("movl %%db6, %0", : "=r"(low));
        break;
    case 7:
        ATTEMPT("movl %%db7, %0", : "=r"(low));
        break;
    default:
        return 0;
    }
    value->low = low;
    return !faulted;
}

static int write_debug(u32 number, struct value value)
{
    switch (number) {
    case 0:
        ATTEMPT("movl %0, %%db0", : : "r"(value.low));
        break;
    case 1:
        ATTEMPT("movl %0, %%db1", : : "r"(value.low));
        break;
    case 2:
        ATTEMPT("movl %0, %%db2", : : "r"(value.low));
        break;
    case 3:
        ATTEMPT("movl %0, %%db3", : : "r"(value.low));
        break;
    case 6:
        ATTEMPT("movl %0, %%db6", : : "r"(value.low));
        break;
    case 7:
        ATTEMPT("movl %0, %%db7", : : "r"(value.low));
        break;
    default:
        return 0;
    }
    return !faulted;
}

/* x87 and SSE: FXSAVE's image, a word at a time; the whole image is written back for each. */
static u8 image[512] __attribute__((aligned(16)));

static int read_fpu(u32 offset, struct value *value)
{
    ATTEMPT("fxsave image", : : : "memory");
    value->low = *(volatile u32 *)(image + offset);
    value->high = 0;
    return !faulted;
}

static int write_fpu(u32 offset, struct value value)
{
    ATTEMPT("fxsave image", : : : "memory");
    if (faulted)
        return 0;
    *(volatile u32 *)(image + offset) = value.low;
    ATTEMPT("fxrstor image", : : : "memory");
    return !faulted;
}

static int has_xcr;

static int read_xcr(u32 number, struct value *value)
{
    u32 low = 0, high = 0;

    if (!has_xcr)
        return 0;
    ATTEMPT("xgetbv", : "+a"(low), "+d"(high) : "c"(number));
    value->low = low;
    value->high = high;
    return !faulted;
}

static int write_xcr(u32 number, struct value value)
{
    ATTEMPT("xsetbv", : : "a"(value.low), "d"(value.high), "c"(number));
    return !faulted;
}

#define LAPIC 0xfee00000u
#define IOAPIC 0xfec00000u

static int read_lapic(u32 offset, struct value *value)
{
    value->low = *(volatile u32 *)(LAPIC + offset);
    value->high = 0;
    return 1;
}

static int write_lapic(u32 offset, struct value value)
{
    *(volatile u32 *)(LAPIC + offset) = value.low;
    return 1;
}

static int read_ioapic(u32 number, struct value *value)
{
    *(volatile u32 *)IOAPIC = number;
    value->low = *(volatile u32 *)(IOAPIC + 0x10) & ~0x5000u; /* without what the IOAPIC itself reports */
    value->high = 0;
    return 1;
}

static int write_ioapic(u32 number, struct value value)
{
    *(volatile u32 *)IOAPIC = number;
    *(volatile u32 *)(IOAPIC + 0x10) = value.low;
    return 1;
}

static int read_port(u32 port, struct value *value)
{
    value->low = inb((u16)port) & (port == 0x61 ? 0x0f : 0xff); /* without its clocks */
    value->high = 0;
    return 1;
}

static int write_port(u32 port, struct value value)
{
    outb((u16)port, (u8)value.low);
    return 1;
}

/* The mode of a channel of the timer. */
static int read_pit(u32 channel, struct value *value)
{
    outb(0x43, (u8)(0xe0 | 2u << channel));
    value->low = inb((u16)(0x40 + channel)) & 0x0f;
    value->high = 0;
    return 1;
}

static int write_pit(u32 channel, struct value value)
{
    outb(0x43, (u8)(channel << 6 | 0x30 | (value.low & 0x0e)));
    outb((u16)(0x40 + channel), 0x34);
    outb((u16)(0x40 + channel), 0x12);
    return 1;
}

static const struct range {
    u32 first, last, step;
} msrs[] = { { 0, 0x13ff, 1 },
             { 0x4b564d00, 0x4b564d0f, 1 },
             { 0x40000000, 0x400001ff, 1 },
             { 0xc0000081, 0xc000010f, 1 },
             { 0xc0010000, 0xc00103ff, 1 },
             { 0xc0011000, 0xc00110ff, 1 } },
  controls[] = { { 2, 3, 1 }, { 8, 8, 1 }, { 4, 4, 1 }, { 0, 0, 1 } },
  debugs[] = { { 0, 3, 1 }, { 6, 7, 1 } },
  /* Control word, tag and so on; MXCSR; eight registers of x87, eight of SSE. */
    fpus[] = { { 0, 4, 4 }, { 24, 24, 4 }, { 32, 159, 4 }, { 160, 287, 4 } }, xcrs[] = { { 0, 0, 1 } },
  /* Not what sends an interrupt, ends one, or is read-only. */
    lapics[] = { { 0x80, 0x80, 16 },
                 { 0xd0, 0xf0, 16 },
                 { 0x2f0, 0x2f0, 16 },
                 { 0x320, 0x380, 16 },
                 { 0x3e0, 0x3e0, 16 } },
  ioapics[] = { { 0, 0, 1 }, { 0x10, 0x3f, 1 } },
  ports[] = { { 0x21, 0x21, 1 }, /* PICs */
              { 0xa1, 0xa1, 1 },   { 0x4d0, 0x4d1, 1 }, { 0x61, 0x61, 1 },
              { 0x3f9, 0x3f9, 1 }, /* serial line */
              { 0x3fc, 0x3fc, 1 }, { 0x3ff, 0x3ff, 1 }, { 0x602, 0x603, 1 } /* PM1 enable */ },
  pits[] = { { 0, 2, 1 } };

#define KIND(name, read, write, ranges) \
    { \
        name, read, write, ranges, sizeof ranges / sizeof *ranges \
    }

/* In this order they are changed: the control registers, without which others cannot be reached, last. */
static const struct kind {
    const char *name;
    int (*read)(u32 number, struct value *value);
    int (*write)(u32 number, struct value value);
    const struct range *range;
    u32 count;
} kinds[] = {
    KIND("msr", read_msr, write_msr, msrs),
    KIND("debug", read_debug, write_debug, debugs),
    KIND("lapic", read_lapic, write_lapic, lapics),
    KIND("ioapic", read_ioapic, write_ioapic, ioapics),
    KIND("port", read_port, write_port, ports),
    KIND("pit", read_pit, write_pit, pits),
    KIND("fpu", read_fpu, write_fpu, fpus),
    KIND("xcr", read_xcr, write_xcr, xcrs),
    KIND("control", read_control, write_control, controls),
};
#define KINDS (sizeof kinds / sizeof *kinds)

/* What counts by itself, moves what this program needs, lets KVM write to memory, or locks itself. */
static int leave_alone(const struct kind *kind, u32 number)
{
    if (kind->read != read_msr)
        return 0;
    return number == 0x10 || number == 0x1b || number == 0x3a || number == 0xe7 || number == 0xe8 ||
           number == 0x11 || number == 0x12 || number == 0x6e0 || (number >= 0x800 && number < 0x900) ||
           number == 0x4b564d00 || number == 0x4b564d01;
}

/* ---- before and after the reset ---- */

struct entry {
    u32 kind, number;
    struct value before, set;
};
#define ENTRIES ((struct entry *)0x2000000)
#define COUNT (*(volatile u32 *)0x1fff000)

static int differ(struct value a, struct value b)
{
    return a.low != b.low || a.high != b.high;
}

/* Write one other value after the next, until one is taken. What takes none is compared all the same. */
static int change(const struct kind *kind, u32 number, struct entry *entry)
{
    static const u32 flips[] = { 1, 6,     0x1000, 0xc06,  0x10000, 0xff,       0x7000,
                                 4, 8,     0x10,   0x20,   0x40,    0x80,       0x100,
                                 2, 0x200, 0x400,  0x2000, 0x800,   0xff000000, 0x10000000 };
    struct value old = entry->before;

    for (u32 i = 0; i < sizeof flips / sizeof *flips + 2; i++) {
        struct value next = { i < sizeof flips / sizeof *flips ? old.low ^ flips[i] : old.low, old.high };

        if (i == sizeof flips / sizeof *flips)
            next = (struct value){ 0x06060606, 0x06060606 }; /* types of memory */
        else if (i > sizeof flips / sizeof *flips)
            next.high ^= 1;
        if (kind->write(number, next) && kind->read(number, &entry->set) && differ(entry->set, old))
            return 1;
    }
    return 0;
}

/* All of a kind is read before any of it is changed, for one register can change another. */
static void change_all(u32 which)
{
    const struct kind *kind = &kinds[which];
    u32 begun = COUNT, end = COUNT, changed = 0;

    for (u32 i = 0; i < kind->count; i++)
        for (u32 number = kind->range[i].first; number <= kind->range[i].last;
             number += kind->range[i].step) {
            struct entry *entry = &ENTRIES[end];

            entry->kind = which;
            entry->number = number;
            end += !leave_alone(kind, number) && kind->read(number, &entry->before);
        }
    for (u32 i = begun; i < end; i++)
        changed += (u32)change(kind, ENTRIES[i].number, &ENTRIES[i]);
    COUNT = end;
    say("changed ");
    say(kind->name);
    put(' ');
    say_hex(changed, 4);
    put('\n');
}

static void compare(const struct entry *entry)
{
    const struct kind *kind = &kinds[entry->kind];
    struct value now = { 0, 0 };

    if (kind->read(entry->number, &now) && !differ(now, entry->before))
        return;
    say("kept ");
    say(kind->name);
    put(' ');
    say_hex(entry->number, 8);
    say_value(" power-on ", entry->before);
    say_value(" set ", entry->set);
    say_value(" now ", now);
    put('\n');
}

/* The control registers are as the start left them until open_up() changes them. */
static void compare_all(int controls_only)
{
    for (u32 i = 0; i < COUNT; i++)
        if ((kinds[ENTRIES[i].kind].read == read_control) == controls_only)
            compare(&ENTRIES[i]);
}

/* FXSAVE with SSE, XGETBV. */
static void open_up(void)
{
    struct value cr0, cr4;

    read_control(0, &cr0);
    read_control(4, &cr4);
    cr0.low &= ~0xcu;
    write_control(0, cr0);
    cr4.low |= 0x600;
    write_control(4, cr4);
    cr4.low |= 0x40000;
    write_control(4, cr4);
}

void scribble(const char *command_line)
{
    has_xcr = command_line && *command_line == 'x';
    outb(0x70, 0x40);
    if (inb(0x71) != 0x5a) {
        struct value cr0, cr4;

        COUNT = 0;
        read_control(0, &cr0);
        read_control(4, &cr4);
        open_up();
        for (u32 i = 0; i < KINDS - 1; i++)
            change_all(i);
        write_control(4, cr4);
        write_control(0, cr0);
        change_all(KINDS - 1);
        outb(0x70, 0x40);
        outb(0x71, 0x5a);
        outb(0xcf9, 6);
        for (;;)
            ;
    }
    compare_all(1);
    open_up();
    compare_all(0);
    say("END\n");
    for (;;)
        __asm__ volatile("hlt");
}
