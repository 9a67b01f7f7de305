/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Queues with each engine, on files: random requests at once held against a copy in memory; what cannot be
 * done; engines that the host does not give.
 */
#include "block/queue.h"

#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fault.h"
#include "base/json_build.h"
#include "block/node.h"

#define DISK (2u << 20)
#define SLOTS 32
#define PIECE (DISK / SLOTS) /* of the disk: a request of each slot stays within its own */
#define REQUESTS 2000

/* The host's answers where a test wants others. */
static int queue_init_fails, submit_fails;
int __real_io_uring_queue_init(unsigned entries, struct io_uring *ring, unsigned flags);
int __wrap_io_uring_queue_init(unsigned entries, struct io_uring *ring, unsigned flags);
int __real_io_uring_submit(struct io_uring *ring);
int __wrap_io_uring_submit(struct io_uring *ring);

int __wrap_io_uring_queue_init(unsigned entries, struct io_uring *ring, unsigned flags)
{
    return queue_init_fails ? -queue_init_fails : __real_io_uring_queue_init(entries, ring, flags);
}

int __wrap_io_uring_submit(struct io_uring *ring)
{
    /* Short of memory every other time. */
    static unsigned times;

    if (submit_fails == ENOMEM && times++ % 2)
        return __real_io_uring_submit(ring);
    return submit_fails ? -submit_fails : __real_io_uring_submit(ring);
}

static char path[] = "block-queue-XXXXXX";
static unsigned seed = 7;

static unsigned roll(unsigned below)
{
    seed = seed * 1103515245 + 12345;
    return (seed >> 8) % below;
}

struct world {
    struct block_nodes *nodes;
    struct block_user user;
    struct block_queue *queue;
};

/* A node "n" of these options, `%s` in them being the file, used for writing unless it says otherwise. */
static bool try_open(struct world *world, const char *options, bool write, struct error *error)
{
    char text[300];
    struct props props = { .keyval = true };
    bool good;

    snprintf(text, sizeof text, options, path);
    *world = (struct world){ .user = { .name = "the test", .write = write } };
    world->nodes = block_nodes_create();
    assert_non_null(world->nodes);
    props.object = keyval_parse(text, "driver", error);
    assert_non_null(props.object);
    good = block_node_add(world->nodes, props, error);
    json_object_put(props.object);
    return good && block_node_use(block_node_find(world->nodes, "n"), &world->user, error) &&
           (world->queue = block_queue_create(&world->user, error)) != NULL;
}

static void close_world(struct world *world)
{
    block_queue_destroy(world->queue);
    block_node_leave(&world->user);
    block_nodes_destroy(world->nodes);
}

static void open_world(struct world *world, const char *options, bool write)
{
    struct error error = { 0 };

    if (!try_open(world, options, write, &error))
        fail_msg("%s", error.text);
}

static void fill_file(const char *bytes)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, DISK, 1, file), 1);
    assert_int_equal(fclose(file), 0);
}

/* ---- the model ---- */

struct slot {
    struct block_request request;
    struct iovec iov[3];
    bool busy;
    int expected;
};
static struct slot slots[SLOTS];
static char *model, *memory;
static unsigned started, ended;

static void note_end(struct block_request *request, int error)
{
    struct slot *slot = request->opaque;
    char *bytes = slot->iov[0].iov_base;

    assert_true(slot->busy);
    assert_int_equal(error, slot->expected);
    slot->busy = false;
    ended++;
    if (error)
        return;
    if (request->kind == BLOCK_READ)
        assert_memory_equal(bytes, model + request->offset, request->length);
    if (request->kind == BLOCK_WRITE)
        memcpy(model + request->offset, bytes, request->length);
    if (request->kind == BLOCK_WRITE_ZEROES || request->kind == BLOCK_DISCARD) /* of a file: zeroes */
        memset(model + request->offset, 0, request->length);
}

