/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests against a kernel of the test's own, which does as little as it may: short reads and writes,
 * signals, file systems that can make no zeroes. What comes out is held against a copy in memory.
 */
#include "block/request.h"

#include <errno.h>
#include <linux/falloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/fault.h"

#define DISK (1u << 20)
#define ROUNDS 3000
#define IOVECS 9

static char disk[DISK], model[DISK];
static char memory[DISK + 8192] __attribute__((aligned(4096)));
static unsigned seed = 1;

static unsigned roll(unsigned below)
{
    seed = seed * 1103515245 + 12345;
    return (seed >> 8) % below;
}

/* What the file system can: fallocate()'s modes that work. */
struct kernel {
    int modes[2];
    uint32_t aligned; /* of addresses, offsets and lengths, as O_DIRECT wants them */
    unsigned calls;
};

static ssize_t move(const struct block_call *call, size_t most)
{
    size_t done = 0;

    for (unsigned i = 0; i < call->count && done < most; i++) {
        size_t length = call->iov[i].iov_len < most - done ? call->iov[i].iov_len : most - done;

        if (call->kind == CALL_READ)
            memcpy(call->iov[i].iov_base, disk + call->offset + done, length);
        else
            memcpy(disk + call->offset + done, call->iov[i].iov_base, length);
        done += length;
    }
    return (ssize_t)done;
}

static void assert_aligned(const struct kernel *kernel, const struct block_call *call)
{
    assert_int_equal(call->offset % kernel->aligned, 0);
    for (unsigned i = 0; i < call->count; i++) {
        assert_int_equal((uintptr_t)call->iov[i].iov_base % kernel->aligned, 0);
        assert_int_equal(call->iov[i].iov_len % kernel->aligned, 0);
    }
}

static ssize_t perform(struct kernel *kernel, const struct block_call *call)
{
    uint64_t sum = 0;
    size_t most;

    kernel->calls++;
    if (roll(6) == 0)
        return roll(2) ? -EINTR : -EAGAIN;
    assert_true(call->offset <= DISK && call->length <= DISK - call->offset);
    switch (call->kind) {
    case CALL_SYNC:
        return 0;
    case CALL_ALLOCATE:
        if (call->mode != kernel->modes[0] && call->mode != kernel->modes[1])
            return -EOPNOTSUPP;
        memset(disk + call->offset, 0, call->length);
        return 0;
    default:
        for (unsigned i = 0; i < call->count; i++)
            sum += call->iov[i].iov_len;
        assert_true(sum > 0);
        assert_aligned(kernel, call);
        most = roll(2) ? (size_t)sum : roll((unsigned)sum) + 1;
        most = most / kernel->aligned * kernel->aligned;
        return move(call, most ? most : kernel->aligned);
    }
}

static int run(struct kernel *kernel, struct block_request *request)
{
    bool more = block_request_begin(request, kernel->aligned);

    while (more)
        more = block_request_next(request, perform(kernel, &request->call));
    return request->error;
}

/* Iovecs of any lengths, none included, that give `length` together; `odd`: at any address. */
static unsigned scatter(struct iovec iov[IOVECS], uint64_t length, bool odd)
{
    unsigned count = 0;
    char *at = memory + (odd ? roll(512) : 0);

    while (length > 0 || count == 0) {
        size_t piece = count == IOVECS - 1 ? length : roll((unsigned)length + 1);

        if (!odd && count < IOVECS - 1)
            piece = piece / 512 * 512;
        iov[count++] = (struct iovec){ at, piece };
        at += piece;
        length -= piece;
    }
    return count;
}

