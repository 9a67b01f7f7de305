/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The threads of vCPUs: who may still look at whom when they end. KVM is the test: KVM_RUN lasts until its
 * thread is kicked, or until the test has it exit. pthread_join() and pthread_kill() are watched.
 */
#include "../unit.h"

#include <errno.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kvm/vcpu.h"

#define VCPUS 3
#define RUN_SIZE 4096
#define DATA 2048 /* of an exit, in the shared page */

static struct vcpus vcpus;
static atomic_int joined;     /* how many, by index: they are joined in this order */
static atomic_int too_late;   /* kicks of those */
static atomic_int kicks;      /* of others */
static atomic_int exits;      /* that are to come: bit by index */
static atomic_int in_exit;    /* how many are being handled */
static atomic_bool to_joined; /* the exit is handled when a thread has been joined */

/* ---- KVM ---- */

static struct vcpu *by_fd(int fd)
{
    for (unsigned i = 0; i < vcpus.count; i++)
        if (vcpus.vcpu[i].fd == fd)
            return &vcpus.vcpu[i];
    fail();
    return NULL;
}

static int run(struct vcpu *vcpu)
{
    volatile uint8_t *immediate_exit = &vcpu->run->immediate_exit;
    const int bit = 1 << vcpu->index;

    while (!*immediate_exit) {
        if (atomic_fetch_and(&exits, ~bit) & bit) {
            vcpu->run->exit_reason = KVM_EXIT_IO;
            vcpu->run->io.direction = KVM_EXIT_IO_OUT;
            vcpu->run->io.size = vcpu->run->io.count = 1;
            vcpu->run->io.data_offset = DATA;
            return 0;
        }
        sched_yield();
    }
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

    assert_true(pthread_equal(thread, vcpus.vcpu[atomic_load(&joined)].thread));
    atomic_fetch_add(&joined, 1);
    return failed;
}

int __real_pthread_kill(pthread_t thread, int signal);
int __wrap_pthread_kill(pthread_t thread, int signal);
int __wrap_pthread_kill(pthread_t thread, int signal)
{
    for (int i = 0; i < atomic_load(&joined); i++)
        if (pthread_equal(thread, vcpus.vcpu[i].thread)) {
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

bool vcpu_arch_create(struct vcpu *vcpu, struct error *error)
{
    (void)vcpu, (void)error;
    return true;
}

bool vcpu_arch_complete(struct vcpu *vcpu, struct error *error)
{
    (void)vcpu, (void)error;
    return true;
}

void vcpu_arch_destroy(struct vcpu *vcpu)
{
    (void)vcpu;
}

bool vcpu_arch_reset(struct vcpu *vcpu, const struct vcpu_entry *entry, struct error *error)
{
    (void)vcpu, (void)entry, (void)error;
    return true;
}

bool vcpu_arch_nmi(const struct vcpu *vcpu, struct error *error)
{
    (void)vcpu, (void)error;
    return true;
}

bool vcpus_arch_get_clock(const struct vcpus *group, uint64_t *clock, struct error *error)
{
    (void)group, (void)error;
    *clock = 0;
    return true;
}

bool vcpus_arch_set_clock(const struct vcpus *group, uint64_t clock, struct error *error)
{
    (void)group, (void)clock, (void)error;
    return true;
}

uint64_t vcpus_arch_reset_clock(uint64_t clock)
{
    return clock;
}

void vcpu_arch_describe(const struct vcpu *vcpu, char *text, size_t size)
{
    (void)vcpu;
    snprintf(text, size, "no registers");
}

/* ---- tests ---- */

static int set_up(void **state)
{
    static const struct vm vm = { .fd = -1, .run_size = RUN_SIZE, .vcpus_max = VCPUS };
    const struct cpu_topology topology = { 0 };
    struct error error;

    (void)state;
    atomic_store(&joined, 0);
    atomic_store(&too_late, 0);
    atomic_store(&kicks, 0);
    atomic_store(&exits, 0);
    atomic_store(&in_exit, 0);
    atomic_store(&to_joined, false);
    return vcpus_create(&vcpus, &vm, VCPUS, &ops, NULL, &topology, &error) &&
                   vcpus_complete(&vcpus, false, &error)
               ? 0
               : -1;
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_vcpu_takes_the_others_out_of_the_guest, set_up),
        cmocka_unit_test_setup(nobody_kicks_a_thread_that_was_joined, set_up),
    };

    return cmocka_run_group_tests_name("vcpu", tests, NULL, NULL);
}
