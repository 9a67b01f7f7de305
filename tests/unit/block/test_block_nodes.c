/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nodes: what -blockdev and blockdev-add say, who may use them, and the locks that other programs see.
 */
#include "block/node.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/json_build.h"

#define SIZE 65536

static char folder[] = "block-nodes-XXXXXX";
static char path[64], odd[64], missing[64];
static struct block_nodes *nodes;
static struct error error;

static int start(void **state)
{
    (void)state;
    nodes = block_nodes_create();
    error.text[0] = '\0';
    return nodes ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    block_nodes_destroy(nodes);
    return 0;
}

/* The text with the image's path for each '%'. */
static char *with_path(const char *text)
{
    static char whole[1000];
    size_t used = 0;

    for (; *text; text++)
        used += (size_t)snprintf(whole + used, sizeof whole - used, *text == '%' ? "%s" : "%.1s",
                                 *text == '%' ? path : text);
    return whole;
}

static bool add(const char *text)
{
    struct props props;
    bool good;

    error.text[0] = '\0';
    props.object = props_parse(with_path(text), "driver", &props.keyval, &error);
    if (!props.object)
        fail_msg("%s: %s", text, error.text);
    good = block_node_check(props, &error) && block_node_add(nodes, props, &error);
    json_object_put(props.object);
    return good;
}

static void must_add(const char *text)
{
    if (!add(text))
        fail_msg("%s: %s", text, error.text);
}

static unsigned count(void)
{
    unsigned number = 0;

    for (struct block_node *node = NULL; (node = block_node_next(nodes, node)) != NULL;)
        number++;
    return number;
}

static struct block_node *find(const char *name)
{
    struct block_node *node = block_node_find(nodes, name);

    assert_non_null(node);
    return node;
}

static void libvirt_s_two_layers(void **state)
{
    (void)state;
    must_add("{'driver':'file','filename':'%','node-name':'libvirt-1-storage','auto-read-only':true,"
             "'discard':'unmap','cache':{'direct':false,'no-flush':false}}");
    must_add("{'node-name':'libvirt-1-format','read-only':false,'discard':'unmap','driver':'raw',"
             "'file':'libvirt-1-storage'}");
    assert_int_equal(block_node_size(find("libvirt-1-format")), SIZE);
    assert_true(block_node_writable(find("libvirt-1-format")));
    assert_true(block_node_discards(find("libvirt-1-format")));
    assert_false(block_node_remove(nodes, "libvirt-1-storage", &error));
    assert_string_equal(error.text,
                        "Node 'libvirt-1-storage' is busy: node 'libvirt-1-format' stands over it; "
                        "blockdev-del that first");
    assert_true(block_node_remove(nodes, "libvirt-1-format", &error));
    assert_true(block_node_remove(nodes, "libvirt-1-storage", &error));
    assert_int_equal(count(), 0);
}

static void a_node_with_its_file_in_it(void **state)
{
    (void)state;
    must_add("raw,node-name=d,read-only=on,file.driver=file,file.filename=%");
    assert_int_equal(count(), 2);
    assert_false(block_node_writable(find("d")));
    /* It is told nothing itself: it gives discards on, and is read-only with the one over it. */
    assert_false(block_node_writable(find("#block0")));
    assert_false(block_node_discards(find("d")));
    assert_true(block_node_remove(nodes, "d", &error));
    assert_int_equal(count(), 0);
    must_add("{'driver':'raw','node-name':'d','file':{'driver':'file','filename':'%','node-name':'f'}}");
    assert_true(block_node_remove(nodes, "d", &error));
    assert_int_equal(count(), 1); /* it has a name of its own */
}

