/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One row a command; answers are QEMU's. Where QEMU would end at a wrong argument, ours is FAIL and a reason.
 */
#include "qtest/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "machine/machine.h"
#include "memory/guest_memory.h"

#define WORDS_MAX 4
#define TRANSFER_MAX (UINT64_C(1) << 20) /* of read and write, bytes */

struct call {
    struct machine *machine;
    unsigned width;   /* of an access, bytes */
    uint64_t a, b, c; /* numbers */
    const char *data; /* the last word of write */
    struct text *answer;
    bool *irqs;
};

static void ok(struct call *call)
{
    text_string(call->answer, "OK\n");
}

static void port_in(struct call *call)
{
    uint32_t value = 0;

    if (call->a > UINT16_MAX) {
        text_printf(call->answer, "FAIL port 0x%" PRIx64 " is above 0xffff\n", call->a);
        return;
    }
    machine_port_access(call->machine, (uint16_t)call->a, false, call->width, (uint8_t *)&value);
    text_printf(call->answer, "OK 0x%04" PRIx32 "\n", value);
}

static void port_out(struct call *call)
{
    uint32_t value = (uint32_t)call->b;

    if (call->a > UINT16_MAX) {
        text_printf(call->answer, "FAIL port 0x%" PRIx64 " is above 0xffff\n", call->a);
        return;
    }
    machine_port_access(call->machine, (uint16_t)call->a, true, call->width, (uint8_t *)&value);
    ok(call);
}

/* Answers why not, where it fails. */
static bool access_succeeded(struct call *call, uint64_t length, enum guest_access result)
{
    if (result == GUEST_ACCESS_NONE)
        text_printf(call->answer, "FAIL there is no memory at 0x%" PRIx64 " of %" PRIu64 " bytes\n", call->a,
                    length);
    else if (result == GUEST_ACCESS_FAULT)
        text_printf(call->answer, "FAIL the host cannot give the memory at 0x%" PRIx64 "\n", call->a);
    return result == GUEST_ACCESS_OK;
}

static bool size_fits(struct call *call, uint64_t size)
{
    if (size > 0 && size <= TRANSFER_MAX)
        return true;
    text_printf(call->answer, "FAIL a size is 1 to %" PRIu64 " bytes; got %" PRIu64 "\n", TRANSFER_MAX, size);
    return false;
}

static bool reach(struct call *call, void *bytes, uint64_t length, bool write)
{
    struct guest_memory *memory = machine_memory(call->machine); /* NULL: -machine none */

    return access_succeeded(call, length,
                            memory ? guest_memory_access(memory, call->a, bytes, length, write)
                                   : GUEST_ACCESS_NONE);
}

/* The registers of a device, or memory. */
static bool reach_either(struct call *call, void *bytes, bool write)
{
    return machine_memory_access(call->machine, call->a, write, call->width, bytes) ||
           reach(call, bytes, call->width, write);
}

static void memory_in(struct call *call)
{
    uint64_t value = 0;

    if (reach_either(call, &value, false))
        text_printf(call->answer, "OK 0x%016" PRIx64 "\n", value);
}

static void memory_out(struct call *call)
{
    if (reach_either(call, &call->b, true))
        ok(call);
}

static void memory_read(struct call *call)
{
    uint8_t *bytes;

    if (!size_fits(call, call->b))
        return;
    bytes = malloc(call->b);
    if (!bytes)
        text_string(call->answer, "FAIL out of memory\n");
    else if (reach(call, bytes, call->b, false)) {
        text_string(call->answer, "OK 0x");
        for (uint64_t i = 0; i < call->b; i++)
            text_printf(call->answer, "%02x", bytes[i]);
        text_string(call->answer, "\n");
    }
    free(bytes);
}

static int digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = c ? strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c) : NULL;

    return found ? (int)(found - digits) : -1;
}

