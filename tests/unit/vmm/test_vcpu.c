/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The threads of vCPUs: who may still look at whom when they end; vCPUs that come and go while others run.
 * KVM is the test: KVM_RUN lasts until its thread is kicked, or until the test has it exit. pthread_join()
 * and pthread_kill() are watched.
 */
#include "../unit.h"

#include <errno.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kvm/vcpu.h"
#include "kvm/vcpu_start.h"

#define VCPUS 3    /* at the start */
#define POSSIBLE 5 /* with those that come later */
#define RUN_SIZE 4096
#define DATA 2048 /* of an exit, in the shared page */

static struct vcpus vcpus;
static atomic_int joined;     /* how many, by index: they are joined in this order */
static atomic_int too_late;   /* kicks of those */
static atomic_int kicks;      /* of others */
static atomic_int exits;      /* that are to come: bit by index */
static atomic_int in_exit;    /* how many are being handled */
static atomic_bool to_joined; /* the exit is handled when a thread has been joined */
static int created;           /* by KVM */
static unsigned long refused; /* the request that KVM refuses, or 0 */
static bool create_all;       /* as on arm64, and so are */
static bool silently;         /* starts of which KVM_RUN does not return */
static unsigned completed, resets[POSSIBLE];
static bool startable[POSSIBLE];
static atomic_int started;           /* by the guest: bit by index */
static atomic_int heard;             /* of which KVM_RUN has returned */
static atomic_int running;           /* vCPUs in KVM_RUN */
static atomic_int calls;             /* with which vCPUs are to start others: bit by index of the caller, */
static unsigned called[POSSIBLE];    /* whom each is to start, */
static atomic_int heard_of_starts;   /* who has an answer, */
static atomic_int answers[POSSIBLE]; /* and which */

/* ---- KVM ---- */

static struct vcpu *by_fd(int fd)
{
    for (unsigned i = 0; i < vcpus.possible; i++)
        if (vcpus.vcpu[i].fd == fd)
            return &vcpus.vcpu[i];
    fail();
    return NULL;
}

static int run(struct vcpu *vcpu)
{
    volatile uint8_t *immediate_exit = &vcpu->run->immediate_exit;
    const int bit = 1 << vcpu->index;

    atomic_fetch_or(&running, bit);
    while (!*immediate_exit) {
        if (atomic_fetch_and(&exits, ~bit) & bit) {
            vcpu->run->exit_reason = KVM_EXIT_IO;
            vcpu->run->io.direction = KVM_EXIT_IO_OUT;
            vcpu->run->io.size = vcpu->run->io.count = 1;
            vcpu->run->io.data_offset = DATA;
            atomic_fetch_and(&running, ~bit);
            return 0;
        }
        if (atomic_fetch_and(&calls, ~bit) & bit) {
            vcpu->run->exit_reason = KVM_EXIT_HYPERCALL;
            atomic_fetch_and(&running, ~bit);
            return 0;
        }
        if (!silently && atomic_load(&started) & bit && !(atomic_fetch_or(&heard, bit) & bit)) {
            atomic_fetch_and(&running, ~bit);
            errno = EAGAIN;
            return -1;
        }
        sched_yield();
    }
    atomic_fetch_and(&running, ~bit);
    errno = EINTR;
    return -1;
}

int __wrap_ioctl(int fd, unsigned long request, unsigned long argument);
int __wrap_ioctl(int fd, unsigned long request, unsigned long argument)
{
    int made;

    (void)argument;
    if (request == KVM_RUN)
        return run(by_fd(fd));
    assert_int_equal(request, KVM_CREATE_VCPU);
    if (request == refused) {
        errno = ENOMEM;
        return -1;
    }
    created++;
    made = memfd_create("vcpu", MFD_CLOEXEC);
    assert_int_equal(ftruncate(made, RUN_SIZE), 0);
    return made;
}

/* ---- threads ---- */