static void what_is_refused(void **state)
{
    static const struct {
        const char *text, *error;
    } rows[] = {
        { "file,filename=%", "'node-name' must be specified for the root node" },
        { "file,node-name=a", "Parameter 'filename' is missing: the path of the image" },
        { "file,filename=,node-name=a", "Parameter 'filename' expects the path of the image; got ''" },
        { "node-name=a,filename=%", "Parameter 'driver' is missing, such as driver=file,filename=disk.img" },
        { "qcow2,node-name=a,file=b",
          "driver 'qcow2': hotram starts qemu-storage-daemon, which serves this format, only for -blockdev and -drive on "
          "the command line. For a running guest, start it: `qemu-storage-daemon --blockdev "
          "qcow2,node-name=disk,file.driver=file,file.filename=IMAGE --export "
          "vhost-user-blk,id=export,node-name=disk,writable=on,addr.type=unix,addr.path=SOCKET`, then `chardev-add "
          "socket,id=disk,path=SOCKET` and `device_add vhost-user-blk-pci,chardev=disk`" },
        { "fil,node-name=a",
          "Unknown driver 'fil'; did you mean 'file'? Available: file, host_device, null-co, raw" },
        { "file,node-name=1a,filename=%",
          "Invalid node-name: '1a': it is letters, digits, '-', '.', '_', starting with a letter" },
        { "file,filename=%,node-name=a2345678901234567890123456789012",
          "Node name too long: 'a2345678901234567890123456789012' has 32 characters, and at most 31 are taken" },
        { "file,node-name=a,filename=%,discard=no",
          "Parameter 'discard' expects one of 'ignore', 'unmap', 'off', 'on'; got 'no'" },
        { "file,node-name=a,filename=%,aio=uring",
          "Parameter 'aio' expects one of 'auto', 'threads', 'io_uring', 'native'; got 'uring'" },
        { "file,node-name=a,filename=%,locking=yes",
          "Parameter 'locking' expects one of 'auto', 'on', 'off'; got 'yes'" },
        { "raw,node-name=a", "Parameter 'file' is missing: file=NODE-NAME, or "
                             "file.driver=file,file.filename=PATH" },
        { "raw,node-name=a,file=",
          "Parameter 'file' expects the node-name of a -blockdev, or is left out for "
          "file.driver=file,file.filename=PATH; got ''" },
        { "raw,node-name=a,file.driver=raw,file.file=",
          "file: Parameter 'file' expects the node-name of a -blockdev, or is left out for "
          "file.driver=file,file.filename=PATH; got ''" },
        { "raw,node-name=a,file=b",
          "Cannot find device='' nor node-name='b': there are no block nodes; -blockdev "
          "and blockdev-add make them" },
        { "raw,node-name=a,file=b,file.driver=file",
          "'file' is given as a name and as a node of its own; one of them is enough" },
        { "null-co,node-name=a,file.driver=file", "driver null-co has no property 'file'" },
        { "raw,node-name=a,file.driver=file",
          "file: Parameter 'filename' is missing: the path of the image" },
        { "null-co,node-name=a,size=1000", "Parameter 'size' expects a multiple of 512 bytes; got 1000" },
        { "null-co,node-name=a,size=8E", "Parameter 'size' expects at most 9223372036854775296 bytes; got "
                                         "9223372036854775808" },
        { "raw,node-name=a,file.driver=null-co,file.latency-ns=x",
          "file: Parameter 'latency-ns' expects a number from 0 to 18446744073709551615; got 'x'" },
        { "{'driver':'file','node-name':'a','filename':'%','cache':true}",
          "driver file has no property 'cache'" },
        { "{'driver':'file','node-name':'a','filename':'%','cache':{'direct':'on'}}",
          "Invalid parameter type for 'cache.direct', expected: boolean" },
        { "{'driver':'raw','node-name':'a','file':7}",
          "Invalid parameter type for 'file', expected: string" },
        { "{'driver':7,'node-name':'a'}", "Invalid parameter type for 'driver', expected: string" },
        { "host_device,node-name=a,filename=%", "requires '" },
        { "file,node-name=a,filename=/", "'file' driver requires '/' to be a regular file" },
        { "file,node-name=a,filename=/dev/null", "'file' driver requires '/dev/null' to be a regular file" },
        { "raw,node-name=a,file.file.file.file.file.file.file.file.file.file.file.file.driver=file",
          "file: " },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_false(add(rows[i].text));
        if (!strstr(error.text, rows[i].error))
            fail_msg("%s: %s", rows[i].text, error.text);
        assert_int_equal(count(), 0);
    }
}

