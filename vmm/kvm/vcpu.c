/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A vCPU's thread: it runs the guest, handles its exits, and waits when it must.
 */
#include "kvm/vcpu.h"

#include <errno.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fault.h"
#include "host/sandbox.h"
#include "kvm/vcpu_start.h"

/* The signal that takes a vCPU's thread out of KVM_RUN. */
#define KICK SIGUSR1

/* A vCPU's thread needs little stack, and the usual 8 MiB can cost a transparent huge page. */
#define STACK (256u << 10)

/* The shared page of the vCPU that this thread runs. The handler sets immediate_exit in it: a kick that
 * comes just before KVM_RUN is entered then still counts. */
static _Thread_local struct kvm_run *this_run;

static void kicked(int signal)
{
    (void)signal;
    if (this_run)
        this_run->immediate_exit = 1;
}

static void port_exit(struct vcpu *vcpu)
{
    struct kvm_run *run = vcpu->run;
    uint8_t *data = (uint8_t *)run + run->io.data_offset;

    for (uint32_t i = 0; i < run->io.count; i++, data += run->io.size)
        vcpu->group->ops->port(vcpu->group->opaque, run->io.port, run->io.direction == KVM_EXIT_IO_OUT,
                               run->io.size, data);
}

static void broken(struct vcpu *vcpu, const char *what, unsigned long long detail)
{
    char registers[256];
    char text[512];

    vcpu_arch_describe(vcpu, registers, sizeof registers);
    snprintf(text, sizeof text, "vCPU %u: %s 0x%llx; %s", vcpu->index, what, detail, registers);
    vcpu->group->ops->broken(vcpu->group->opaque, text);
}

static void system_event(struct vcpu *vcpu)
{
    const struct vcpus *group = vcpu->group;

    if (vcpu->run->system_event.type == KVM_SYSTEM_EVENT_SHUTDOWN)
        group->ops->power_off(group->opaque);
    else if (vcpu->run->system_event.type == KVM_SYSTEM_EVENT_RESET)
        group->ops->reset(group->opaque);
    else
        broken(vcpu, "KVM system event that hotram does not know,", vcpu->run->system_event.type);
}

static void handle_exit(struct vcpu *vcpu)
{
    struct kvm_run *run = vcpu->run;
    struct vcpus *group = vcpu->group;

    atomic_fetch_add_explicit(&vcpu->exits, 1, memory_order_relaxed);
    switch (run->exit_reason) {
    case KVM_EXIT_IO:
        port_exit(vcpu);
        break;
    case KVM_EXIT_MMIO:
        group->ops->mmio(group->opaque, run->mmio.phys_addr, run->mmio.is_write, run->mmio.len,
                         run->mmio.data);
        break;
    case KVM_EXIT_SHUTDOWN:
        group->ops->reset(group->opaque);
        break;
    case KVM_EXIT_SYSTEM_EVENT:
        system_event(vcpu);
        break;
    case KVM_EXIT_HYPERCALL:
        if (!vcpu_arch_hypercall(vcpu))
            broken(vcpu, "hypercall that hotram does not know, or whose registers KVM does not pass,",
                   run->hypercall.nr);
        break;
    case KVM_EXIT_FAIL_ENTRY:
        broken(vcpu, "KVM cannot enter the guest, hardware reason",
               run->fail_entry.hardware_entry_failure_reason);
        break;
    case KVM_EXIT_INTERNAL_ERROR:
        broken(vcpu, "KVM internal error, suberror", run->internal.suberror);
        break;
    default:
        broken(vcpu, "KVM exit that hotram does not know,", run->exit_reason);
        break;
    }
}

/* KVM has the answer in a state that only this thread, or one while this thread waits, can read without
 * waiting for the vCPU itself. */
static void read_started(struct vcpu *vcpu)
{
    if (!atomic_load(&vcpu->started) && vcpu_arch_is_started(vcpu))
        atomic_store(&vcpu->started, true);
}

/* The main thread asks. */
static void answer_look(struct vcpu *vcpu)
{
    struct vcpus *group = vcpu->group;

    read_started(vcpu);
    pthread_mutex_lock(&group->lock);
    atomic_store(&vcpu->look, false);
    pthread_cond_broadcast(&group->changed);
    pthread_mutex_unlock(&group->lock);
}

