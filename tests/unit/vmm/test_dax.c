/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory of the host behind a character device (device DAX). No machine needs one for this: sysfs is a folder
 * of the test's, in which /dev/zero, whose shared mappings are memory, is a device of 8 MiB.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/count_of.h"
#include "base/loop.h"
#include "kvm/vm.h"
#include "memory/backend.h"
#include "memory/backend_memory.h"
#include "memory/dax.h"

#define MIB (UINT64_C(1) << 20)
#define ZERO "1:5" /* /dev/zero */

static char folder[] = "/tmp/test_dax.XXXXXX";
static struct backends *backends;
static struct loop *loop;

bool vm_set_kvm_slot(const struct vm *vm, unsigned kvm_slot, uint64_t guest_address, uint64_t size,
                     void *host, unsigned flags, struct error *error)
{
    (void)vm, (void)kvm_slot, (void)guest_address, (void)size, (void)host, (void)flags, (void)error;
    return true;
}

/* A file in sysfs; NULL: it is not there. */
static void put(const char *name, const char *text)
{
    char path[200];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (!text) {
        assert_true(unlink(path) == 0 || access(path, F_OK) != 0);
        return;
    }
    file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void link_subsystem(const char *target)
{
    char path[200];

    put(ZERO "/subsystem", NULL);
    snprintf(path, sizeof path, "%s/" ZERO "/subsystem", folder);
    assert_int_equal(symlink(target, path), 0);
}

static int set_up(void **state)
{
    (void)state;
    put(ZERO "/size", "8388608\n");
    put(ZERO "/align", "4194304\n");
    put("dax_region/align", NULL);
    link_subsystem("../../../bus/dax");
    loop = loop_create();
    backends = backends_create(loop, &(struct backend_defaults){ .dump = true, .threads = 1 });
    return loop && backends ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    backends_destroy(backends);
    loop_destroy(loop);
    return 0;
}

/* What sysfs says, in the places that it has had for it. */
static void what_sysfs_says(void **state)
{
    const dev_t zero = makedev(1, 5);
    struct error error;
    struct dax dax;

    (void)state;
    assert_true(dax_is(zero) && !dax_is(makedev(1, 3)));
    assert_true(dax_inspect(zero, &dax, &error));
    assert_int_equal(dax.size, 8 * MIB);
    assert_int_equal(dax.align, 4 * MIB);
    put(ZERO "/align", NULL);
    assert_false(dax_inspect(zero, &dax, &error));
    assert_non_null(strstr(error.text, ZERO "/align does not state the alignment"));
    put("dax_region/align", "2097152\n");
    assert_true(dax_inspect(zero, &dax, &error));
    assert_int_equal(dax.align, 2 * MIB);
    for (const char *const *wrong =
             (const char *const[]){ "0\n", "12288\n", "2M\n", "\n", "", "-1\n", "512\n", NULL };
         *wrong; wrong++) {
        put("dax_region/align", *wrong);
        assert_false(dax_inspect(zero, &dax, &error));
    }
    put(ZERO "/size", "much\n");
    assert_false(dax_inspect(zero, &dax, &error));
    assert_non_null(strstr(error.text, ZERO "/size does not state the size"));
    link_subsystem("../../../class/mem");
    assert_false(dax_is(zero));
}

static struct backend *make(const char *json, struct error *error)
{
    struct json_object *object = json_tokener_parse(json);
    struct backend *backend;

    assert_non_null(object);
    json_object_object_add(object, "qom-type", json_object_new_string("memory-backend-file"));
    json_object_object_add(object, "id", json_object_new_string("m"));
    backend = backend_add(backends, (struct props){ .object = object }, error);
    json_object_put(object);
    return backend;
}

#define ON_ZERO "'mem-path': '/dev/zero'"

static void it_is_memory(void **state)
{
    struct error error;
    struct backend *backend;

    (void)state;
    backend = make("{\"mem-path\": \"/dev/zero\", \"share\": true, \"size\": 4194304}", &error);
    if (!backend)
        fail_msg("%s", error.text);
    assert_true(backend_map(backend, &error));
    assert_int_equal((uintptr_t)backend->memory % (4 * MIB), 0);
    assert_int_equal(backend_alignment(backend), 4 * MIB);
    memset(backend->memory, 7, 4 * MIB);
    assert_false(backend_is_short(backend, &error)); /* the size of a device is not stat()'s */
    backend_release(backend);
    assert_true(backend_map(backend, &error));
    backend_unmap(backend);
}

static void what_is_refused(void **state)
{
    static const struct {
        const char *json, *message;
    } cases[] = {
        { "{" ON_ZERO ", 'size': 4194304}",
          "'/dev/zero' is device memory (DAX), which can only be shared: add share=on" },
        { "{" ON_ZERO ", 'share': true, 'size': 2097152}", "memory size must be multiple of the page size" },
        { "{" ON_ZERO ", 'share': true, 'size': 4194304, 'offset': 2097152}",
          "offset 2 MiB is not a multiple" },
        { "{" ON_ZERO ", 'share': true, 'size': 8388608, 'offset': 4194304}",
          "backing store size 8 MiB of '/dev/zero' does not match 'size' option 8 MiB at its offset: the device is too "
          "small" },
        { "{" ON_ZERO ", 'share': true, 'size': 4194304, 'align': 2097152}",
          "backing store align 0x400000 is larger than 'align' option 0x200000" },
        { "{" ON_ZERO ", 'share': true, 'size': 4194304, 'discard-data': true}", "discard-data=on" },
        { "{'mem-path': '/dev/null', 'share': true, 'size': 4194304}", "it is a device, not a regular file" },
    };
    struct error error;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char json[200];

        snprintf(json, sizeof json, "%s", cases[i].json);
        for (char *p = json; *p; p++)
            *p = *p == '\'' ? '"' : *p;
        assert_null(make(json, &error));
        if (!strstr(error.text, cases[i].message))
            fail_msg("%s: %s", cases[i].json, error.text);
    }
    put(ZERO "/size", NULL);
    assert_null(make("{\"mem-path\": \"/dev/zero\", \"share\": true, \"size\": 4194304}", &error));
    assert_non_null(strstr(error.text, ZERO "/size does not state the size of the device: No such file"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_sysfs_says, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_is_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_refused, set_up, tear_down),
    };
    char path[200];
    int failed;

    if (!mkdtemp(folder))
        return 1;
    for (const char *const *name = (const char *const[]){ ZERO, "dax_region", NULL }; *name; name++) {
        snprintf(path, sizeof path, "%s/%s", folder, *name);
        if (mkdir(path, 0700) < 0)
            return 1;
    }
    dax_sysfs = folder;
    cmocka_set_message_output(CM_OUTPUT_TAP);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    snprintf(path, sizeof path, "rm -rf %s", folder);
    return failed || system(path) != 0;
}
