/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The registers of the memory hotplug devices, the host behind them, and a log of what happens. Commands,
 * with numbers in hexadecimal:
 *
 *   bank SLOTS                            an empty bank, register block and event device
 *   plug SLOT ADDRESS SIZE NODE cold|hot  reserve and commit
 *   ask SLOT, withdraw SLOT, finish SLOT  as in hotram/dimm.h
 *   press                                 the power button
 *   slots                                 log every slot that is not empty or has an event pending
 *   at COUNT COMMAND                      the command, just before the COUNT-th access of the next evaluation
 *   at COUNT hold                         let that access wait while the evaluation after the next runs
 *
 * and those of cpu_registers.c. Lines of the log, all beginning with '@':
 *
 *   block|ged|cpus read|write OFFSET WIDTH VALUE
 *   raise, ost SLOT EVENT STATUS, eject SLOT                the bank's callbacks
 *   status NUMBER                                           what a command got, an enum hotram_status
 *   slot SLOT STATE ADDRESS SIZE NODE INSERT REMOVE STATUS  of the command "slots"
 *   late                                                    there was no COUNT-th access
 */
#include "registers.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <hotram/cpuhp.h>
#include <hotram/ged.h>
#include <hotram/memhp.h>

#define MIB (UINT64_C(1) << 20)
#define WORDS_MAX 6
#define HOLD_MS 50
#define HOLD_LIMIT_MS 10000

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct hotram_bank bank;
static struct hotram_dimm slots[HOTRAM_SLOTS_MAX];
static struct hotram_memhp block;
static struct hotram_ged ged;

/* A command that waits for its access. */
static struct {
    unsigned left; /* accesses; 0: none waits */
    char line[80];
    bool is_held; /* the next evaluation goes on beside the one after */
} later;

static unsigned begun; /* evaluations */

_Noreturn void registers_die(const char *why)
{
    fflush(stdout);
    fprintf(stderr, "\n@dead %s\n", why);
    abort();
}

/* Let others through for a while; the lock is held. */
static void sleep_unlocked(unsigned milliseconds)
{
    const struct timespec duration = { .tv_nsec = milliseconds * 1000000L };

    pthread_mutex_unlock(&lock);
    nanosleep(&duration, NULL);
    pthread_mutex_lock(&lock);
}

/* Until the next evaluation has begun, however long its command takes to come, and for a while in which it
 * gets as far as it can; the lock is held. */
static void hold(void)
{
    const unsigned before = begun;

    for (unsigned waited = 0; begun == before; waited++) {
        if (waited == HOLD_LIMIT_MS)
            registers_die("nothing is evaluated beside the access that is held");
        sleep_unlocked(1);
    }
    sleep_unlocked(HOLD_MS);
}

/* ---- Log ---- */

static struct {
    size_t length;
    char text[1 << 20];
} record;

void registers_note(const char *format, ...)
{
    size_t room = sizeof record.text - record.length;
    va_list list;
    int length;

    va_start(list, format);
    length = vsnprintf(record.text + record.length, room, format, list);
    va_end(list);
    if (length < 0 || (size_t)length >= room)
        registers_die("the log is full");
    record.length += (size_t)length;
}

/* acpiexec keeps the evaluation's name and arguments where the next one's will be, so that has to wait until
 * the first is under way: at the access that is held. */
bool registers_go_on(void)
{
    bool is_held;

    pthread_mutex_lock(&lock);
    is_held = later.is_held;
    later.is_held = false;
    for (unsigned waited = 0; is_held && later.left > 0; waited++) {
        if (waited == HOLD_LIMIT_MS)
            registers_die("the access to be held does not come");
        sleep_unlocked(1);
    }
    pthread_mutex_unlock(&lock);
    return is_held;
}

void registers_begin(void)
{
    pthread_mutex_lock(&lock);
    begun++;
    pthread_mutex_unlock(&lock);
}

void registers_stay_idle(void)
{
    pthread_mutex_lock(&lock);
    if (later.left > 0) {
        later.left = 0;
        registers_note("@late\n");
    }
    pthread_mutex_unlock(&lock);
}

void registers_print_log(void)
{
    pthread_mutex_lock(&lock);
    fwrite(record.text, 1, record.length, stdout);
    record.length = 0;
    pthread_mutex_unlock(&lock);
}

/* ---- The bank's callbacks ---- */

void registers_raise(uint32_t event)
{
    registers_note("@raise\n");
    hotram_ged_raise(&ged, event);
}

static void on_raise(void *opaque)
{
    (void)opaque;
    registers_raise(HOTRAM_GED_MEMORY);
}

static void on_ost(void *opaque, uint32_t slot, uint32_t event, uint32_t status)
{
    (void)opaque;
    registers_note("@ost %x %x %x\n", slot, event, status);
}

static void on_eject(void *opaque, uint32_t slot)
{
    (void)opaque;
    registers_note("@eject %x\n", slot);
}

static const struct hotram_bank_ops ops = { on_raise, on_ost, on_eject };

/* ---- Commands ---- */

/* The region begins below 4 GiB and goes on beyond any machine, so that every kind of _CRS occurs. */
static enum hotram_status make_bank(uint32_t count)
{
    const struct hotram_bank_config config = {
        .base = 256 * MIB,
        .size = (UINT64_C(1) << 63) - 256 * MIB,
        .capacity = UINT64_MAX,
        .granularity = 1,
        .slots = count,
    };
    enum hotram_status status = hotram_bank_init(&bank, &config, slots, &ops, NULL);

    hotram_ged_reset(&ged);
    return status == HOTRAM_OK ? hotram_memhp_init(&block, &bank) : status;
}