int __real_pthread_join(pthread_t thread, void **result);
int __wrap_pthread_join(pthread_t thread, void **result);
int __wrap_pthread_join(pthread_t thread, void **result)
{
    int failed = __real_pthread_join(thread, result);

    /* By index; those that never came have none. */
    while (!vcpus.vcpu[atomic_load(&joined)].thread_started)
        atomic_fetch_add(&joined, 1);
    assert_true(pthread_equal(thread, vcpus.vcpu[atomic_load(&joined)].thread));
    atomic_fetch_add(&joined, 1);
    return failed;
}

int __real_pthread_kill(pthread_t thread, int signal);
int __wrap_pthread_kill(pthread_t thread, int signal);
int __wrap_pthread_kill(pthread_t thread, int signal)
{
    for (int i = 0; i < atomic_load(&joined); i++)
        if (vcpus.vcpu[i].thread_started && pthread_equal(thread, vcpus.vcpu[i].thread)) {
            atomic_fetch_add(&too_late, 1); /* to do it would be undefined */
            return 0;
        }
    atomic_fetch_add(&kicks, 1);
    return __real_pthread_kill(thread, signal);
}

/* ---- the machine ---- */

/* As a guest's reset does: the others are to stop. */
static void port(void *opaque, uint16_t number, bool write, unsigned width, uint8_t *data)
{
    (void)opaque, (void)number, (void)write, (void)width, (void)data;
    atomic_fetch_add(&in_exit, 1);
    while (atomic_load(&to_joined) && atomic_load(&joined) == 0)
        sched_yield();
    vcpus_hold(&vcpus);
}

static const struct vcpu_ops ops = { .port = port };

unsigned long vcpus_arch_id(const struct vcpus *group, unsigned index)
{
    (void)group;
    return index;
}

bool vcpus_arch_create_all(void)
{
    return create_all;
}

bool vcpu_arch_create(struct vcpu *vcpu, struct error *error)
{
    (void)error;
    vcpu->snapshot = malloc(1);
    return vcpu->snapshot != NULL;
}

bool vcpu_arch_complete(struct vcpu *vcpu, struct error *error)
{
    (void)vcpu, (void)error;
    completed++;
    return true;
}

void vcpu_arch_destroy(struct vcpu *vcpu)
{
    free(vcpu->snapshot);
    vcpu->snapshot = NULL;
}

/* Never while it may run. */
bool vcpu_arch_reset(struct vcpu *vcpu, const struct vcpu_entry *entry, struct error *error)
{
    (void)entry, (void)error;
    assert_false(atomic_load(&running) & 1 << vcpu->index);
    resets[vcpu->index]++;
    atomic_fetch_and(&started, ~(1 << vcpu->index));
    atomic_fetch_and(&heard, ~(1 << vcpu->index));
    return true;
}

bool vcpu_arch_set_absent(struct vcpu *vcpu, bool absent, struct error *error)
{
    (void)error;
    assert_false(atomic_load(&running) & 1 << vcpu->index);
    startable[vcpu->index] = !absent;
    return true;
}

bool vcpu_arch_is_started(const struct vcpu *vcpu)
{
    return atomic_load(&started) & 1 << vcpu->index;
}

bool vcpus_arch_take_starts(const struct vcpus *group)
{
    (void)group;
    return true;
}

bool vcpu_arch_hypercall(struct vcpu *vcpu)
{
    struct vcpu_start request = { .entry = vcpu->index };

    atomic_store(&answers[vcpu->index], (int)vcpu_start(vcpu, called[vcpu->index], &request));
    atomic_fetch_or(&heard_of_starts, 1 << vcpu->index);
    return true;
}

/* One that is off, and never while it may run. */
bool vcpu_arch_start(struct vcpu *vcpu, const struct vcpu_start *request)
{
    assert_false(atomic_load(&running) & 1 << vcpu->index);
    assert_false(atomic_load(&vcpu->absent));
    assert_true(request->entry < POSSIBLE);
    assert_false(atomic_fetch_or(&started, 1 << vcpu->index) & 1 << vcpu->index);
    return true;
}