static void memory_write(struct call *call)
{
    const char *text = call->data;
    uint8_t *bytes;

    if (strncmp(text, "0x", 2) != 0 || strspn(text + 2, "0123456789abcdefABCDEF") != strlen(text + 2) ||
        strlen(text + 2) % 2 != 0 || strlen(text + 2) / 2 != call->b) {
        text_printf(call->answer, "FAIL %" PRIu64 " bytes are 0x and %" PRIu64 " times two digits\n", call->b,
                    call->b);
        return;
    }
    if (!size_fits(call, call->b))
        return;
    bytes = malloc(call->b);
    if (!bytes) {
        text_string(call->answer, "FAIL out of memory\n");
        return;
    }
    for (uint64_t i = 0; i < call->b; i++)
        bytes[i] = (uint8_t)(digit(text[2 + 2 * i]) << 4 | digit(text[3 + 2 * i]));
    if (reach(call, bytes, call->b, true))
        ok(call);
    free(bytes);
}

static void memory_set(struct call *call)
{
    struct guest_memory *memory = machine_memory(call->machine);

    if (size_fits(call, call->b) &&
        access_succeeded(call, call->b,
                         memory ? guest_memory_fill(memory, call->a, (uint8_t)call->c, call->b)
                                : GUEST_ACCESS_NONE))
        ok(call);
}

static void endianness(struct call *call)
{
    text_string(call->answer, "OK little\n");
}

/* QEMU takes the path of any device; ours has the inputs of the one interrupt controller to offer. */
static void intercept(struct call *call)
{
    if (strcmp(call->data, "ioapic") != 0) {
        text_string(call->answer, "FAIL Unknown device\n");
        return;
    }
    *call->irqs = true;
    ok(call);
}

/* The guest's end of interrupt, which no controller is here for. */
static void acknowledge(struct call *call)
{
    if (call->a <= UINT_MAX && machine_acknowledge_irq(call->machine, (unsigned)call->a))
        ok(call);
    else
        text_printf(call->answer, "FAIL no eventfd with resample raises interrupt %" PRIu64 "\n", call->a);
}

static const struct qtest_command {
    const char *name;
    const char *arguments; /* a letter each: n number, d data */
    unsigned width;
    void (*run)(struct call *call);
} commands[] = {
    { "inb", "n", 1, port_in },
    { "inw", "n", 2, port_in },
    { "inl", "n", 4, port_in },
    { "outb", "nn", 1, port_out },
    { "outw", "nn", 2, port_out },
    { "outl", "nn", 4, port_out },
    { "readb", "n", 1, memory_in },
    { "readw", "n", 2, memory_in },
    { "readl", "n", 4, memory_in },
    { "readq", "n", 8, memory_in },
    { "writeb", "nn", 1, memory_out },
    { "writew", "nn", 2, memory_out },
    { "writel", "nn", 4, memory_out },
    { "writeq", "nn", 8, memory_out },
    { "read", "nn", 0, memory_read },
    { "write", "nnd", 0, memory_write },
    { "memset", "nnn", 0, memory_set },
    { "endianness", "", 0, endianness },
    { "irq_intercept_in", "d", 0, intercept },
    { "irq_eoi", "n", 0, acknowledge },
};

static bool number(const char *word, uint64_t *value)
{
    char *end;

    errno = 0;
    *value = strtoull(word, &end, 0);
    return *word >= '0' && *word <= '9' && *end == '\0' && errno == 0;
}

static const struct qtest_command *find(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

void qtest_run(struct machine *machine, char *line, struct text *answer, bool *irqs)
{
    struct call call = { .machine = machine, .answer = answer, .irqs = irqs };
    uint64_t *const numbers[] = { &call.a, &call.b, &call.c };
    char *words[WORDS_MAX + 1];
    const struct qtest_command *command;
    size_t count = 0;
    char *rest = NULL;

    for (char *word = strtok_r(line, " \r", &rest); word && count <= WORDS_MAX;
         word = strtok_r(NULL, " \r", &rest))
        words[count++] = word;
    if (count == 0)
        return;
    command = find(words[0]);
    if (!command) {
        text_printf(answer, "FAIL Unknown command '%.80s'\n", words[0]);
        return;
    }
    if (count - 1 != strlen(command->arguments)) {
        text_printf(answer, "FAIL %s takes %zu arguments\n", command->name, strlen(command->arguments));
        return;
    }
    for (size_t i = 1; i < count; i++) {
        if (command->arguments[i - 1] == 'd') {
            call.data = words[i];
        } else if (!number(words[i], numbers[i - 1])) {
            text_printf(answer, "FAIL '%.80s' is not a number\n", words[i]);
            return;
        }
    }
    call.width = command->width;
    command->run(&call);
}
