/* SPDX-License-Identifier: BSD-2-Clause */
/* -readconfig: a file's sections are the options of their names; what is wrong is named with its line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/count_of.h"
#include "base/props.h"
#include "command_line.h"

#define MIB (UINT64_C(1) << 20)

/* A file of this text; its descriptor. */
static int file_of(const char *bytes, size_t length)
{
    const int fd = memfd_create("config", 0);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, length), length);
    return fd;
}

/* The words of a line in which %d is the file. */
static enum config_result parse_with(struct config *config, const char *form, int fd, struct error *error)
{
    char line[200];

    snprintf(line, sizeof line, "-S ");
    /* NOLINTNEXTLINE: the tests' own forms */
    snprintf(line + 3, sizeof line - 3, form, fd, fd);
    return parse_line(config, line, error);
}

static void parse_text(struct config *config, const char *text)
{
    const int fd = file_of(text, strlen(text));
    struct error error;

    if (parse_with(config, "-nodefaults -readconfig /dev/fd/%d", fd, &error) != CONFIG_RUN)
        fail_msg("%s: %s", text, error.text);
    close(fd);
}

static const char *property(const struct object_config *object, const char *name)
{
    return props_string((struct props){ object->object, object->keyval }, name, NULL);
}

/* As Incus writes it, without what hotram has not. */
static void what_incus_writes(void **state)
{
    struct config config;

    (void)state;
    parse_text(
        &config,
        "# Machine\n[machine]\ngraphics = \"off\"\ntype = \"hotram-1\"\naccel = \"kvm\"\nusb = \"off\"\n\n"
        "[global]\ndriver = \"ICH9-LPC\"\nproperty = \"disable_s3\"\nvalue = \"1\"\n\n"
        "[boot-opts]\nstrict = \"on\"\n\n"
        "# Memory\n[memory]\nsize = \"1024M\"\nmaxmem = \"4096M\"\nslots = \"8\"\n\n"
        "# CPU\n[smp-opts]\ncpus = \"2\"\nsockets = \"1\"\ncores = \"2\"\nthreads = \"1\"\n\n"
        "[object \"mem0\"]\nqom-type = \"memory-backend-memfd\"\nsize = \"1024M\"\nshare = \"on\"\n"
        "policy = \"bind\"\nhost-nodes.0 = \"0\"\n\n"
        "[numa]\ntype = \"node\"\nnodeid = \"0\"\nmemdev = \"mem0\"\n\n"
        "# Qemu control\n[chardev \"monitor\"]\nbackend = \"socket\"\npath = \"/x/a b.sock\"\n"
        "server = \"on\"\nwait = \"off\"\n\n[mon]\nchardev = \"monitor\"\nmode = \"control\"\n\n"
        "[object \"qemu_rng\"]\nqom-type = \"rng-random\"\nfilename = \"/dev/urandom\"\n\n"
        "[netdev \"n\"]\n  type = \"user\"\n\n[drive \"d\"]\n  file = \"/x/a,b\"  # CHANGE ME\n"
        "  format = \"raw\"\n  if = \"none\"\n");
    assert_int_equal(config.ram_size, 1024 * MIB);
    assert_int_equal(config.maxmem, 4096 * MIB);
    assert_int_equal(config.slots, 8);
    assert_int_equal(config.cores, 2);
    assert_int_equal(config.object_count, 2);
    assert_string_equal(property(&config.objects[0], "id"), "mem0");
    assert_string_equal(property(&config.objects[0], "host-nodes"), "0");
    assert_string_equal(property(&config.objects[1], "filename"), "/dev/urandom");
    assert_string_equal(config.numa.memdev[0], "mem0");
    assert_int_equal(config.chardev_count, 1);
    assert_string_equal(config.chardevs[0].path, "/x/a b.sock");
    assert_true(config.chardevs[0].server);
    assert_false(config.chardevs[0].wait);
    assert_int_equal(config.monitor_count, 1);
    assert_true(config.monitors[0].control);
    assert_string_equal(property(&config.netdevs[0], "type"), "user");
    assert_string_equal(property(&config.blockdevs[0], "node-name"), "d");
    assert_string_equal(property(&config.blockdevs[0], "file.filename"), "/x/a,b");
    config_free(&config);
}