static void images_that_cannot_be(void **state)
{
    char text[200], expected[300];

    (void)state;
    snprintf(text, sizeof text, "file,node-name=a,filename=%s", odd);
    assert_false(add(text));
    snprintf(expected, sizeof expected,
             "the size of '%s', 1000 bytes, is not a multiple of 512; `truncate -s 1024 %s` makes it one",
             odd, odd);
    assert_string_equal(error.text, expected);
    snprintf(text, sizeof text, "file,node-name=a,filename=%s", missing);
    assert_false(add(text));
    snprintf(expected, sizeof expected,
             "Could not open '%s': No such file or directory; `truncate -s 10G FILE` makes an empty image",
             missing);
    assert_string_equal(error.text, expected);
    must_add("file,node-name=a,filename=%");
    assert_false(add("null-co,node-name=a"));
    assert_string_equal(error.text, "Duplicate nodes with node-name='a'; blockdev-del frees a name");
    assert_false(block_node_remove(nodes, "b", &error));
    assert_non_null(strstr(error.text, "Failed to find node with node-name='b'"));
}

/* Root writes to every file. */
static void images_without_the_right_to_write(void **state)
{
    (void)state;
    if (geteuid() == 0) {
        printf("# not tested as root\n");
        return;
    }
    assert_int_equal(chmod(path, 0400), 0);
    assert_false(add("file,node-name=a,filename=%"));
    assert_non_null(strstr(error.text, "Permission denied; read-only=on opens it for reading alone"));
    must_add("file,node-name=a,filename=%,auto-read-only=on");
    assert_false(block_node_writable(find("a")));
    assert_false(add("raw,node-name=b,file=a"));
    assert_string_equal(error.text, "Block node 'a' can only be read, so one over it needs read-only=on");
    must_add("raw,node-name=b,file=a,read-only=on");
    assert_int_equal(chmod(path, 0600), 0);
}

static void one_writes_or_many_read(void **state)
{
    struct block_user writer = { .name = "disk 'w'", .write = true },
                      other = { .name = "disk 'o'", .write = true };
    struct block_user reader = { .name = "disk 'r'" }, second = { .name = "disk 's'" };

    (void)state;
    must_add("file,node-name=f,filename=%");
    must_add("raw,node-name=d,file=f");
    must_add("raw,node-name=r,file=f,read-only=on");
    assert_false(block_node_use(find("r"), &writer, &error));
    assert_string_equal(error.text, "Block node 'r' is read-only");
    assert_true(block_node_use(find("d"), &writer, &error));
    /* By whatever name. */
    assert_false(block_node_use(find("d"), &other, &error));
    assert_string_equal(error.text,
                        "Block node 'd' is in use: disk 'w' writes it, and who writes shares it with "
                        "nobody; take another image, or share-rw=on of both disks for a file system that "
                        "is made for that");
    assert_false(block_node_use(find("f"), &other, &error));
    assert_false(block_node_use(find("r"), &reader, &error));
    assert_false(block_node_remove(nodes, "d", &error));
    assert_string_equal(error.text, "Node d is in use: by disk 'w'; device_del frees it");
    writer.stays = true;
    assert_false(block_node_remove(nodes, "d", &error));
    assert_string_equal(error.text,
                        "Node d is in use: by disk 'w'; that device stays with the machine, since it is "
                        "not behind a pcie-root-port with hotplug=on");
    block_node_leave(&writer);
    assert_true(block_node_use(find("r"), &reader, &error));
    assert_true(block_node_use(find("r"), &second, &error));
    assert_false(block_node_use(find("d"), &writer, &error));
    assert_string_equal(error.text,
                        "Block node 'd' is in use: disk 's' reads it, and who writes shares it with "
                        "nobody; take another image, or share-rw=on of both disks for a file system that "
                        "is made for that");
    block_node_leave(&reader);
    block_node_leave(&second);
    block_node_leave(&second);
    assert_true(block_node_use(find("f"), &writer, &error));
    block_node_leave(&writer);
}

/* Those that share have the locks of one node, so they are of one kind; nodes of one image need not be. */
static void many_write_what_they_share(void **state)
{
    struct block_user one = { .name = "disk 'a'", .write = true, .share = true },
                      two = { .name = "disk 'b'", .write = true, .share = true },
                      alone = { .name = "disk 'c'", .write = true },
                      reader = { .name = "disk 'r'", .share = true };

    (void)state;
    must_add("file,node-name=f,filename=%");
    must_add("file,node-name=g,filename=%");
    assert_true(block_node_use(find("f"), &one, &error));
    assert_true(block_node_use(find("f"), &two, &error));
    assert_false(block_node_use(find("f"), &reader, &error));
    assert_string_equal(
        error.text, "Block node 'f' is in use: disk 'b' writes it with share-rw=on; for a disk that reads "
                    "with share-rw=on, give the image a node of its own (blockdev-add)");
    assert_true(block_node_use(find("g"), &reader, &error));
    block_node_leave(&reader);
    assert_false(block_node_use(find("g"), &alone, &error));
    assert_non_null(strstr(error.text, "Failed to get shared \"write\" lock"));
    assert_false(block_node_use(find("f"), &alone, &error));
    assert_non_null(strstr(error.text, "for a disk that writes with share-rw=off"));
    block_node_leave(&one);
    block_node_leave(&two);
    assert_true(block_node_use(find("f"), &alone, &error));
    assert_false(block_node_use(find("g"), &one, &error));
    block_node_leave(&alone);
}

