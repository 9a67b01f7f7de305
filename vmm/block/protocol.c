/* SPDX-License-Identifier: BSD-2-Clause */
#include "block/protocol.h"

#include <string.h>

#include "base/count_of.h"

/* By the name before the colon, or before its '+' ("nbd+unix"). `driver`: QEMU's name, with what
 * qemu-storage-daemon has to be given. */
static const struct protocol {
    const char *name, *driver;
    bool read_only;
} protocols[] = {
    { "nbd", "nbd,server.type=inet,server.host=HOST,server.port=10809,export=NAME", false },
    { "http", "http,url=URL,read-only=on", true },
    { "https", "https,url=URL,read-only=on", true },
    { "ftp", "ftp,url=URL,read-only=on", true },
    { "ftps", "ftps,url=URL,read-only=on", true },
    { "ssh", "ssh,server.host=HOST,server.port=22,path=PATH", false },
    { "rbd", "rbd,pool=POOL,image=IMAGE", false },
    { "iscsi", "iscsi,transport=tcp,portal=HOST,target=TARGET", false },
    { "nfs", "nfs,server.type=inet,server.host=HOST,path=PATH", false },
    { "gluster", "gluster,volume=VOLUME,path=PATH,server.0.type=inet,server.0.host=HOST,server.0.port=24007",
      false },
    { "nvme", "nvme,device=ADDRESS,namespace=1", false },
    { "vvfat", "vvfat,dir=FOLDER,read-only=on", true },
    { "fat", "vvfat,dir=FOLDER,read-only=on", true },
};

static const struct protocol *find(const char *name, size_t length)
{
    for (size_t i = 0; i < COUNT_OF(protocols); i++)
        if (strlen(protocols[i].name) == length && strncmp(protocols[i].name, name, length) == 0)
            return &protocols[i];
    return NULL;
}

static bool refuse(const struct protocol *protocol, const char *file, struct error *error)
{
    return error_set(
        error,
        "protocol '%s': hotram opens files and disks of the host. qemu-storage-daemon serves others: "
        "`qemu-storage-daemon --blockdev %s,node-name=disk --export vhost-user-blk,id=export,node-name=disk,"
        "writable=%s,addr.type=unix,addr.path=SOCKET`, then -chardev socket,id=disk,path=SOCKET and -device "
        "vhost-user-blk-pci,chardev=disk%s%.80s",
        protocol->name, protocol->driver, protocol->read_only ? "off" : "on",
        file ? "; a file of this name is ./" : "", file ? file : "");
}

bool block_protocol_check(const char *driver, struct error *error)
{
    const struct protocol *protocol = find(driver, strlen(driver));

    return !protocol || refuse(protocol, NULL, error);
}

bool block_protocol_check_file(const char *file, struct error *error)
{
    const size_t length = strcspn(file, ":/");
    const struct protocol *protocol = find(file, strcspn(file, ":/+"));

    if (file[length] != ':')
        return true;
    if (strncmp(file, "json:", length + 1) == 0)
        return error_set(
            error,
            "json: a -drive names a file; -blockdev accepts JSON: -blockdev '{\"driver\": \"file\", "
            "\"node-name\": \"disk\", \"filename\": \"PATH\"}' -device virtio-blk-pci,drive=disk; a "
            "file of this name is ./%.80s",
            file);
    return !protocol || refuse(protocol, file, error);
}