/* Each section counts where -readconfig stands: later options overrule it, earlier ones are overruled. */
static void order(void **state)
{
    static const char text[] = "[memory]\n size = \"256\"\n[name]\n guest = \"file\"\n";
    const int fd = file_of(text, strlen(text));
    struct config config;
    struct error error;

    (void)state;
    assert_int_equal(parse_with(&config, "-m 1G -name line -readconfig /proc/self/fd/%d", fd, &error),
                     CONFIG_RUN);
    assert_int_equal(config.ram_size, 256 * MIB);
    assert_string_equal(config.name, "file");
    config_free(&config);
    assert_int_equal(parse_with(&config, "--readconfig /dev/fd/%d -m 1G -name line", fd, &error), CONFIG_RUN);
    assert_int_equal(config.ram_size, 1024 * MIB);
    assert_string_equal(config.name, "line");
    config_free(&config);
    assert_int_equal(parse_with(&config, "-add-fd fd=%d,set=7 -readconfig /dev/fdset/7", fd, &error),
                     CONFIG_RUN);
    assert_int_equal(config.ram_size, 128 * MIB); /* the set's descriptor stands at the end of the file */
    config_free(&config);
    lseek(fd, 0, SEEK_SET);
    assert_int_equal(parse_with(&config, "-add-fd fd=%d,set=7 -readconfig /dev/fdset/7", fd, &error),
                     CONFIG_RUN);
    assert_int_equal(config.ram_size, 256 * MIB);
    config_free(&config);
    close(fd);
}

/* A pipe is read to its end by its descriptor, whether or not it waits. */
static void pipes(void **state)
{
    static const char text[] = "[memory]\n size = \"256\"\n";

    (void)state;
    for (int flags = 0; flags <= O_NONBLOCK; flags += O_NONBLOCK) {
        struct config config;
        struct error error;
        int ends[2];

        assert_int_equal(pipe2(ends, flags), 0);
        assert_int_equal(write(ends[1], text, strlen(text)), strlen(text));
        close(ends[1]);
        assert_int_equal(parse_with(&config, "-readconfig /dev/fd/%d", ends[0], &error), CONFIG_RUN);
        assert_int_equal(config.ram_size, 256 * MIB);
        config_free(&config);
        close(ends[0]);
    }
}

