/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The group of vCPUs: those that the machine has, and those that can come.
 */
#include <errno.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mapping.h"
#include "base/message.h"
#include "kvm/vcpu.h"

/* KVM's part of a vCPU, or what a failed attempt has left to do: KVM creates each only once. */
static bool create_one(struct vcpus *vcpus, unsigned index, struct error *error)
{
    struct vcpu *vcpu = &vcpus->vcpu[index];
    void *run;

    if (vcpu->fd < 0)
        vcpu->fd = ioctl(vcpus->vm->fd, KVM_CREATE_VCPU, vcpus_arch_id(vcpus, index));
    if (vcpu->fd < 0)
        return error_set(error, "KVM_CREATE_VCPU %u: %s", index, strerror(errno));
    if (!vcpu->run) {
        run = mmap(NULL, vcpus->vm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
        if (run == MAP_FAILED)
            return error_set(error, "vCPU %u: mapping its shared page: %s", index, strerror(errno));
        vcpu->run = run;
    }
    if (vcpu->snapshot || vcpu_arch_create(vcpu, error))
        return true;
    vcpu_arch_destroy(vcpu);
    return false;
}

bool vcpus_create(struct vcpus *vcpus, const struct vm *vm, unsigned count, unsigned possible,
                  const struct vcpu_ops *ops, void *opaque, const struct cpu_topology *topology,
                  struct error *error)
{
    *vcpus = (struct vcpus){ .vm = vm, .ops = ops, .opaque = opaque, .topology = *topology, .hold = true };
    pthread_mutex_init(&vcpus->lock, NULL);
    pthread_cond_init(&vcpus->changed, NULL);
    if (possible > vm->vcpus_max)
        return error_set(error, "-smp: %u CPUs, but this host's KVM runs at most %u vCPUs", possible,
                         vm->vcpus_max);
    vcpus->vcpu = calloc(possible, sizeof *vcpus->vcpu);
    if (!vcpus->vcpu)
        return error_set(error, "-smp: %u CPUs: out of memory", possible);
    vcpus->possible = possible;
    for (unsigned i = 0; i < possible; i++) {
        vcpus->vcpu[i].group = vcpus;
        vcpus->vcpu[i].index = i;
        vcpus->vcpu[i].fd = -1;
        atomic_store(&vcpus->vcpu[i].absent, i >= count);
    }
    if (!vcpu_catch_kicks(error))
        return false;
    for (unsigned i = 0; i < (vcpus_arch_create_all() ? possible : count); i++)
        if (!create_one(vcpus, i, error))
            return false;
    vcpus->takes_starts = count < possible && vcpus_arch_take_starts(vcpus);
    return true;
}

/* Those that KVM has. */
static bool complete_one(struct vcpu *vcpu, struct error *error)
{
    return vcpu->fd < 0 || (vcpu_arch_complete(vcpu, error) &&
                            (vcpus_has(vcpu->group, vcpu->index) || vcpu_arch_set_absent(vcpu, true, error)));
}

static bool check_restricted(const struct vcpus *vcpus, struct error *error)
{
    return !atomic_load(&vcpus->unrestricted) ||
           error_set(error, "a vCPU's list of system calls: out of memory; -sandbox off starts without");
}

bool vcpus_complete(struct vcpus *vcpus, bool name_threads, struct error *error)
{
    vcpus->name_threads = name_threads;
    for (unsigned i = 0; i < vcpus->possible; i++)
        if (!complete_one(&vcpus->vcpu[i], error))
            return false;
    /* Not earlier: arm64's KVM gives the whole VM up when KVM_RUN comes before the interrupt controller is
     * complete. */
    for (unsigned i = 0; i < vcpus->possible; i++)
        if (vcpus_has(vcpus, i) && !vcpu_start_thread(&vcpus->vcpu[i], error))
            return false;
    /* They are held; by then each has said which thread it is. libvirt asks early, and takes a vCPU without a
     * thread for a failed start. */
    vcpus_pause(vcpus);
    return check_restricted(vcpus, error);
}

/* Under the lock: all threads but this one leave the guest. */
static void kick(struct vcpus *vcpus)
{
    for (unsigned i = 0; i < vcpus->possible; i++)
        vcpu_kick(&vcpus->vcpu[i]);
}

/* The same. */
static void hold(struct vcpus *vcpus)
{
    atomic_store(&vcpus->hold, true);
    kick(vcpus);
}

/* ---- vCPUs that come and go ---- */

bool vcpus_has(const struct vcpus *vcpus, unsigned index)
{
    return index < vcpus->possible && !atomic_load(&vcpus->vcpu[index].absent);
}

/* Under the lock. */
static void wait_until_parked(struct vcpu *vcpu)
{
    while (!vcpu->parked)
        pthread_cond_wait(&vcpu->group->changed, &vcpu->group->lock);
}

static bool give_thread(struct vcpu *vcpu, struct error *error)
{
    if (vcpu->thread_started) /* only this thread changes it */
        return true;
    if (!vcpu_start_thread(vcpu, error))
        return false;
    pthread_mutex_lock(&vcpu->group->lock);
    wait_until_parked(vcpu);
    pthread_mutex_unlock(&vcpu->group->lock);
    return check_restricted(vcpu->group, error);
}

bool vcpus_add(struct vcpus *vcpus, unsigned index, struct error *error)
{
    struct vcpu *vcpu = &vcpus->vcpu[index];
    const bool is_new = vcpu->fd < 0 || !vcpu->snapshot;

    if (is_new && !(create_one(vcpus, index, error) && vcpu_arch_complete(vcpu, error)))
        return false;
    /* On x86 the reset also makes KVM's map of local APICs anew, without which neither INIT nor SIPI reach a
     * vCPU that was created while others run. */
    if (!give_thread(vcpu, error) || !vcpu_arch_reset(vcpu, NULL, error) ||
        !vcpu_arch_set_absent(vcpu, false, error))
        return false;
    atomic_store(&vcpu->started, false);
    pthread_mutex_lock(&vcpus->lock);
    atomic_store(&vcpu->absent, false);
    pthread_cond_broadcast(&vcpus->changed);
    pthread_mutex_unlock(&vcpus->lock);
    return true;
}

void vcpus_remove(struct vcpus *vcpus, unsigned index)
{
    struct vcpu *vcpu = &vcpus->vcpu[index];
    struct error error;

    pthread_mutex_lock(&vcpus->lock);
    atomic_store(&vcpu->absent, true);
    vcpu_kick(vcpu);
    wait_until_parked(vcpu);
    pthread_mutex_unlock(&vcpus->lock);
    if (!vcpu_arch_set_absent(vcpu, true, &error))
        warning("%s", error.text);
}

bool vcpus_look(struct vcpus *vcpus, unsigned index)
{
    struct vcpu *vcpu = index < vcpus->possible ? &vcpus->vcpu[index] : NULL;

    if (!vcpu || !vcpus_has(vcpus, index))
        return false;
    if (atomic_load(&vcpu->started) || !vcpus_arch_starts_silently())
        return atomic_load(&vcpu->started);
    pthread_mutex_lock(&vcpus->lock);
    atomic_store(&vcpu->look, true);
    vcpu_kick(vcpu);
    while (atomic_load(&vcpu->look) && !vcpu->parked)
        pthread_cond_wait(&vcpus->changed, &vcpus->lock);
    atomic_store(&vcpu->look, false);
    if (vcpu->parked && vcpu_arch_is_started(vcpu))
        atomic_store(&vcpu->started, true);
    pthread_mutex_unlock(&vcpus->lock);
    return atomic_load(&vcpu->started);
}

/* ---- all of them ---- */

void vcpus_destroy(struct vcpus *vcpus)
{
    if (!vcpus->vcpu)
        return;
    /* The last kick of all: from here on threads end and are joined, and a thread that is joined is no more.
     */
    pthread_mutex_lock(&vcpus->lock);
    vcpus->quit = true;
    hold(vcpus);
    pthread_cond_broadcast(&vcpus->changed);
    pthread_mutex_unlock(&vcpus->lock);
    /* All of them first: until its end a thread may still look at the others. */
    for (unsigned i = 0; i < vcpus->possible; i++)
        if (vcpus->vcpu[i].thread_started)
            pthread_join(vcpus->vcpu[i].thread, NULL);
    for (unsigned i = 0; i < vcpus->possible; i++) {
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
        hold(vcpus);
    pthread_mutex_unlock(&vcpus->lock);
}

void vcpus_rest(struct vcpus *vcpus, bool rest)
{
    pthread_mutex_lock(&vcpus->lock);
    atomic_store(&vcpus->rest, rest);
    if (!rest)
        pthread_cond_broadcast(&vcpus->changed);
    else if (!vcpus->quit && !atomic_load(&vcpus->hold))
        kick(vcpus);
    pthread_mutex_unlock(&vcpus->lock);
}

/* If the clock of a stopped guest continues, its own timeouts expire; that is better than not to run. */
static void stop_clock(struct vcpus *vcpus)
{
    struct error error;

    if (vcpus->possible == 0 || vcpus->clock_known)
        return;
    vcpus->clock_known = vcpus_arch_get_clock(vcpus, &vcpus->clock, &error);
    if (!vcpus->clock_known)
        warning("the guest's clock runs on while it is stopped: %s", error.text);
}

static void start_clock(struct vcpus *vcpus)
{
    struct error error;

    if (vcpus->clock_known && !vcpus_arch_set_clock(vcpus, &vcpus->clock, &error))
        warning("the guest's clock has run on while it was stopped: %s", error.text);
    vcpus->clock_known = false;
}

void vcpus_pause(struct vcpus *vcpus)
{
    vcpus_hold(vcpus);
    pthread_mutex_lock(&vcpus->lock);
    while (vcpus->parked < vcpus->threads)
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
    /* Absent ones are reset when they come. */
    for (unsigned i = 0; i < vcpus->possible; i++) {
        if (!vcpus_has(vcpus, i))
            continue;
        if (!vcpu_arch_reset(&vcpus->vcpu[i], i == 0 ? entry : NULL, error))
            return false;
        atomic_store(&vcpus->vcpu[i].started, i == 0);
    }
    vcpus->clock.value = vcpus_arch_reset_clock(vcpus->clock.value);
    return true;
}

bool vcpus_nmi(const struct vcpus *vcpus, struct error *error)
{
    for (unsigned i = 0; i < vcpus->possible; i++)
        if (vcpus_has(vcpus, i) && !vcpu_arch_nmi(&vcpus->vcpu[i], error))
            return false;
    return true;
}

uint64_t vcpus_exits(const struct vcpus *vcpus)
{
    uint64_t exits = 0;

    for (unsigned i = 0; i < vcpus->possible; i++)
        exits += atomic_load_explicit(&vcpus->vcpu[i].exits, memory_order_relaxed);
    return exits;
}