static void start_one(struct world *world, unsigned number)
{
    struct slot *slot = &slots[number];
    const unsigned first = roll(PIECE / 512);
    const unsigned sectors = roll(PIECE / 512 - first) + 1;
    char *at = memory + number * PIECE + (roll(4) ? 0 : roll(511));
    size_t left = sectors * 512u;

    started++;
    *slot = (struct slot){ .busy = true };
    slot->request = (struct block_request){ .kind = (enum block_kind)roll(BLOCK_KINDS),
                                            .unmap = roll(2),
                                            .offset = (uint64_t)number * PIECE + first * 512u,
                                            .length = left,
                                            .iov = slot->iov,
                                            .done = note_end,
                                            .opaque = slot };
    if (at + left > memory + (number + 1) * PIECE) /* the neighbour's */
        at = memory + number * PIECE;
    if (slot->request.kind == BLOCK_FLUSH)
        slot->request.offset = slot->request.length = 0;
    if (slot->request.kind <= BLOCK_WRITE) {
        slot->iov[0] = (struct iovec){ at, roll((unsigned)left) + 1 };
        slot->iov[1] = (struct iovec){ at + slot->iov[0].iov_len, left - slot->iov[0].iov_len };
        slot->request.count = 2;
        for (size_t i = 0; i < left && slot->request.kind == BLOCK_WRITE; i += 61)
            at[i] = (char)roll(256);
    }
    block_submit(world->queue, &slot->request);
}

static void wait_for_some(struct world *world)
{
    struct pollfd wait = { .fd = block_queue_fd(world->queue), .events = POLLIN };

    assert_int_equal(poll(&wait, 1, -1), 1);
    block_queue_run(world->queue);
}

static void whole_file_is(const char *bytes)
{
    FILE *file = fopen(path, "r");
    char *read = malloc(DISK);

    assert_non_null(file);
    assert_non_null(read);
    assert_int_equal(fread(read, DISK, 1, file), 1);
    assert_memory_equal(read, bytes, DISK);
    fclose(file);
    free(read);
}

static void model_with(const char *options, const char *engine)
{
    struct error error = { 0 };
    struct world world;

    for (unsigned i = 0; i < DISK; i++)
        model[i] = (char)roll(256);
    fill_file(model);
    if (!try_open(&world, options, true, &error)) {
        /* Not all file systems know O_DIRECT, nor all hosts io_uring. */
        if (!strstr(error.text, "O_DIRECT") && !strstr(error.text, "host does not let"))
            fail_msg("%s", error.text);
        printf("# not tested: %s\n", error.text);
        close_world(&world);
        return;
    }
    assert_string_equal(block_queue_engine(world.queue), engine);
    if (block_node_alignment(world.user.node) != BLOCK_SECTOR) {
        printf("# not tested: O_DIRECT wants more than sectors here\n");
        close_world(&world);
        return;
    }
    started = ended = 0;
    while (started < REQUESTS) {
        unsigned number = roll(SLOTS);

        if (!slots[number].busy)
            start_one(&world, number);
        if (roll(8) == 0)
            block_queue_run(world.queue);
        while (block_queue_load(world.queue) > SLOTS - 4) {
            block_queue_run(world.queue);
            if (block_queue_load(world.queue) > SLOTS - 4)
                wait_for_some(&world);
        }
    }
    block_queue_drain(world.queue);
    assert_int_equal(block_queue_load(world.queue), 0);
    assert_int_equal(ended, started);
    close_world(&world);
    whole_file_is(model);
}

static void threads_keep_to_the_model(void **state)
{
    (void)state;
    model_with("file,filename=%s,node-name=n,aio=threads,discard=unmap", "threads");
}

static void io_uring_keeps_to_the_model(void **state)
{
    (void)state;
    model_with("file,filename=%s,node-name=n,aio=io_uring,discard=unmap", "io_uring");
}

static void direct_threads_keep_to_the_model(void **state)
{
    (void)state;
    model_with(
        "raw,file.driver=file,file.filename=%s,node-name=n,cache.direct=on,discard=unmap,file.aio=threads",
        "threads");
}

static void direct_io_uring_keeps_to_the_model(void **state)
{
    (void)state;
    model_with(
        "raw,file.driver=file,file.filename=%s,node-name=n,cache.direct=on,discard=unmap,file.aio=io_uring",
        "io_uring");
}

static void io_uring_short_of_memory_keeps_to_the_model(void **state)
{
    (void)state;
    submit_fails = ENOMEM;
    model_with("file,filename=%s,node-name=n,aio=io_uring,discard=unmap", "io_uring");
    submit_fails = 0;
}

/* ---- single requests ---- */

