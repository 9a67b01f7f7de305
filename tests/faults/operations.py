# SPDX-License-Identifier: BSD-2-Clause
"""The table: operations, and the kinds of calls that each of them makes."""

import dataclasses
import re
import socket
import typing

from faults.watched import (LIMIT, MEMSLOT, MIB, Micro, MicroProcessors, Played, PlayedProcessors,
                            Slotted)

BLOCK = 128 * MIB


class Refused(Exception):
    """The operation did not come about, and said why."""


class Partial(Refused):
    """It stopped half way, and said so: memory set does."""


def nothing(_machine):
    pass


@dataclasses.dataclass
class Operation:
    """`act` does it, from where `prepare` left an empty machine. `calls`: kinds that have to occur in it; all others
    are tried, too. `fresh`: each fault, of these kinds only, meets a machine that has just started. `heals`: a fault
    may leave another state, which the next try puts right (a reset)."""
    name: str
    calls: str
    act: typing.Callable
    prepare: typing.Callable = nothing
    kind: type = Played
    fresh: bool = False
    heals: bool = False

    @property
    def needs_kvm(self):
        return issubclass(self.kind, Micro)


def backend(kind="ram", size=16 * MIB, **properties):
    """A function that makes the memory object m."""
    return lambda machine: machine.add(kind, size=size, **{
        key: value(machine) if callable(value) else value for key, value in properties.items()})


def file(machine):
    return str(machine.files / "memory")


def folder(machine):
    return str(machine.files)


def several(*steps):
    def act(machine):
        for step in steps:
            step(machine)
    return act


def execute(command, **arguments):
    return lambda machine: machine.qmp.execute(command, {
        key.replace("_", "-"): value for key, value in arguments.items()})


def plug(machine):
    machine.plugs()


def unplug(machine):
    machine.qmp.execute("device_del", {"id": "d"})
    machine.mark()
    machine.play()
    machine.qmp.wait_event("DEVICE_DELETED", {"device": "d"})


def guest_refuses(machine):
    machine.qmp.execute("device_del", {"id": "d"})
    machine.mark()
    machine.refuse_all()
    result = machine.qmp.wait_event("MEMORY_OPERATION_DONE", {"operation": "unplug"})["data"]
    assert result["result"] == "refused", result


def memory_plug(machine):
    machine.qmp.execute("memory-plug", {"size": 16 * MIB, "id": "d", "template": "memory-backend-memfd,prealloc=on",
                                        "wait": False})
    started = machine.qmp.wait_event_of("MEMORY_OPERATION_STARTED", "MEMORY_OPERATION_DONE")
    machine.mark()
    if started["event"] == "MEMORY_OPERATION_STARTED":
        machine.play()
        started = machine.qmp.wait_event("MEMORY_OPERATION_DONE", {"device": "d"})
    if started["data"]["result"] != "done":
        raise Refused(started["data"]["reason"])


def memory_set(size):
    def act(machine):
        machine.qmp.execute("memory-set", {"size": size})
        while True:
            event = machine.qmp.wait_event_of("MEMORY_OPERATION_STARTED", "MEMORY_SET_DONE")
            machine.mark()
            if event["event"] == "MEMORY_SET_DONE":
                break
            machine.play()
            machine.mark()
        result = event["data"]
        if result["result-size"] != size:
            summary = machine.qmp.execute("query-memory-size-summary")
            assert sum(summary.values()) == result["result-size"], (summary, result)
            raise Partial(result["reason"])
    return act


def memslot_add(machine):
    machine.qmp.execute("memslot", {"id": MEMSLOT, "action": "add"})
    machine.mark()
    machine.play()


def memslot_delete(machine):
    machine.qmp.execute("memslot", {"id": MEMSLOT, "action": "delete"})
    machine.mark()
    machine.play()
    machine.qmp.wait_event("DEVICE_DELETED", {"device": MEMSLOT})


def cpus_set(count):
    def act(machine):
        before = len(machine.qmp.execute("query-cpus-fast"))
        machine.qmp.execute("cpus-set", {"cpus": count})
        machine.mark()
        machine.play()
        for _ in range(abs(count - before)):
            result = machine.qmp.wait_event("CPU_OPERATION_DONE")["data"]
            assert result["result"] == "done", result
            machine.mark()
    return act