/* Texts that are refused, and what is said of them. */
static const struct {
    const char *text, *message;
} bad[] = {
    { "size = \"1\"\n", "line 1: no group defined: 'size' stands before the first [GROUP]" },
    { "\n# c\nhello\n", "line 3: no group defined: KEY = \"VALUE\" is expected; got 'hello'" },
    { "[memory]\n size = \"128\n", "line 2: parse error: the value of 'size' lacks its closing quote" },
    { "[memory]\n size = 128\n",
      "line 2: parse error: the value of 'size' must be in quotes: size = \"VALUE\"" },
    { "[memory]\n size=\"128\"\n", "line 2: parse error: a blank is missing between 'size' and '='" },
    { "[memory]\n size = \"1\" \"2\"\n",
      "line 2: parse error: only a comment may follow the value of 'size'" },
    { "[memory]\n size\n", "line 2: parse error: KEY = \"VALUE\" is expected; got 'size'" },
    { "[memory]\n si,ze = \"1\"\n", "line 2: parse error: KEY = \"VALUE\" is expected" },
    { "[memory]\n  [machine]\n", "line 2: parse error: KEY = \"VALUE\" is expected; got '[machine]'" },
    { "[memory]\r\n", "line 1: byte 9 is 0x0d, a control character (carriage return)" },
    { "[machine\n", "line 1: parse error: [GROUP] or [GROUP \"ID\"] is expected; got '[machine'" },
    { "[]\n", "line 1: parse error: [GROUP]" },
    { "[device \"\"]\n", "line 1: parse error: [GROUP]" },
    { "[device \"x]\n", "line 1: parse error: [GROUP]" },
    { "[device x]\n", "line 1: parse error: [GROUP]" },
    { "[device \"x\"] y\n", "line 1: parse error: [GROUP]" },
    { "[foo]\n a = \"1\"\n",
      "line 1: [foo]: There is no option group 'foo'; available: accel, action, add-fd, audiodev" },
    { "[memry]\n", "line 1: [memry]: There is no option group 'memry'; did you mean 'memory'?" },
    { "[fsdev \"f\"]\n", "line 1: [fsdev]: QEMU option group not supported by hotram (no shared folders)" },
    { "[memory]\n  sise = \"1\"\n", "line 1: [memory]: " },
    { "\n[device \"d\"]\n driver = \"virtio-vga\"\n",
      "line 2: -device virtio-vga,id=d: hotram has no video card; -machine ignore-absent=on starts without it" },
    { "[device \"d\"]\n", "line 1: [device]: Parameter 'driver' is missing" },
    { "[chardev]\n backend = \"null\"\n", "line 1: [chardev]: Parameter 'id' is missing" },
    { "[chardev \"a\"]\n backend = \"null\"\n[chardev \"a\"]\n backend = \"null\"\n",
      "line 3: [chardev]: Duplicate ID 'a' for chardev: already in use by -chardev id=a,backend=null" },
    { "[global]\n driver = \"ICH9-LPC\"\n property = \"disable_s3\"\n value = \"0\"\n",
      "line 1: [global]: the guest has no suspend to RAM" },
    { "[global]\n property = \"p\"\n value = \"1.5\"\n", "line 1: [global]: Parameter 'driver' is missing" },
};

static void refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        const int fd = file_of(bad[i].text, strlen(bad[i].text));
        struct config config;
        struct error error;
        char prefix[64];

        assert_int_equal(parse_with(&config, "-readconfig /dev/fd/%d", fd, &error), CONFIG_ERROR);
        snprintf(prefix, sizeof prefix, "-readconfig /dev/fd/%d: line ", fd);
        if (strncmp(error.text, prefix, strlen(prefix)) != 0 || !strstr(error.text, bad[i].message))
            fail_msg("%s: %s", bad[i].text, error.text);
        config_free(&config);
        close(fd);
    }
}

/* All sections that are wrong are named in one run, with those of the command line. */
static void all_at_once(void **state)
{
    static const char text[] = "[device \"g\"]\n driver = \"virtio-vga\"\n[memory]\n size = \"64\"\n"
                               "[chardev \"s\"]\n backend = \"spicevmc\"\n[tpmdev \"t\"]\n";
    const int fd = file_of(text, strlen(text));
    struct config config;
    struct error error;

    (void)state;
    assert_int_equal(parse_with(&config, "-readconfig /dev/fd/%d -vnc :1", fd, &error), CONFIG_ERROR);
    assert_non_null(strstr(error.text, ": line 1: -device virtio-vga,id=g: hotram has no video card"));
    assert_non_null(strstr(error.text, "\nhotram: -readconfig /dev/fd/"));
    assert_non_null(strstr(error.text, ": line 5: [chardev]: 'spicevmc'"));
    assert_non_null(strstr(error.text, ": line 7: [tpmdev]: QEMU option group not supported"));
    assert_non_null(strstr(error.text, "-vnc"));
    config_free(&config);
    close(fd);
}