static int last_error;

static void note_error(struct block_request *request, int error)
{
    (void)request;
    last_error = error;
}

static int one(struct world *world, enum block_kind kind, uint64_t offset, uint64_t length, size_t iov_length)
{
    struct iovec iov = { memory, iov_length };
    struct block_request request = {
        .kind = kind, .offset = offset, .length = length, .iov = &iov, .count = 1, .done = note_error
    };

    last_error = -1;
    block_submit(world->queue, &request);
    assert_int_equal(last_error, -1); /* not from within */
    block_queue_drain(world->queue);
    assert_int_not_equal(last_error, -1);
    return last_error;
}

static void what_cannot_be_done_is_refused(void **state)
{
    static const char *const engines[] = { "file,filename=%s,node-name=n,aio=threads",
                                           "file,filename=%s,node-name=n" };
    struct world world;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        fill_file(model);
        open_world(&world, engines[i], true);
        assert_int_equal(one(&world, BLOCK_READ, DISK, 512, 512), EIO);
        assert_int_equal(one(&world, BLOCK_WRITE, DISK - 512, 1024, 1024), EIO);
        assert_int_equal(one(&world, BLOCK_READ, UINT64_MAX - 511, 512, 512), EIO);
        assert_int_equal(one(&world, BLOCK_DISCARD, 512, UINT64_MAX - 511, 0), EIO);
        assert_int_equal(one(&world, BLOCK_READ, 1, 512, 512), EINVAL);
        assert_int_equal(one(&world, BLOCK_READ, 0, 511, 511), EINVAL);
        assert_int_equal(one(&world, BLOCK_READ, 0, 1024, 512), EINVAL);
        assert_int_equal(one(&world, BLOCK_READ, 0, 0, 0), 0);
        assert_int_equal(one(&world, BLOCK_FLUSH, 0, 0, 0), 0);
        /* Shorter than it was: no zeroes are made up. */
        assert_int_equal(truncate(path, DISK / 2), 0);
        assert_int_equal(one(&world, BLOCK_READ, DISK / 2 - 512, 1024, 1024), EIO);
        assert_int_equal(atomic_load(&world.user.stats.of[BLOCK_READ].failed), 1);
        assert_int_equal(atomic_load(&world.user.stats.of[BLOCK_READ].invalid), 5);
        close_world(&world);
    }
}

static void a_reader_writes_nothing(void **state)
{
    struct world world;

    (void)state;
    fill_file(model);
    open_world(&world, "file,filename=%s,node-name=n,discard=unmap", false);
    assert_int_equal(one(&world, BLOCK_READ, 0, 4096, 4096), 0);
    assert_memory_equal(memory, model, 4096);
    assert_int_equal(one(&world, BLOCK_WRITE, 0, 512, 512), EPERM);
    assert_int_equal(one(&world, BLOCK_DISCARD, 0, 512, 0), EPERM);
    assert_int_equal(one(&world, BLOCK_WRITE_ZEROES, 0, 512, 0), EPERM);
    assert_int_equal(one(&world, BLOCK_FLUSH, 0, 0, 0), 0);
    close_world(&world);
    whole_file_is(model);
}

static void discards_may_be_ignored(void **state)
{
    struct world world;

    (void)state;
    fill_file(model);
    open_world(&world, "file,filename=%s,node-name=n", true);
    assert_int_equal(one(&world, BLOCK_DISCARD, 0, DISK, 0), 0);
    close_world(&world);
    whole_file_is(model);
}

static void counts_are_true(void **state)
{
    struct world world;
    struct block_stats *stats = &world.user.stats;

    (void)state;
    fill_file(model);
    open_world(&world, "file,filename=%s,node-name=n,discard=unmap", true);
    one(&world, BLOCK_READ, 0, 4096, 4096);
    one(&world, BLOCK_READ, 8192, 512, 512);
    one(&world, BLOCK_WRITE, 65536, 1024, 1024);
    one(&world, BLOCK_WRITE_ZEROES, 0, 2048, 0);
    one(&world, BLOCK_DISCARD, 0, 4096, 0);
    one(&world, BLOCK_FLUSH, 0, 0, 0);
    assert_int_equal(atomic_load(&stats->of[BLOCK_READ].operations), 2);
    assert_int_equal(atomic_load(&stats->of[BLOCK_READ].bytes), 4608);
    assert_int_equal(atomic_load(&stats->of[BLOCK_WRITE].operations), 2);
    assert_int_equal(atomic_load(&stats->of[BLOCK_WRITE].bytes), 3072);
    assert_int_equal(atomic_load(&stats->of[BLOCK_DISCARD].bytes), 4096);
    assert_int_equal(atomic_load(&stats->of[BLOCK_FLUSH].operations), 1);
    assert_int_equal(atomic_load(&stats->highest), 65536 + 1024);
    assert_true(atomic_load(&stats->of[BLOCK_READ].time) > 0);
    close_world(&world);
}

