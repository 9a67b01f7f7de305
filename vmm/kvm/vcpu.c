/* SPDX-License-Identifier: BSD-2-Clause */
#include "kvm/vcpu.h"

#include <errno.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/mapping.h"
#include "base/message.h"
#include "host/sandbox.h"

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

/* One KVM_RUN, and what follows from it. True: an exit was answered, which the next KVM_RUN completes. */
static bool run_once(struct vcpu *vcpu)
{
    const struct vcpus *group = vcpu->group;
    void *lost;
    int why;

    if (ioctl(vcpu->fd, KVM_RUN, 0) == 0) {
        handle_exit(vcpu);
        return true;
    }
    why = errno;
    if (why == EFAULT || why == EHWPOISON)
        group->ops->memory_fault(group->opaque, fault_take_noted());
    else if (why == EINTR && (lost = fault_take_noted()) != NULL)
        group->ops->memory_fault(group->opaque, lost);
    else if (why != EINTR && why != EAGAIN)
        broken(vcpu, "KVM_RUN fails with errno", (unsigned long long)why);
    return false;
}

/* Wait outside the guest while the vCPUs are held. Returns false when the thread is to end. */
static bool park(struct vcpu *vcpu)
{
    struct vcpus *group = vcpu->group;
    bool quit;

    /* An exit that the program has answered is completed by the next KVM_RUN; do it now, so that the
     * registers are whole while the vCPU is parked. To complete one access can be to begin the next, of the
     * same instruction: that is an exit like any other. KVM lets no more than 1024 repetitions of a string
     * instruction pass before it returns to the guest, which immediate_exit forbids. */
    vcpu->run->immediate_exit = 1;
    while (run_once(vcpu))
        continue;
    pthread_mutex_lock(&group->lock);
    group->parked++;
    pthread_cond_broadcast(&group->changed);
    while (atomic_load(&group->hold) && !group->quit)
        pthread_cond_wait(&group->changed, &group->lock);
    group->parked--;
    quit = group->quit;
    pthread_mutex_unlock(&group->lock);
    return !quit;
}

static void *vcpu_thread(void *opaque)
{
    struct vcpu *vcpu = opaque;
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
        if (atomic_load(&vcpu->group->hold)) {
            if (!park(vcpu))
                return NULL;
            continue;
        }
        run_once(vcpu);
    }
}

static bool start_thread(struct vcpu *vcpu, bool name_thread, struct error *error)
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
    pthread_mutex_unlock(&vcpu->group->lock);
    if (name_thread) {
        snprintf(name, sizeof name, "CPU %u/KVM", vcpu->index);
        pthread_setname_np(vcpu->thread, name);
    }
    return true;
}