/* What acpiexec finds while it starts. */
__attribute__((constructor)) static void start(void)
{
    if (make_bank(HOTRAM_SLOTS_MAX) != HOTRAM_OK)
        registers_die("no bank");
}

static enum hotram_status plug(char **words)
{
    const struct hotram_dimm_request request = {
        .slot = (uint32_t)strtoul(words[1], NULL, 16),
        .slot_given = true,
        .addr = strtoull(words[2], NULL, 16),
        .addr_given = true,
        .size = strtoull(words[3], NULL, 16),
        .align = 1,
        .node = (uint32_t)strtoul(words[4], NULL, 16),
    };
    enum hotram_status status = hotram_bank_reserve(&bank, &request, NULL);

    return status == HOTRAM_OK ? hotram_bank_commit(&bank, request.slot, strcmp(words[5], "hot") == 0)
                               : status;
}

static void note_slots(void)
{
    for (uint32_t slot = 0; slot < bank.config.slots; slot++) {
        const struct hotram_dimm *dimm = hotram_bank_slot(&bank, slot);

        if (dimm->state == HOTRAM_DIMM_EMPTY && !dimm->insert_pending && !dimm->remove_pending)
            continue;
        registers_note("@slot %x %x %" PRIx64 " %" PRIx64 " %x %x %x %x\n", slot, dimm->state, dimm->addr,
                       dimm->size, dimm->node, dimm->insert_pending, dimm->remove_pending, dimm->ost_status);
    }
}

/* A command whose words are apart; false if there is none of that name and number of words. */
static bool carry_out(char **words, unsigned count, enum hotram_status *status)
{
    uint32_t slot = count > 1 ? (uint32_t)strtoul(words[1], NULL, 16) : 0;

    if (count == 2 && strcmp(words[0], "bank") == 0)
        *status = make_bank(slot);
    else if (count == 6 && strcmp(words[0], "plug") == 0)
        *status = plug(words);
    else if (count == 2 && strcmp(words[0], "ask") == 0)
        *status = hotram_bank_request_removal(&bank, slot);
    else if (count == 2 && strcmp(words[0], "withdraw") == 0)
        *status = hotram_bank_withdraw(&bank, slot);
    else if (count == 2 && strcmp(words[0], "finish") == 0)
        *status = hotram_bank_finish(&bank, slot);
    else if (count == 1 && strcmp(words[0], "press") == 0)
        *status = hotram_ged_raise(&ged, HOTRAM_GED_POWER_BUTTON);
    else if (count == 1 && strcmp(words[0], "hold") == 0)
        hold();
    else if (count == 1 && strcmp(words[0], "slots") == 0)
        note_slots();
    else
        return cpu_registers_command(words, count, status);
    return true;
}

/* The lock is held. */
static void command(char *line)
{
    char *words[WORDS_MAX] = { NULL };
    unsigned count = 0;
    char *rest = NULL;
    enum hotram_status status = HOTRAM_OK;

    for (char *word = strtok_r(line, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest)) {
        if (count == WORDS_MAX)
            registers_die("a command has too many words");
        words[count++] = word;
    }
    if (count == 0 || !carry_out(words, count, &status))
        registers_die("there is no such command");
    registers_note("@status %x\n", status);
}

void registers_command(char *line)
{
    int start = 0;
    unsigned left = 0;

    pthread_mutex_lock(&lock);
    if (sscanf(line, "at %x %n", &left, &start) == 1 && start > 0) {
        if (left == 0 || strlen(line + start) >= sizeof later.line)
            registers_die("no such access, or the command is too long");
        strcpy(later.line, line + start);
        later.left = left;
        later.is_held = strncmp(later.line, "hold", 4) == 0;
    } else {
        command(line);
    }
    pthread_mutex_unlock(&lock);
}

/* ---- Accesses ---- */

enum device registers_with_length(size_t length)
{
    if (length == HOTRAM_MEMHP_EXTENT || length == HOTRAM_MEMHP_LENGTH)
        return BLOCK;
    if (length == HOTRAM_CPUHP_LENGTH)
        return CPU_BLOCK;
    return length == HOTRAM_GED_LENGTH ? EVENT_DEVICE : NO_DEVICE;
}

static const char *const names[DEVICES] = { [BLOCK] = "block", [EVENT_DEVICE] = "ged", [CPU_BLOCK] = "cpus" };

/* What precedes every access; the lock is held. */
static void before_access(size_t width)
{
    if (width != 1 && width != 2 && width != 4)
        registers_die("an access that is not 1, 2 or 4 bytes wide");
    if (later.left > 0 && --later.left == 0)
        command(later.line);
}

uint32_t registers_read(enum device device, uint32_t offset, size_t width)
{
    uint32_t value;

    pthread_mutex_lock(&lock);
    before_access(width);
    if (device == BLOCK)
        value = hotram_memhp_read(&block, offset, (unsigned)width);
    else if (device == CPU_BLOCK)
        value = cpu_registers_read(offset, (unsigned)width);
    else
        value = hotram_ged_read(&ged, offset, (unsigned)width);
    registers_note("@%s read %x %zx %x\n", names[device], offset, width, value);
    pthread_mutex_unlock(&lock);
    return value;
}

void registers_write(enum device device, uint32_t offset, size_t width, uint32_t value)
{
    pthread_mutex_lock(&lock);
    before_access(width);
    registers_note("@%s write %x %zx %x\n", names[device], offset, width, value);
    if (device == BLOCK)
        hotram_memhp_write(&block, offset, (unsigned)width, value);
    else if (device == CPU_BLOCK)
        cpu_registers_write(offset, (unsigned)width, value);
    pthread_mutex_unlock(&lock);
}