/* ---- engines ---- */

static void without_io_uring_there_are_threads(void **state)
{
    struct error error = { 0 };
    struct world world;

    (void)state;
    queue_init_fails = EPERM;
    open_world(&world, "file,filename=%s,node-name=n", true);
    assert_string_equal(block_queue_engine(world.queue), "threads");
    assert_int_equal(one(&world, BLOCK_READ, 0, 4096, 4096), 0);
    close_world(&world);
    assert_false(try_open(&world, "file,filename=%s,node-name=n,aio=io_uring", true, &error));
    assert_non_null(strstr(error.text,
                           "Block node 'n': aio=io_uring: the host does not let hotram use io_uring: "
                           "Operation not permitted"));
    close_world(&world);
    queue_init_fails = 0;
}

/* Requests end, and the guest goes on, whatever the kernel says. */
static void a_ring_that_breaks_ends_all_requests(void **state)
{
    struct world world;

    (void)state;
    open_world(&world, "file,filename=%s,node-name=n", true);
    if (strcmp(block_queue_engine(world.queue), "io_uring") == 0) {
        submit_fails = EPERM;
        assert_int_equal(one(&world, BLOCK_READ, 0, 4096, 4096), EIO);
        submit_fails = 0;
        assert_int_equal(one(&world, BLOCK_READ, 0, 4096, 4096), EIO);
    }
    close_world(&world);
}

/* A ring does not take what the disk does not need. */
static void a_ring_is_restricted(void **state)
{
    struct world world;
    struct io_uring_cqe *cqe;
    struct io_uring ring;
    int failed;

    (void)state;
    failed = io_uring_queue_init(4, &ring, 0);
    if (failed) {
        printf("# not tested: %s\n", strerror(-failed));
        return;
    }
    /* That the call works elsewhere shows that it is the restriction which refuses. */
    io_uring_prep_openat(io_uring_get_sqe(&ring), -100, "/dev/null", 0, 0);
    assert_int_equal(__real_io_uring_submit(&ring), 1);
    assert_int_equal(io_uring_wait_cqe(&ring, &cqe), 0);
    assert_true(cqe->res >= 0);
    close(cqe->res);
    io_uring_queue_exit(&ring);
    open_world(&world, "file,filename=%s,node-name=n,aio=io_uring", true);
    /* The engine's state begins with its ring. */
    memcpy(&ring, *(void **)((char *)world.queue + sizeof(void *)), sizeof ring);
    io_uring_prep_openat(io_uring_get_sqe(&ring), -100, "/dev/null", 0, 0);
    io_uring_submit(&ring);
    assert_int_equal(io_uring_wait_cqe(&ring, &cqe), 0);
    assert_int_equal(cqe->res, -EACCES);
    io_uring_cqe_seen(&ring, cqe);
    io_uring_prep_readv(io_uring_get_sqe(&ring), 0, &(struct iovec){ memory, 512 }, 1, 0);
    io_uring_submit(&ring);
    assert_int_equal(io_uring_wait_cqe(&ring, &cqe), 0);
    assert_int_equal(cqe->res, -EACCES); /* of another descriptor than the image's */
    io_uring_cqe_seen(&ring, cqe);
    close_world(&world);
}

/* ---- null-co ---- */

static uint64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void null_answers_late(void **state)
{
    const uint64_t begin = now();
    struct world world;

    (void)state;
    open_world(&world, "null-co,node-name=n,size=1G,latency-ns=20000000", true);
    assert_int_equal(one(&world, BLOCK_WRITE, (1u << 30) - 512, 512, 512), 0);
    assert_true(now() - begin >= 20000000);
    assert_int_equal(one(&world, BLOCK_READ, 1u << 30, 512, 512), EIO);
    close_world(&world);
}

