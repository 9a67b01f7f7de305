/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One vCPU starts another, where the guest's call for it comes to this program.
 *
 * KVM tells and changes the state of a vCPU to its own thread, or to others while that thread is parked. So
 * the one that calls kicks the other and waits for its answer; if the other is parked, it acts for it. A vCPU
 * that waits answers meanwhile: two that start each other both hear that the other one runs.
 */
#include "kvm/vcpu_start.h"

#include "kvm/vcpu.h"

/* Under the group's lock; by the vCPU's own thread, or while that is parked. */
static void answer(struct vcpu *vcpu)
{
    struct vcpu_start *start = atomic_load(&vcpu->start);

    if (!start)
        return;
    if (atomic_load(&vcpu->absent))
        start->result = VCPU_START_ABSENT;
    else if (vcpu_arch_is_started(vcpu))
        start->result = VCPU_START_RUNS;
    else
        start->result = vcpu_arch_start(vcpu, start) ? VCPU_START_DONE : VCPU_START_FAILED;
    if (start->result == VCPU_START_DONE)
        atomic_store(&vcpu->started, true);
    start->answered = true;
    atomic_store(&vcpu->start, NULL);
    pthread_cond_broadcast(&vcpu->group->changed);
}

void vcpu_answer_start(struct vcpu *vcpu)
{
    pthread_mutex_lock(&vcpu->group->lock);
    answer(vcpu);
    pthread_mutex_unlock(&vcpu->group->lock);
}

/* Under the group's lock, which waiting releases. */
static void wait_for_answer(struct vcpu *source, struct vcpu *target, const struct vcpu_start *start)
{
    struct vcpus *group = source->group;

    while (!start->answered && !group->quit) {
        if (target->parked)
            answer(target);
        else if (atomic_load(&source->start))
            answer(source);
        else
            pthread_cond_wait(&group->changed, &group->lock);
    }
    if (!start->answered) /* the program ends, and its threads do not answer any more */
        atomic_store(&target->start, NULL);
}

enum vcpu_start_result vcpu_start(struct vcpu *source, unsigned index, struct vcpu_start *start)
{
    struct vcpus *group = source->group;
    struct vcpu *target = &group->vcpu[index];

    start->answered = false;
    start->result = VCPU_START_RUNS;
    pthread_mutex_lock(&group->lock);
    if (atomic_load(&target->absent)) {
        start->result = VCPU_START_ABSENT;
    } else if (atomic_load(&target->start)) {
        start->result = VCPU_START_PENDING;
    } else if (target != source && !group->quit) { /* there are no kicks after it */
        atomic_store(&target->start, start);
        vcpu_kick(target);
        pthread_cond_broadcast(&group->changed); /* it may wait for an answer itself */
        wait_for_answer(source, target, start);
    }
    pthread_mutex_unlock(&group->lock);
    return start->result;
}