static void random_round(struct kernel *kernel, bool odd)
{
    const uint64_t offset = roll(DISK / 512) * 512ull;
    const uint64_t room = (DISK - offset) / 512;
    struct iovec iov[IOVECS];
    struct block_request request = { .kind = (enum block_kind)roll(BLOCK_KINDS),
                                     .unmap = roll(2),
                                     .offset = offset,
                                     .length = (roll((unsigned)(room < 900 ? room : 900)) + 1) * 512ull };
    char *start;

    if (request.kind == BLOCK_FLUSH)
        request.offset = request.length = 0;
    request.iov = iov;
    request.count = scatter(iov, request.kind <= BLOCK_WRITE ? request.length : 0, odd);
    start = iov[0].iov_base;
    memset(memory, (int)roll(256), sizeof memory);
    for (uint64_t i = 0; i < request.length && request.kind == BLOCK_WRITE; i += 97)
        start[i] = (char)roll(256);
    assert_int_equal(run(kernel, &request), 0);
    assert_null(request.bounce);
    if (request.kind == BLOCK_WRITE)
        memcpy(model + request.offset, start, request.length);
    if (request.kind == BLOCK_READ)
        assert_memory_equal(start, model + request.offset, request.length);
    if (request.kind == BLOCK_WRITE_ZEROES)
        memset(model + request.offset, 0, request.length);
    /* What a discard leaves is the file system's own. */
    if (request.kind == BLOCK_DISCARD)
        memcpy(model + request.offset, disk + request.offset, request.length);
    assert_memory_equal(disk, model, DISK);
}

static void any_kernel_gives_what_was_asked_for(void **state)
{
    static const struct kernel kernels[] = {
        { { FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE }, 1, 0 },
        { { FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, -1 }, 1, 0 },
        { { FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, -1 }, 512, 0 },
        { { -1, -1 }, 1, 0 },
        { { -1, -1 }, 512, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof kernels / sizeof kernels[0]; i++)
        for (unsigned round = 0; round < ROUNDS / 5; round++) {
            struct kernel kernel = kernels[i];

            random_round(&kernel, round % 2);
        }
}

/* Write zeroes without unmap: the place stays the image's, whatever the file system prefers. */
static void zeroes_keep_their_place(void **state)
{
    struct block_request request = { .kind = BLOCK_WRITE_ZEROES, .offset = 0, .length = 4096 };
    bool more;

    (void)state;
    for (more = block_request_begin(&request, 1); more; more = block_request_next(&request, -EOPNOTSUPP)) {
        if (request.call.kind == CALL_WRITE)
            break;
        assert_int_equal(request.call.mode & FALLOC_FL_PUNCH_HOLE, 0);
    }
    assert_true(more);
    assert_false(block_request_next(&request, 4096));
    assert_int_equal(request.error, 0);
}

static void errors_end_a_request(void **state)
{
    static const struct {
        enum block_kind kind;
        ssize_t result;
        int error;
    } rows[] = {
        { BLOCK_READ, -EIO, EIO },         { BLOCK_READ, 0, EIO }, /* the file became shorter */
        { BLOCK_WRITE, -ENOSPC, ENOSPC },  { BLOCK_WRITE, 0, ENOSPC },
        { BLOCK_FLUSH, -EIO, EIO },        { BLOCK_DISCARD, -EIO, EIO },
        { BLOCK_DISCARD, -EOPNOTSUPP, 0 }, { BLOCK_WRITE_ZEROES, -EIO, EIO },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (unsigned odd = 0; odd < 2; odd++) {
            struct iovec iov = { memory + odd, 1024 };
            struct block_request request = { .kind = rows[i].kind, .length = 1024, .iov = &iov, .count = 1 };

            assert_true(block_request_begin(&request, 512));
            assert_false(block_request_next(&request, rows[i].result));
            assert_int_equal(request.error, rows[i].error);
            assert_null(request.bounce);
        }
}

/* However long a request with odd addresses is, a piece of it is copied at a time. */
static void a_guest_cannot_have_much_allocated(void **state)
{
    static char *large;
    struct kernel kernel = { { -1, -1 }, 512, 0 };
    struct iovec iov[8];
    struct block_request request = { .kind = BLOCK_READ, .iov = iov, .count = 8 };

    (void)state;
    large = malloc(DISK + 1);
    assert_non_null(large);
    for (unsigned i = 0; i < 8; i++)
        iov[i] = (struct iovec){ large + 1 + i * (DISK / 8), DISK / 8 };
    request.length = DISK;
    assert_true(block_request_begin(&request, 512));
    assert_true(request.call.length <= 256u << 10);
    block_request_fail(&request, EIO);
    assert_int_equal(run(&kernel, &request), 0);
    assert_memory_equal(large + 1, disk, DISK);
    free(large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_kernel_gives_what_was_asked_for),
        cmocka_unit_test(zeroes_keep_their_place),
        cmocka_unit_test(errors_end_a_request),
        cmocka_unit_test(a_guest_cannot_have_much_allocated),
    };

    fault_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