static void null_reads_zeroes_if_asked_to(void **state)
{
    struct world world;

    (void)state;
    memory[0] = memory[511] = 1;
    open_world(&world, "null-co,node-name=n", true);
    assert_int_equal(one(&world, BLOCK_READ, 0, 512, 512), 0);
    assert_int_equal(memory[0], 1);
    close_world(&world);
    open_world(&world, "null-co,node-name=n,read-zeroes=on", true);
    assert_int_equal(one(&world, BLOCK_READ, 0, 512, 512), 0);
    assert_int_equal(memory[0] | memory[511], 0);
    close_world(&world);
}

/* done() submits the next one, as a device does that has more to do. */
struct chain {
    struct block_request request;
    struct world *world;
    unsigned left;
};

static void next_of_chain(struct block_request *request, int error)
{
    struct chain *chain = request->opaque;

    assert_int_equal(error, 0);
    if (--chain->left > 0)
        block_submit(chain->world->queue, request);
    block_queue_run(chain->world->queue); /* nothing, within done() */
}

static void done_may_submit(void **state)
{
    static const char *const all[] = { "null-co,node-name=n", "null-co,node-name=n,latency-ns=1000",
                                       "file,filename=%s,node-name=n",
                                       "file,filename=%s,node-name=n,aio=threads" };
    struct world world;

    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct iovec iov = { memory, 512 };
        struct chain chain = { .world = &world, .left = 1000 };

        open_world(&world, all[i], true);
        chain.request = (struct block_request){ .kind = BLOCK_READ,
                                                .length = 512,
                                                .iov = &iov,
                                                .count = 1,
                                                .done = next_of_chain,
                                                .opaque = &chain };
        block_submit(world.queue, &chain.request);
        block_queue_drain(world.queue);
        assert_int_equal(chain.left, 0);
        close_world(&world);
    }
}

/* More requests at once than a ring has places. */
static void more_than_there_is_room_for(void **state)
{
    static struct block_request requests[3000];
    static const char *const all[] = { "file,filename=%s,node-name=n",
                                       "file,filename=%s,node-name=n,aio=threads" };
    struct iovec iov = { memory, 512 };
    struct world world;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        open_world(&world, all[i], true);
        for (unsigned n = 0; n < 3000; n++) {
            requests[n] = (struct block_request){ .kind = BLOCK_WRITE,
                                                  .offset = n * 512u,
                                                  .length = 512,
                                                  .iov = &iov,
                                                  .count = 1,
                                                  .done = note_error };
            block_submit(world.queue, &requests[n]);
        }
        block_queue_drain(world.queue);
        assert_int_equal(atomic_load(&world.user.stats.of[BLOCK_WRITE].operations), 3000);
        close_world(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_keep_to_the_model),
        cmocka_unit_test(io_uring_keeps_to_the_model),
        cmocka_unit_test(direct_threads_keep_to_the_model),
        cmocka_unit_test(direct_io_uring_keeps_to_the_model),
        cmocka_unit_test(io_uring_short_of_memory_keeps_to_the_model),
        cmocka_unit_test(what_cannot_be_done_is_refused),
        cmocka_unit_test(a_reader_writes_nothing),
        cmocka_unit_test(discards_may_be_ignored),
        cmocka_unit_test(counts_are_true),
        cmocka_unit_test(without_io_uring_there_are_threads),
        cmocka_unit_test(a_ring_that_breaks_ends_all_requests),
        cmocka_unit_test(a_ring_is_restricted),
        cmocka_unit_test(null_answers_late),
        cmocka_unit_test(null_reads_zeroes_if_asked_to),
        cmocka_unit_test(done_may_submit),
        cmocka_unit_test(more_than_there_is_room_for),
    };
    int fd = mkstemp(path);
    int failed;

    if (fd < 0 || !json_prepare())
        return EXIT_FAILURE;
    close(fd);
    fault_init();
    model = malloc(DISK);
    memory = aligned_alloc(4096, DISK + 4096);
    failed = !model || !memory ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
    free(model);
    free(memory);
    return unlink(path) < 0 ? EXIT_FAILURE : failed;
}