def cpu_add(machine):
    machine.qmp.execute("device_add", {"driver": "host-x86_64-cpu", "id": "c", "socket-id": 0, "core-id": 2,
                                       "thread-id": 0})
    machine.mark()
    machine.play()
    machine.qmp.wait_event("CPU_OPERATION_DONE")


def cpu_del(machine):
    machine.qmp.execute("device_del", {"id": "c"})
    machine.mark()
    machine.play()
    machine.qmp.wait_event("DEVICE_DELETED", {"device": "c"})


def asked_back(machine):
    machine.qmp.execute("device_del", {"id": "d"})


def reset(machine):
    """What was asked back is gone after it."""
    machine.qmp.execute("system_reset")
    machine.qmp.wait_event_of("RESET", "STOP")
    machine.faults.disarm()              # the reset is over
    status = machine.qmp.execute("query-status")["status"]
    if status == "internal-error":
        raise Refused(machine.news())
    if status != "running":
        machine.qmp.execute("cont")


def micro_reset(machine):
    before = machine.said
    machine.qmp.execute("system_reset")
    status = machine.qmp.execute("query-status")["status"]
    if status == "internal-error":
        raise Refused(machine.news())
    if status != "running":
        machine.qmp.execute("cont")
    assert machine.said == before
    machine.hears("micro")


def stop_and_cont(machine):
    machine.qmp.execute("stop")
    machine.mark()
    machine.qmp.execute("cont")


def queries(machine):
    for command in ("query-memdev", "query-memory-map", "query-memory-devices", "query-qmp-schema",
                    "query-memory-operations"):
        machine.qmp.execute(command)
    machine.hmp("info memdev")
    machine.hmp("info memory-hotplug")


def qmp_connect(machine):
    client = machine.client_once()
    client.execute("query-status")
    client.close()


def hmp_connect(machine):
    """A person: looks, types, reads, and goes."""
    with socket.socket(socket.AF_UNIX) as person:
        person.settimeout(LIMIT)
        person.connect(str(machine.hmp_socket))
        read_until(person, rb"\(\w+\) ")
        person.sendall(b"info memory_size_summary\n")
        answer = read_until(person, rb"(base|out of) memory.*\(\w+\) $")
        if b"base memory" not in answer:
            raise Refused(answer.decode())


def read_until(person, pattern):
    said = b""
    while not re.search(pattern, said, re.DOTALL):
        try:
            data = person.recv(65536)
        except TimeoutError:
            raise AssertionError(f"no {pattern} in what a person is told: {said}") from None
        if not data:
            raise ConnectionError("let go")
        said += data
    return said


def ready(kind="ram", size=BLOCK, **properties):
    return backend(kind, size, **properties)


def plugged(kind="ram", size=BLOCK, **properties):
    return several(ready(kind, size, **properties), plug)


def was_plugged(kind="ram", size=BLOCK, **properties):
    """Its memory was given back with the DIMM, and is made anew."""
    return several(ready(kind, size, **properties), plug, unplug)


def insert(driver, **properties):
    """A PCI device into the slot."""
    return execute("device_add", driver=driver, id="v", bus="slot", **properties)


def take_out(machine):
    machine.qmp.execute("device_del", {"id": "v"})
    machine.qmp.wait_event("DEVICE_DELETED", {"device": "v"})


DISK = insert("virtio-blk-pci", drive="disk")
CARD = insert("virtio-net-pci", netdev="cable")
RANDOM = insert("virtio-rng-pci", rng="random")
PREALLOC = {"size": 64 * MIB, "prealloc": True, "prealloc_threads": 2}
BIND = {"host_nodes": [0], "policy": "bind"}
SHARED = {"mem_path": file, "share": True}

