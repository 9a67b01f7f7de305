/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A vCPU's MSRs at a reset, where KVM, which is the test, takes one of them back from nobody.
 */
#include "../unit.h"

#include <errno.h>
#include <linux/kvm.h>

#include "kvm/vcpu.h"
#include "kvm/x86_state.h"

#define DE_CFG 0xc0011029u
#define OSVW 0xc0010140u
#define SYSENTER 0x174u

static uint32_t refused; /* by KVM_SET_MSRS, once the guest has run; 0: none */
static uint32_t feature; /* what KVM's list of features has */
static bool list_fails;
static unsigned set_count; /* MSRs that were put back */

static bool is_there(uint32_t index)
{
    return index == DE_CFG || index == OSVW || index == SYSENTER;
}

static int list(struct kvm_msr_list *out, uint32_t index)
{
    uint32_t room = out->nmsrs;

    out->nmsrs = 1;
    if (room < 1) {
        errno = E2BIG;
        return -1;
    }
    out->indices[0] = index;
    return 0;
}

static int pass(const struct kvm_msrs *msrs, bool set)
{
    uint32_t i = 0;

    while (i < msrs->nmsrs && is_there(msrs->entries[i].index) && !(set && msrs->entries[i].index == refused))
        i++;
    set_count += set ? i : 0;
    return (int)i;
}

int __wrap_ioctl(int fd, unsigned long request, void *argument);
int __wrap_ioctl(int fd, unsigned long request, void *argument)
{
    (void)fd;
    switch (request) {
    case KVM_GET_MSR_INDEX_LIST:
        return list(argument, SYSENTER);
    case KVM_GET_MSR_FEATURE_INDEX_LIST:
        errno = ENOMEM;
        return list_fails ? -1 : list(argument, feature);
    case KVM_GET_MSRS:
    case KVM_SET_MSRS:
        return pass(argument, request == KVM_SET_MSRS);
    default:
        return 0;
    }
}

/* A reset after a run in which `what` became what KVM does not take back. */
static bool reset_without(uint32_t what, struct error *error)
{
    static const struct vm vm = { .kvm_fd = -1 };
    static struct vcpus group = { .vm = &vm };
    struct vcpu vcpu = { .group = &group, .fd = -1 };
    bool good;

    refused = 0;
    assert_true(x86_state_read(&vcpu, error));
    refused = what;
    set_count = 0;
    good = x86_state_restore(&vcpu, error);
    x86_state_free(&vcpu);
    return good;
}

static void a_feature_that_stays_does_not_stop_the_reset(void **state)
{
    static const uint32_t indices[] = { DE_CFG, OSVW, SYSENTER };
    struct error error;

    (void)state;
    list_fails = false;
    for (size_t i = 0; i < COUNT_OF(indices); i++) {
        feature = indices[i];
        assert_true(reset_without(indices[i], &error));
        assert_int_equal(set_count, 2); /* all others */
    }
}

static void what_else_is_refused_is_named(void **state)
{
    struct error error;

    (void)state;
    list_fails = false;
    feature = DE_CFG;
    assert_false(reset_without(OSVW, &error));
    assert_non_null(strstr(error.text, "MSR 0xc0010140 with 0x0"));
    list_fails = true; /* nothing is known of it */
    assert_false(reset_without(DE_CFG, &error));
    assert_non_null(strstr(error.text, "MSR 0xc0011029"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_feature_that_stays_does_not_stop_the_reset),
        cmocka_unit_test(what_else_is_refused_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