/* ---- locks ---- */

/* As another program: whether byte 100 + n (it is used) and 200 + n (nobody else may) are taken. */
static unsigned taken(off_t from)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    unsigned bits = 0;

    assert_true(fd >= 0);
    for (unsigned i = 0; i < 8; i++) {
        struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = from + i, .l_len = 1 };

        assert_int_equal(fcntl(fd, F_OFD_GETLK, &lock), 0);
        bits |= lock.l_type != F_UNLCK ? 1u << i : 0;
    }
    close(fd);
    return bits;
}

static void locks_are_at_qemu_s_bytes(void **state)
{
    struct block_user user = { .name = "disk 'w'", .write = true };

    (void)state;
    must_add("file,node-name=f,filename=%");
    assert_int_equal(taken(100) | taken(200), 0);
    assert_true(block_node_use(find("f"), &user, &error));
    assert_int_equal(taken(100), 1 | 2 | 8);
    assert_int_equal(taken(200), 2);
    block_node_leave(&user);
    assert_int_equal(taken(100) | taken(200), 0);
    user.write = false;
    assert_true(block_node_use(find("f"), &user, &error));
    assert_int_equal(taken(100), 1);
    assert_int_equal(taken(200), 2);
    block_node_leave(&user);
    user.share = true; /* nobody is kept from writing */
    for (unsigned write = 0; write < 2; write++) {
        user.write = write;
        assert_true(block_node_use(find("f"), &user, &error));
        assert_int_equal(taken(100), write ? 1 | 2 | 8 : 1);
        assert_int_equal(taken(200), 0);
        block_node_leave(&user);
    }
    user.share = false;
    must_add("file,node-name=free,filename=%,locking=off");
    assert_true(block_node_use(find("free"), &user, &error));
    assert_int_equal(taken(100) | taken(200), 0);
    block_node_leave(&user);
}

/* What another program has: a byte, and whether those who write or read then fail. */
static void others_locks_are_kept(void **state)
{
    static const struct {
        off_t byte;
        bool writer, reader; /* may */
        const char *error;
    } rows[] = {
        { 100, true, true, NULL },
        { 101, false, false, "Failed to get shared \"write\" lock" },
        { 103, true, true, NULL },
        { 200, false, false, "Failed to get \"consistent read\" lock" },
        { 201, false, true, "Failed to get \"write\" lock" },
        { 203, false, true, "Failed to get \"resize\" lock" },
    };

    (void)state;
    must_add("file,node-name=f,filename=%");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (unsigned write = 0; write < 2; write++) {
            struct block_user user = { .name = "disk 'w'", .write = write };
            struct flock lock = {
                .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = rows[i].byte, .l_len = 1
            };
            int fd = open(path, O_RDWR | O_CLOEXEC);
            bool good;

            assert_true(fd >= 0);
            assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), 0);
            good = block_node_use(find("f"), &user, &error);
            assert_int_equal(good, write ? rows[i].writer : rows[i].reader);
            if (!good)
                assert_non_null(strstr(error.text, rows[i].error));
            block_node_leave(&user);
            close(fd);
            assert_int_equal(taken(100) | taken(200), 0); /* nothing stays of a failure */
        }
}