bool vcpus_arch_starts_silently(void)
{
    return silently;
}

bool vcpu_arch_nmi(const struct vcpu *vcpu, struct error *error)
{
    (void)vcpu, (void)error;
    return true;
}

bool vcpus_arch_get_clock(const struct vcpus *group, struct vcpu_clock *clock, struct error *error)
{
    (void)group, (void)error;
    *clock = (struct vcpu_clock){ 0 };
    return true;
}

bool vcpus_arch_set_clock(const struct vcpus *group, const struct vcpu_clock *clock, struct error *error)
{
    (void)group, (void)clock, (void)error;
    return true;
}

uint64_t vcpus_arch_reset_clock(uint64_t value)
{
    return value;
}

void vcpu_arch_describe(const struct vcpu *vcpu, char *text, size_t size)
{
    (void)vcpu;
    snprintf(text, size, "no registers");
}

/* ---- tests ---- */

static int start(bool all)
{
    static const struct vm vm = { .fd = -1, .run_size = RUN_SIZE, .vcpus_max = POSSIBLE };
    const struct cpu_topology topology = { 0 };
    struct error error;

    atomic_store(&joined, 0);
    atomic_store(&too_late, 0);
    atomic_store(&kicks, 0);
    atomic_store(&exits, 0);
    atomic_store(&in_exit, 0);
    atomic_store(&to_joined, false);
    atomic_store(&started, 0);
    atomic_store(&calls, 0);
    atomic_store(&heard_of_starts, 0);
    create_all = all;
    created = 0;
    completed = 0;
    refused = 0;
    memset(resets, 0, sizeof resets);
    for (unsigned i = 0; i < POSSIBLE; i++)
        startable[i] = i < VCPUS;
    return vcpus_create(&vcpus, &vm, VCPUS, POSSIBLE, &ops, NULL, &topology, &error) &&
                   vcpus_complete(&vcpus, false, &error)
               ? 0
               : -1;
}

static int set_up(void **state)
{
    (void)state;
    return start(false);
}

static int set_up_all(void **state)
{
    (void)state;
    return start(true);
}

static void let_exit(int which)
{
    atomic_store(&exits, which);
    while (atomic_load(&in_exit) < __builtin_popcount((unsigned)which))
        sched_yield();
}

static void a_vcpu_takes_the_others_out_of_the_guest(void **state)
{
    (void)state;
    vcpus_resume(&vcpus);
    let_exit(1 << 1);
    vcpus_pause(&vcpus); /* they park: who did not leave would not */
    assert_true(atomic_load(&kicks) >= VCPUS - 1);
    vcpus_destroy(&vcpus);
    assert_int_equal(atomic_load(&joined), VCPUS);
    assert_int_equal(atomic_load(&too_late), 0);
}

/* The guest resets itself on two CPUs while the program ends: these come to it when the first is gone. */
static void nobody_kicks_a_thread_that_was_joined(void **state)
{
    (void)state;
    atomic_store(&to_joined, true);
    vcpus_resume(&vcpus);
    let_exit(1 << 1 | 1 << 2);
    vcpus_destroy(&vcpus);
    assert_int_equal(atomic_load(&joined), VCPUS);
    assert_int_equal(atomic_load(&too_late), 0);
}

static void wait_for_run(unsigned index)
{
    while (!(atomic_load(&running) & 1 << index))
        sched_yield();
}

/* Again and again, while the others run and leave the guest all the time. */
static void wait_until_parked(unsigned count)
{
    unsigned parked = VCPUS + 1;

    while (parked != count) {
        sched_yield();
        pthread_mutex_lock(&vcpus.lock);
        parked = vcpus.parked;
        pthread_mutex_unlock(&vcpus.lock);
    }
}