static bool create_one(struct vcpus *vcpus, unsigned index, struct error *error)
{
    struct vcpu *vcpu = &vcpus->vcpu[index];
    void *run;

    vcpu->group = vcpus;
    vcpu->index = index;
    vcpu->fd = ioctl(vcpus->vm->fd, KVM_CREATE_VCPU, vcpus_arch_id(vcpus, index));
    if (vcpu->fd < 0)
        return error_set(error, "KVM_CREATE_VCPU %u: %s", index, strerror(errno));
    run = mmap(NULL, vcpus->vm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
    if (run == MAP_FAILED)
        return error_set(error, "vCPU %u: mapping its shared page: %s", index, strerror(errno));
    vcpu->run = run;
    return vcpu_arch_create(vcpu, error);
}

bool vcpus_create(struct vcpus *vcpus, const struct vm *vm, unsigned count, const struct vcpu_ops *ops,
                  void *opaque, const struct cpu_topology *topology, struct error *error)
{
    struct sigaction action = { .sa_handler = kicked };

    *vcpus = (struct vcpus){ .vm = vm, .ops = ops, .opaque = opaque, .topology = *topology, .hold = true };
    pthread_mutex_init(&vcpus->lock, NULL);
    pthread_cond_init(&vcpus->changed, NULL);
    if (count > vm->vcpus_max)
        return error_set(error, "-smp %u: this host's KVM runs at most %u vCPUs", count, vm->vcpus_max);
    vcpus->vcpu = calloc(count, sizeof *vcpus->vcpu);
    if (!vcpus->vcpu)
        return error_set(error, "-smp %u: out of memory", count);
    if (sigaction(KICK, &action, NULL) < 0)
        return error_set(error, "no handler for the signal that stops vCPUs: %s", strerror(errno));
    for (; vcpus->count < count; vcpus->count++) {
        vcpus->vcpu[vcpus->count].fd = -1;
        if (!create_one(vcpus, vcpus->count, error)) {
            vcpus->count++; /* the half-made one is taken down too */
            return false;
        }
    }
    return true;
}

bool vcpus_complete(struct vcpus *vcpus, bool name_threads, struct error *error)
{
    for (unsigned i = 0; i < vcpus->count; i++)
        if (!vcpu_arch_complete(&vcpus->vcpu[i], error))
            return false;
    /* Not earlier: to park, a thread calls KVM_RUN, and arm64's KVM gives the whole VM up when that comes
     * before the interrupt controller is complete. */
    for (unsigned i = 0; i < vcpus->count; i++)
        if (!start_thread(&vcpus->vcpu[i], name_threads, error))
            return false;
    /* They are held; by then each has said which thread it is. libvirt asks early, and takes a vCPU without a
     * thread for a failed start. */
    vcpus_pause(vcpus);
    return !atomic_load(&vcpus->unrestricted) ||
           error_set(error, "a vCPU's list of system calls: out of memory; -sandbox off starts without");
}

/* Under the lock: all threads but this one leave the guest. */
static void kick(struct vcpus *vcpus)
{
    atomic_store(&vcpus->hold, true);
    for (unsigned i = 0; i < vcpus->count; i++)
        if (vcpus->vcpu[i].thread_started && !pthread_equal(vcpus->vcpu[i].thread, pthread_self()))
            pthread_kill(vcpus->vcpu[i].thread, KICK);
}

void vcpus_destroy(struct vcpus *vcpus)
{
    if (!vcpus->vcpu)
        return;
    /* The last kick of all: from here on threads end and are joined, and a thread that is joined is no more.
     */
    pthread_mutex_lock(&vcpus->lock);
    vcpus->quit = true;
    kick(vcpus);
    pthread_cond_broadcast(&vcpus->changed);
    pthread_mutex_unlock(&vcpus->lock);
    /* All of them first: until its end a thread may still look at the others. */
    for (unsigned i = 0; i < vcpus->count; i++)
        if (vcpus->vcpu[i].thread_started)
            pthread_join(vcpus->vcpu[i].thread, NULL);
    for (unsigned i = 0; i < vcpus->count; i++) {
        struct vcpu *vcpu = &vcpus->vcpu[i];

        vcpu_arch_destroy(vcpu);
        if (vcpu->run)
            mapping_give_back(vcpu->run, vcpus->vm->run_size, "a vCPU's shared page");
        if (vcpu->fd >= 0)
            close(vcpu->fd);
    }
    free(vcpus->vcpu);
    vcpus->vcpu = NULL;
    pthread_cond_destroy(&vcpus->changed);
    pthread_mutex_destroy(&vcpus->lock);
}

void vcpus_hold(struct vcpus *vcpus)
{
    pthread_mutex_lock(&vcpus->lock);
    if (!vcpus->quit)
        kick(vcpus);
    pthread_mutex_unlock(&vcpus->lock);
}

/* If the clock of a stopped guest continues, its own timeouts expire; that is better than not to run. */
static void stop_clock(struct vcpus *vcpus)
{
    struct error error;

    if (vcpus->count == 0 || vcpus->clock_known)
        return;
    vcpus->clock_known = vcpus_arch_get_clock(vcpus, &vcpus->clock, &error);
    if (!vcpus->clock_known)
        warning("the guest's clock runs on while it is stopped: %s", error.text);
}

static void start_clock(struct vcpus *vcpus)
{
    struct error error;

    if (vcpus->clock_known && !vcpus_arch_set_clock(vcpus, vcpus->clock, &error))
        warning("the guest's clock has run on while it was stopped: %s", error.text);
    vcpus->clock_known = false;
}

void vcpus_pause(struct vcpus *vcpus)
{
    vcpus_hold(vcpus);
    pthread_mutex_lock(&vcpus->lock);
    while (vcpus->parked < vcpus->count)
        pthread_cond_wait(&vcpus->changed, &vcpus->lock);
    pthread_mutex_unlock(&vcpus->lock);
    stop_clock(vcpus);
}

void vcpus_resume(struct vcpus *vcpus)
{
    start_clock(vcpus);
    pthread_mutex_lock(&vcpus->lock);
    atomic_store(&vcpus->hold, false);
    pthread_cond_broadcast(&vcpus->changed);
    pthread_mutex_unlock(&vcpus->lock);
}

bool vcpus_reset(struct vcpus *vcpus, const struct vcpu_entry *entry, struct error *error)
{
    for (unsigned i = 0; i < vcpus->count; i++)
        if (!vcpu_arch_reset(&vcpus->vcpu[i], i == 0 ? entry : NULL, error))
            return false;
    vcpus->clock = vcpus_arch_reset_clock(vcpus->clock);
    return true;
}

bool vcpus_nmi(const struct vcpus *vcpus, struct error *error)
{
    for (unsigned i = 0; i < vcpus->count; i++)
        if (!vcpu_arch_nmi(&vcpus->vcpu[i], error))
            return false;
    return true;
}

uint64_t vcpus_exits(const struct vcpus *vcpus)
{
    uint64_t exits = 0;

    for (unsigned i = 0; i < vcpus->count; i++)
        exits += atomic_load_explicit(&vcpus->vcpu[i].exits, memory_order_relaxed);
    return exits;
}