/* A guest moves: whoever uses its images then has no locks, and gets all or none. */
static void locks_are_lent(void **state)
{
    struct block_user one = { .name = "disk 'a'", .write = true },
                      two = { .name = "disk 'b'", .write = true };

    (void)state;
    must_add("file,node-name=a,filename=%");
    must_add("file,node-name=b,filename=%");
    assert_true(block_nodes_lock(nodes, &error)); /* they are */
    assert_true(block_node_use(find("a"), &one, &error));
    assert_int_equal(taken(100), 1 | 2 | 8);
    block_nodes_unlock(nodes);
    block_nodes_unlock(nodes);
    assert_int_equal(taken(100) | taken(200), 0);
    assert_true(block_node_use(find("b"), &two, &error));
    assert_false(block_nodes_lock(nodes, &error));
    assert_non_null(strstr(error.text, "Failed to get \"write\" lock"));
    assert_int_equal(taken(100) | taken(200), 0);
    block_node_leave(&one);
    assert_true(block_nodes_lock(nodes, &error));
    assert_int_equal(taken(100), 1 | 2 | 8);
    assert_int_equal(taken(200), 2);
    block_node_leave(&two);
    assert_int_equal(taken(100) | taken(200), 0);
}

/* Two nodes of one file do not see each other but by the locks. */
static void the_same_file_twice(void **state)
{
    struct block_user one = { .name = "disk 'a'", .write = true },
                      two = { .name = "disk 'b'", .write = true };

    (void)state;
    must_add("file,node-name=a,filename=%");
    must_add("file,node-name=b,filename=%");
    assert_true(block_node_use(find("a"), &one, &error));
    assert_false(block_node_use(find("b"), &two, &error));
    assert_non_null(strstr(error.text,
                           "Block node 'b': Failed to get \"write\" lock: another program uses the "
                           "image"));
    block_node_leave(&one);
}

/* Whether a command that opens the image has done so; -1: QEMU's tools are not installed. */
static int qemu(const char *command)
{
    char whole[200];

    if (system("command -v qemu-io >/dev/null 2>&1") != 0)
        return -1;
    snprintf(whole, sizeof whole, "%s %s >/dev/null 2>&1", command, path);
    return system(whole) == 0;
}

#define WRITE_IT "qemu-io -f raw -c 'read 0 512'"

static void qemu_keeps_off_an_image_in_use(void **state)
{
    struct block_user user = { .name = "disk 'w'", .write = true };

    (void)state;
    if (qemu(WRITE_IT) < 0) {
        printf("# not tested: there is no qemu-io\n");
        return;
    }
    assert_int_equal(qemu(WRITE_IT), 1);
    must_add("file,node-name=f,filename=%");
    assert_true(block_node_use(find("f"), &user, &error));
    assert_int_equal(qemu(WRITE_IT), 0);
    block_node_leave(&user);
    user.write = false;
    assert_true(block_node_use(find("f"), &user, &error));
    assert_int_equal(qemu(WRITE_IT), 0);
    block_node_leave(&user);
    assert_int_equal(qemu(WRITE_IT), 1);
}

/* The other way round: qemu-io has it while it waits for its next command. */
static void an_image_that_qemu_has(void **state)
{
    struct block_user writer = { .name = "disk 'w'", .write = true }, reader = { .name = "disk 'r'" };
    char command[200];
    FILE *stream;

    (void)state;
    if (qemu(WRITE_IT) < 0) {
        printf("# not tested: there is no qemu-io\n");
        return;
    }
    must_add("file,node-name=f,filename=%");
    snprintf(command, sizeof command, "exec qemu-io -f raw %s >/dev/null 2>&1", path);
    stream = popen(command, "we");
    assert_non_null(stream);
    while ((taken(100) & 2) == 0)
        usleep(10000);
    assert_false(block_node_use(find("f"), &writer, &error));
    assert_non_null(strstr(error.text, "Failed to get shared \"write\" lock"));
    assert_false(block_node_use(find("f"), &reader, &error));
    assert_non_null(strstr(error.text, "Failed to get shared \"write\" lock"));
    pclose(stream);
    assert_true(block_node_use(find("f"), &writer, &error));
    block_node_leave(&writer);
}

/* ---- sizes ---- */

static unsigned told;

static void note_size(void *opaque)
{
    (void)opaque;
    told++;
}