/* Whatever else stops and resumes the guest meanwhile; and the program may end. */
static void vcpus_rest_and_run_again(void **state)
{
    (void)state;
    vcpus_resume(&vcpus);
    for (unsigned round = 0; round < 20; round++) {
        wait_until_parked(0);
        vcpus_rest(&vcpus, true);
        wait_until_parked(VCPUS);
        vcpus_pause(&vcpus);
        if (round % 2)
            vcpus_rest(&vcpus, false); /* they are paused, and stay so */
        assert_int_equal(vcpus.parked, VCPUS);
        vcpus_resume(&vcpus);
        wait_until_parked(round % 2 ? 0 : VCPUS);
        vcpus_rest(&vcpus, false);
    }
    wait_until_parked(0);
    vcpus_rest(&vcpus, true);
    vcpus_destroy(&vcpus);
    assert_int_equal(atomic_load(&too_late), 0);
}

static void a_vcpu_comes_and_goes(void **state)
{
    const bool all = create_all;
    struct error error;
    int fd = -1, tid = 0;

    (void)state;
    assert_int_equal(created, all ? POSSIBLE : VCPUS);
    assert_int_equal(completed, created);
    assert_false(startable[POSSIBLE - 1] && all);
    vcpus_resume(&vcpus);
    for (unsigned round = 0; round < 100; round++) {
        struct vcpu *vcpu = &vcpus.vcpu[POSSIBLE - 1];

        assert_false(vcpus_has(&vcpus, POSSIBLE - 1));
        assert_true(vcpus_add(&vcpus, POSSIBLE - 1, &error));
        assert_true(vcpus_has(&vcpus, POSSIBLE - 1));
        wait_for_run(POSSIBLE - 1);
        assert_true(startable[POSSIBLE - 1]);
        assert_int_equal(resets[POSSIBLE - 1], round + 1);
        if (round == 0) {
            fd = vcpu->fd;
            tid = atomic_load(&vcpu->tid);
        }
        /* KVM's vCPU and the thread are the same ones. */
        assert_int_equal(vcpu->fd, fd);
        assert_int_equal(atomic_load(&vcpu->tid), tid);
        assert_int_equal(created, all ? POSSIBLE : VCPUS + 1);
        atomic_store(&exits, 1 << 1 | 1 << (POSSIBLE - 1));
        vcpus_remove(&vcpus, POSSIBLE - 1);
        assert_false(startable[POSSIBLE - 1]);
        assert_false(atomic_load(&running) & 1 << (POSSIBLE - 1));
        /* Nothing that concerns all of them lets it run. */
        vcpus_pause(&vcpus);
        atomic_store(&exits, 0);
        vcpus_resume(&vcpus);
        wait_for_run(0);
        assert_false(atomic_load(&running) & 1 << (POSSIBLE - 1));
    }
    vcpus_destroy(&vcpus);
    assert_int_equal(atomic_load(&too_late), 0);
}

/* It is held with the others, and goes without having run. */
static void a_vcpu_comes_while_the_guest_is_stopped(void **state)
{
    struct error error;

    (void)state;
    assert_true(vcpus_add(&vcpus, 3, &error));
    vcpus_pause(&vcpus);
    assert_false(atomic_load(&running));
    assert_true(vcpus_reset(&vcpus, NULL, &error));
    assert_int_equal(resets[3], 2);
    assert_int_equal(resets[4], 0); /* the absent one */
    vcpus_remove(&vcpus, 3);
    vcpus_resume(&vcpus);
    wait_for_run(0);
    assert_false(atomic_load(&running) & 1 << 3);
    assert_true(vcpus_add(&vcpus, 3, &error));
    wait_for_run(3);
    vcpus_destroy(&vcpus);
}