/* One KVM_RUN, and what follows from it. True: an exit was answered, which the next KVM_RUN completes. */
static bool run_once(struct vcpu *vcpu)
{
    const struct vcpus *group = vcpu->group;
    void *lost;
    int why;

    if (ioctl(vcpu->fd, KVM_RUN, 0) == 0) {
        atomic_store_explicit(&vcpu->started, true, memory_order_relaxed);
        handle_exit(vcpu);
        return true;
    }
    why = errno;
    read_started(vcpu); /* x86: EAGAIN if INIT has come; a kick may hide it */
    if (why == EFAULT || why == EHWPOISON)
        group->ops->memory_fault(group->opaque, fault_take_noted());
    else if (why == EINTR && (lost = fault_take_noted()) != NULL)
        group->ops->memory_fault(group->opaque, lost);
    else if (why != EINTR && why != EAGAIN)
        broken(vcpu, "KVM_RUN fails with errno", (unsigned long long)why);
    return false;
}

static bool must_park(const struct vcpu *vcpu)
{
    const struct vcpus *group = vcpu->group;

    return atomic_load(&group->hold) || atomic_load(&group->rest) || atomic_load(&vcpu->absent);
}

/* Wait outside the guest while the vCPUs are held or rest, or this one is absent. `entered`: it has been in
 * KVM_RUN. Returns false when the thread is to end. */
static bool park(struct vcpu *vcpu, bool entered)
{
    struct vcpus *group = vcpu->group;
    bool quit;

    /* An exit that the program has answered is completed by the next KVM_RUN; do it now, so that the
     * registers are whole while the vCPU is parked. To complete one access can be to begin the next, of the
     * same instruction: that is an exit like any other. KVM lets no more than 1024 repetitions of a string
     * instruction pass before it returns to the guest, which immediate_exit forbids. Without an exit there is
     * nothing to complete, and a state that is restored must precede the first KVM_RUN: from then on arm64's
     * KVM ignores whether the timer's interrupt is active. */
    vcpu->run->immediate_exit = 1;
    while (entered && run_once(vcpu))
        continue;
    pthread_mutex_lock(&group->lock);
    vcpu->parked = true;
    group->parked++;
    pthread_cond_broadcast(&group->changed);
    while (must_park(vcpu) && !group->quit)
        pthread_cond_wait(&group->changed, &group->lock);
    vcpu->parked = false;
    group->parked--;
    quit = group->quit;
    pthread_mutex_unlock(&group->lock);
    return !quit;
}

static void *vcpu_thread(void *opaque)
{
    struct vcpu *vcpu = opaque;
    bool entered = false;
    sigset_t none;

    if (!sandbox_enter(SANDBOX_VCPU))
        atomic_store(&vcpu->group->unrestricted, true);
    this_run = vcpu->run;
    atomic_store(&vcpu->tid, gettid());
    sigemptyset(&none);
    sigaddset(&none, KICK);
    pthread_sigmask(SIG_UNBLOCK, &none, NULL);
    fault_note_guests();
    for (;;) {
        /* The order matters: clear, then look. A kick after the look sets immediate_exit again. */
        vcpu->run->immediate_exit = 0;
        if (must_park(vcpu)) {
            if (!park(vcpu, entered))
                return NULL;
            continue;
        }
        if (atomic_load(&vcpu->look))
            answer_look(vcpu);
        if (atomic_load(&vcpu->start))
            vcpu_answer_start(vcpu);
        entered = true;
        run_once(vcpu);
    }
}

bool vcpu_start_thread(struct vcpu *vcpu, struct error *error)
{
    char name[16];
    sigset_t all;
    sigset_t before;
    pthread_attr_t attributes;
    int failed;

    /* The thread is born with every signal blocked: the main thread takes them, but for the kick. */
    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&vcpu->thread, &attributes, vcpu_thread, vcpu);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (failed)
        return error_set(error, "vCPU %u: no thread: %s", vcpu->index, strerror(failed));
    pthread_mutex_lock(&vcpu->group->lock);
    vcpu->thread_started = true; /* from now on others may kick it */
    vcpu->group->threads++;
    pthread_mutex_unlock(&vcpu->group->lock);
    if (vcpu->group->name_threads) {
        snprintf(name, sizeof name, "CPU %u/KVM", vcpu->index);
        pthread_setname_np(vcpu->thread, name);
    }
    return true;
}

bool vcpu_catch_kicks(struct error *error)
{
    const struct sigaction action = { .sa_handler = kicked };

    return sigaction(KICK, &action, NULL) == 0 ||
           error_set(error, "no handler for the signal that stops vCPUs: %s", strerror(errno));
}

void vcpu_kick(const struct vcpu *vcpu)
{
    if (vcpu->thread_started && !pthread_equal(vcpu->thread, pthread_self()))
        pthread_kill(vcpu->thread, KICK);
}