/* Lines, words and files at their limits and beyond them. */
static void limits(void **state)
{
    static const struct {
        const char *form; /* of a text; its %s is `fill` times a letter */
        int fill;
        const char *message; /* NULL: it is read */
    } cases[] = {
        { "#%s\n", 1021, NULL },
        { "#%s\n", 1022, "line 1: the line has 1023 bytes; the limit, which is QEMU's, is 1022" },
        { "#%s", 1022, "line 1: the line has 1023 bytes" },
        { "[mon \"%s\"]\n chardev = \"c\"\n", 63, NULL },
        { "[mon \"%s\"]\n chardev = \"c\"\n", 64,
          "line 1: the ID has 64 characters; the limit, which is QEMU's, is 63" },
        { "[%s]\n", 64, "line 1: the group has 64 characters" },
        { "[memory]\n %s = \"1\"\n", 64, "line 2: the key has 64 characters" },
        { "\n\n#%s\n", 5000, "line 3: the line has 5001 bytes" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[6000], *fill = malloc((size_t)cases[i].fill + 1);
        struct config config;
        struct error error;
        int fd;

        memset(fill, 'x', (size_t)cases[i].fill);
        fill[cases[i].fill] = '\0';
        /* NOLINTNEXTLINE: the table's own forms */
        snprintf(text, sizeof text, cases[i].form, fill);
        fd = file_of(text, strlen(text));
        assert_int_equal(parse_with(&config, "-chardev null,id=c -readconfig /dev/fd/%d", fd, &error),
                         cases[i].message ? CONFIG_ERROR : CONFIG_RUN);
        if (cases[i].message && !strstr(error.text, cases[i].message))
            fail_msg("%s: %s", cases[i].form, error.text);
        config_free(&config);
        close(fd);
        free(fill);
    }
}

static void parse_refused(const char *form, int fd, const char *message)
{
    struct config config;
    struct error error;

    assert_int_equal(parse_with(&config, form, fd, &error), CONFIG_ERROR);
    if (!strstr(error.text, message))
        fail_msg("%s: %s", form, error.text);
    config_free(&config);
}

/* What is no text file is refused, and nothing waits for a path. */
static void no_files(void **state)
{
    static const char binary[] = "\x7f"
                                 "ELF\0\1";
    char fifo[] = "/tmp/test_readconfig.XXXXXX", line[100];
    const int fd = file_of(binary, sizeof binary);

    (void)state;
    parse_refused("-readconfig /dev/fd/%d", fd, "line 1: byte 1 is 0x7f, a control character;");
    assert_int_equal(ftruncate(fd, 1 << 20), 0);
    parse_refused("-readconfig /dev/fd/%d", fd, "line 1: the line has 1048576 bytes");
    assert_int_equal(ftruncate(fd, (1 << 20) + 1), 0);
    parse_refused("-readconfig /dev/fd/%d", fd, "the file has more than 1 MiB");
    close(fd);
    parse_refused("-readconfig /", 0, "Could not open '/': it is a directory, not a regular file");
    parse_refused("-readconfig /nonexistent", 0, "Could not open '/nonexistent': No such file or directory");
    parse_refused("-readconfig /dev/zero", 0, "it is a device, not a regular file");
    parse_refused("-readconfig /dev/fd/999", 0, "Could not open '/dev/fd/999': No such file or directory");
    parse_refused("-readconfig /dev/fdset/3", 0, "no -add-fd before it has a descriptor in the set");
    parse_refused("-readconfig /dev/fdset/x", 0, "Could not open '/dev/fdset/x'");
    assert_non_null(mkdtemp(fifo));
    snprintf(line, sizeof line, "%s/fifo", fifo);
    assert_int_equal(mkfifo(line, 0600), 0);
    snprintf(line, sizeof line, "-readconfig %s/fifo", fifo);
    parse_refused(line, 0, "it is a FIFO, not a regular file");
    snprintf(line, sizeof line, "%s/fifo", fifo);
    assert_int_equal(unlink(line), 0);
    assert_int_equal(rmdir(fifo), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_incus_writes), cmocka_unit_test(order),  cmocka_unit_test(pipes),
        cmocka_unit_test(refused),           cmocka_unit_test(limits), cmocka_unit_test(all_at_once),
        cmocka_unit_test(no_files),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