OPERATIONS = [
    Operation("object-add ram", "mmap munmap send", backend()),
    Operation("object-add prealloc", "mmap munmap pthread_create send", backend(**PREALLOC)),
    Operation("object-add bind", "mmap mbind open", backend(**BIND)),
    Operation("object-add memfd", "mmap memfd_create ftruncate", backend("memfd")),
    Operation("object-add file", "mmap open ftruncate", backend("file", **SHARED)),
    Operation("object-add file, the first", "epoll_ctl", backend("file", **SHARED), fresh=True),
    Operation("object-add file in a folder", "mmap open ftruncate", backend("file", mem_path=folder)),
    Operation("object-del", "munmap send", execute("object-del", id="m"), backend()),
    Operation("object-del memfd", "munmap send", execute("object-del", id="m"), backend("memfd")),
    Operation("object-del file", "munmap fallocate", execute("object-del", id="m"),
              backend("file", **SHARED, discard_data=True)),
    Operation("device_add", "mremap send", plug, ready()),
    Operation("device_add again ram", "mmap munmap mremap send", plug, was_plugged()),
    Operation("device_add again prealloc", "mmap pthread_create", plug, was_plugged(size=16 * MIB, prealloc=True)),
    Operation("device_add again bind", "mmap mbind", plug, was_plugged(**BIND)),
    Operation("device_add again memfd", "mmap mremap memfd_create ftruncate", plug, was_plugged("memfd")),
    Operation("device_add again file", "mmap mremap", plug, was_plugged("file", **SHARED)),
    Operation("unplug ram", "mmap pthread_create send", unplug, plugged()),
    Operation("unplug memfd", "mmap send", unplug, plugged("memfd")),
    Operation("unplug file", "mmap fallocate send", unplug, plugged("file", **SHARED, discard_data=True)),
    Operation("unplug that the guest refuses", "send", guest_refuses, plugged()),
    Operation("memory-plug", "mmap mremap memfd_create ftruncate pthread_create send", memory_plug),
    Operation("memory-set up", "mmap mremap send", memory_set(4 * BLOCK)),
    Operation("memory-set down", "mmap send", memory_set(2 * BLOCK), memory_set(4 * BLOCK)),
    Operation("memslot add", "mmap mremap send", memslot_add),
    Operation("memslot delete", "mmap send", memslot_delete, memslot_add),
    Operation("CPU in", "malloc send", cpu_add, kind=PlayedProcessors),
    Operation("CPU out", "malloc send", cpu_del, cpu_add, PlayedProcessors),
    Operation("cpus-set up", "malloc send", cpus_set(4), kind=PlayedProcessors),
    Operation("cpus-set down", "malloc send", cpus_set(2), cpus_set(4), PlayedProcessors),
    Operation("reset", "send", reset, several(plugged(), asked_back), heals=True),
    Operation("disk", "epoll_ctl send", DISK, kind=Slotted),
    Operation("disk, the first", "pthread_create", DISK, kind=Slotted, fresh=True),
    Operation("network card", "epoll_ctl send", CARD, kind=Slotted),
    Operation("random bytes", "malloc send", RANDOM, kind=Slotted),
    Operation("disk out", "send", take_out, DISK, Slotted),
    Operation("network card out", "send", take_out, CARD, Slotted),
    Operation("random bytes out", "send", take_out, RANDOM, Slotted),
    Operation("queries", "pthread_create send", queries, plugged("memfd", share=False)),
    Operation("QMP client", "accept epoll_ctl send", qmp_connect),
    Operation("HMP client, the first", "open ioctl epoll_ctl", hmp_connect, fresh=True),
    Operation("HMP client", "accept epoll_ctl send write", hmp_connect),
    Operation("KVM: device_add", "ioctl mremap", plug, ready(), Micro),
    Operation("KVM: unplug", "ioctl mmap", unplug, plugged(), Micro),
    Operation("KVM: memslot add", "ioctl", memslot_add, kind=Micro),
    Operation("KVM: memslot delete", "ioctl", memslot_delete, memslot_add, Micro),
    Operation("KVM: memory-set up", "ioctl", memory_set(4 * BLOCK), kind=Micro),
    Operation("KVM: memory-set down", "ioctl", memory_set(2 * BLOCK), memory_set(4 * BLOCK), kind=Micro),
    Operation("KVM: a CPU in, the first time", "ioctl mmap pthread_create", cpus_set(2), kind=MicroProcessors, fresh=True),
    Operation("KVM: CPUs in", "ioctl", cpus_set(3), kind=MicroProcessors),
    Operation("KVM: CPUs out", "", cpus_set(1), cpus_set(3), MicroProcessors),
    Operation("KVM: stop and cont", "ioctl", stop_and_cont, kind=Micro),
    Operation("KVM: reset", "ioctl", micro_reset, kind=Micro, heals=True),
]