static void a_vcpu_that_kvm_refuses_stays_absent(void **state)
{
    struct error error;

    (void)state;
    vcpus_resume(&vcpus);
    refused = KVM_CREATE_VCPU;
    assert_false(vcpus_add(&vcpus, 3, &error));
    assert_non_null(strstr(error.text, "KVM_CREATE_VCPU 3: Cannot allocate memory"));
    assert_false(vcpus_has(&vcpus, 3));
    refused = 0;
    assert_true(vcpus_add(&vcpus, 3, &error));
    wait_for_run(3);
    vcpus_destroy(&vcpus);
}

static void a_vcpu_tells_whether_the_guest_has_started_it(void **state)
{
    struct error error;

    (void)state;
    silently = true;
    assert_true(vcpus_add(&vcpus, 3, &error));
    assert_false(vcpus_look(&vcpus, 3)); /* parked */
    vcpus_resume(&vcpus);
    wait_for_run(3);
    assert_false(vcpus_look(&vcpus, 3)); /* in the guest, where it waits to be started */
    assert_false(vcpus_look(&vcpus, 4));
    atomic_fetch_or(&started, 1 << 3);
    assert_true(vcpus_look(&vcpus, 3));
    vcpus_remove(&vcpus, 3);
    assert_false(vcpus_look(&vcpus, 3));
    assert_true(vcpus_add(&vcpus, 3, &error));
    assert_false(vcpus_look(&vcpus, 3)); /* it was reset */
    vcpus_pause(&vcpus);
    atomic_fetch_or(&started, 1 << 3);
    assert_true(vcpus_look(&vcpus, 3));
    vcpus_destroy(&vcpus);
}

static void a_start_that_kvm_reports_is_known_without_a_kick(void **state)
{
    struct error error;
    int before;

    (void)state;
    silently = false;
    assert_true(vcpus_add(&vcpus, 3, &error));
    vcpus_resume(&vcpus);
    wait_for_run(3);
    before = atomic_load(&kicks);
    assert_false(vcpus_look(&vcpus, 3));
    atomic_fetch_or(&started, 1 << 3);
    while (!vcpus_look(&vcpus, 3))
        sched_yield();
    assert_int_equal(atomic_load(&kicks), before);
    /* A start that a kick hides. */
    vcpus_remove(&vcpus, 3);
    assert_true(vcpus_add(&vcpus, 3, &error));
    wait_for_run(3);
    assert_false(vcpus_look(&vcpus, 3));
    atomic_fetch_or(&heard, 1 << 3);
    atomic_fetch_or(&started, 1 << 3);
    vcpus_pause(&vcpus);
    assert_true(vcpus_look(&vcpus, 3));
    vcpus_destroy(&vcpus);
}

/* ---- vCPUs that start others ---- */

static void call(unsigned source, unsigned target)
{
    called[source] = target;
    atomic_fetch_and(&heard_of_starts, ~(1 << source));
    atomic_fetch_or(&calls, 1 << source);
}

static int answer_to(unsigned source)
{
    while (!(atomic_load(&heard_of_starts) & 1 << source))
        sched_yield();
    return atomic_load(&answers[source]);
}

static void a_vcpu_starts_another(void **state)
{
    struct error error;

    (void)state;
    silently = true;
    atomic_store(&started, 1);
    vcpus_resume(&vcpus);
    call(0, 1);
    assert_int_equal(answer_to(0), VCPU_START_DONE);
    assert_true(vcpus_look(&vcpus, 1));
    assert_false(vcpus_look(&vcpus, 2));
    call(0, 1);
    assert_int_equal(answer_to(0), VCPU_START_RUNS);
    call(0, 0);
    assert_int_equal(answer_to(0), VCPU_START_RUNS);
    call(1, 3);
    assert_int_equal(answer_to(1), VCPU_START_ABSENT);
    assert_true(vcpus_add(&vcpus, 3, &error));
    call(1, 3);
    assert_int_equal(answer_to(1), VCPU_START_DONE);
    vcpus_remove(&vcpus, 3);
    call(0, 3);
    assert_int_equal(answer_to(0), VCPU_START_ABSENT);
    vcpus_destroy(&vcpus);
}