static void a_disk_grows(void **state)
{
    struct block_user user = { .name = "disk 'w'", .write = true, .resized = note_size };
    struct stat file;

    (void)state;
    must_add("raw,node-name=d,file.driver=file,file.filename=%");
    assert_true(block_node_use(find("d"), &user, &error));
    told = 0;
    assert_true(block_node_resize(find("d"), 2 * SIZE, &error));
    assert_int_equal(told, 1);
    assert_int_equal(block_node_size(find("d")), 2 * SIZE);
    assert_int_equal(stat(path, &file), 0);
    assert_int_equal(file.st_size, 2 * SIZE);
    assert_false(block_node_resize(find("d"), 2 * SIZE + 100, &error));
    assert_string_equal(error.text, "The new size must be a multiple of 512; got 131172");
    assert_false(block_node_resize(find("d"), SIZE, &error));
    assert_non_null(strstr(error.text, "it can only become larger"));
    assert_false(block_node_resize(find("d"), UINT64_MAX - 511, &error));
    assert_non_null(strstr(error.text, "File too large"));
    assert_int_equal(told, 1);
    block_node_leave(&user);
    assert_true(block_node_resize(find("d"), SIZE, &error));
    assert_int_equal(block_node_size(find("d")), SIZE);
}

/* io_uring gives EAGAIN where a read of such a descriptor would wait. */
static void descriptors_wait(void **state)
{
    char link[64], where[200];
    bool seen = false;

    (void)state;
    must_add("file,node-name=f,filename=%");
    for (int fd = 3; fd < 100; fd++) {
        ssize_t length;

        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        length = readlink(link, where, sizeof where - 1);
        if (length < 0)
            continue;
        where[length] = '\0';
        if (strstr(where, folder)) {
            assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
            assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
            seen = true;
        }
    }
    assert_true(seen);
}

static void what_queries_show(void **state)
{
    struct block_node_info node, below;
    struct block_stats stats = { .highest = 5 };
    struct block_stats_info info;

    (void)state;
    must_add("raw,node-name=d,file.driver=file,file.filename=%,file.node-name=f");
    block_node_inspect(find("d"), &node);
    assert_int_equal(node.size, SIZE);
    assert_string_equal(node.name, "d");
    assert_string_equal(node.driver, "raw");
    assert_string_equal(node.filename, path);
    assert_true(node.writable);
    assert_false(node.direct || node.no_flush);
    assert_ptr_equal(node.below, find("f"));
    block_node_inspect(node.below, &below);
    assert_string_equal(below.driver, "file");
    assert_null(below.below);
    stats.of[BLOCK_WRITE].bytes = 7;
    block_stats_inspect(&stats, &info);
    assert_int_equal(info.of[BLOCK_WRITE].bytes, 7);
    assert_int_equal(info.highest, 5);
    assert_false(info.used);
    stats.last = 1;
    block_stats_inspect(&stats, &info);
    assert_true(info.used && info.idle > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(libvirt_s_two_layers, start, stop),
        cmocka_unit_test_setup_teardown(a_node_with_its_file_in_it, start, stop),
        cmocka_unit_test_setup_teardown(what_is_refused, start, stop),
        cmocka_unit_test_setup_teardown(images_that_cannot_be, start, stop),
        cmocka_unit_test_setup_teardown(images_without_the_right_to_write, start, stop),
        cmocka_unit_test_setup_teardown(one_writes_or_many_read, start, stop),
        cmocka_unit_test_setup_teardown(many_write_what_they_share, start, stop),
        cmocka_unit_test_setup_teardown(locks_are_at_qemu_s_bytes, start, stop),
        cmocka_unit_test_setup_teardown(others_locks_are_kept, start, stop),
        cmocka_unit_test_setup_teardown(locks_are_lent, start, stop),
        cmocka_unit_test_setup_teardown(the_same_file_twice, start, stop),
        cmocka_unit_test_setup_teardown(qemu_keeps_off_an_image_in_use, start, stop),
        cmocka_unit_test_setup_teardown(an_image_that_qemu_has, start, stop),
        cmocka_unit_test_setup_teardown(a_disk_grows, start, stop),
        cmocka_unit_test_setup_teardown(descriptors_wait, start, stop),
        cmocka_unit_test_setup_teardown(what_queries_show, start, stop),
    };
    int fd, failed;

    if (!json_prepare() || !mkdtemp(folder))
        return EXIT_FAILURE;
    snprintf(path, sizeof path, "%s/disk", folder);
    snprintf(odd, sizeof odd, "%s/odd", folder);
    snprintf(missing, sizeof missing, "%s/missing", folder);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, SIZE) < 0 || close(fd) < 0)
        return EXIT_FAILURE;
    fd = open(odd, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, 1000) < 0 || close(fd) < 0)
        return EXIT_FAILURE;
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    return unlink(path) < 0 || unlink(odd) < 0 || rmdir(folder) < 0 ? EXIT_FAILURE : failed;
}