/* Two that start each other, and two that start the same one: none waits for ever, and one start is done. */
static void vcpus_start_each_other(void **state)
{
    int first, second;

    (void)state;
    silently = true;
    vcpus_resume(&vcpus);
    for (unsigned round = 0; round < 300; round++) {
        atomic_store(&started, 1 << 0 | 1 << 1);
        call(0, 1);
        call(1, 0);
        assert_int_equal(answer_to(0), VCPU_START_RUNS);
        assert_int_equal(answer_to(1), VCPU_START_RUNS);
        call(0, 2);
        call(1, 2);
        first = answer_to(0);
        second = answer_to(1);
        assert_true(first == VCPU_START_DONE || second == VCPU_START_DONE);
        assert_true(first == VCPU_START_DONE ? second == VCPU_START_RUNS || second == VCPU_START_PENDING
                                             : first == VCPU_START_RUNS || first == VCPU_START_PENDING);
    }
    vcpus_destroy(&vcpus);
}

/* The program pauses all of them, or takes the other one away, at any time. */
static void a_vcpu_is_started_while_all_are_held(void **state)
{
    struct error error;
    int found;

    (void)state;
    silently = true;
    vcpus_resume(&vcpus);
    for (unsigned round = 0; round < 300; round++) {
        atomic_store(&started, 1);
        call(0, 1 + round % 2);
        vcpus_pause(&vcpus);
        vcpus_resume(&vcpus);
        assert_int_equal(answer_to(0), VCPU_START_DONE);
    }
    for (unsigned round = 0; round < 300; round++) {
        assert_true(vcpus_add(&vcpus, 3, &error));
        call(0, 3);
        if (round % 3 == 0)
            sched_yield();
        vcpus_remove(&vcpus, 3);
        found = answer_to(0);
        assert_true(found == VCPU_START_DONE || found == VCPU_START_ABSENT);
    }
    vcpus_destroy(&vcpus);
}

static void the_program_ends_while_a_vcpu_starts_another(void **state)
{
    (void)state;
    silently = true;
    for (unsigned round = 0; round < 50; round++) {
        if (round > 0)
            assert_int_equal(start(true), 0);
        atomic_store(&started, 1);
        vcpus_resume(&vcpus);
        call(0, 1);
        call(1, 2);
        call(2, 0);
        if (round % 2 == 0)
            sched_yield();
        vcpus_destroy(&vcpus);
        assert_int_equal(atomic_load(&too_late), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_vcpu_takes_the_others_out_of_the_guest, set_up),
        cmocka_unit_test_setup(nobody_kicks_a_thread_that_was_joined, set_up),
        cmocka_unit_test_setup(vcpus_rest_and_run_again, set_up),
        cmocka_unit_test_setup(a_vcpu_comes_and_goes, set_up),
        cmocka_unit_test_setup(a_vcpu_comes_and_goes, set_up_all),
        cmocka_unit_test_setup(a_vcpu_comes_while_the_guest_is_stopped, set_up),
        cmocka_unit_test_setup(a_vcpu_that_kvm_refuses_stays_absent, set_up),
        cmocka_unit_test_setup(a_vcpu_tells_whether_the_guest_has_started_it, set_up),
        cmocka_unit_test_setup(a_start_that_kvm_reports_is_known_without_a_kick, set_up),
        cmocka_unit_test_setup(a_vcpu_starts_another, set_up_all),
        cmocka_unit_test_setup(vcpus_start_each_other, set_up_all),
        cmocka_unit_test_setup(a_vcpu_is_started_while_all_are_held, set_up_all),
        cmocka_unit_test_setup(the_program_ends_while_a_vcpu_starts_another, set_up_all),
    };

    return cmocka_run_group_tests_name("vcpu", tests, NULL, NULL);
}
