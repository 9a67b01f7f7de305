#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
# kvm: none
# sanitizers: asan tsan
"""Memory of several devices of vhost-user: all are asked at once, and all or none have it. It needs no KVM."""

import contextlib
import pathlib
import sys
import tempfile
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.host import DIMM, MIB, Host                         # noqa: E402
from lib.vhost_back_end import BackEnd                       # noqa: E402
from lib.virtio import wait_until                            # noqa: E402

COUNT = 4


class Together(BackEnd):
    """Answers about a DIMM once all of them have been asked."""

    barrier = None

    def _wait(self):
        if self.barrier:
            self.barrier.wait(4)        # seconds, and hotram would give up

    def add_mem_reg(self, payload, fds):
        self._wait()
        super().add_mem_reg(payload, fds)

    def rem_mem_reg(self, payload, fds):
        self._wait()
        super().rem_mem_reg(payload, fds)


@contextlib.contextmanager
def machine(slots=(32,) * COUNT, more=()):
    with contextlib.ExitStack() as made:
        folder = pathlib.Path(made.enter_context(tempfile.TemporaryDirectory()))
        back_ends, options = [], []
        for number, limit in enumerate(slots):
            back_ends.append(made.enter_context(Together(folder / f"{number}", slots=limit)))
            options += ["-chardev", f"socket,id=c{number},path={folder}/{number}", "-device",
                        f"vhost-user-blk-pci,id=v{number},chardev=c{number}"]
        yield made.enter_context(Host(["-m", "64M,slots=16,maxmem=64G", *options, *more])), back_ends


def have(back_ends):
    return [sorted(region.address for region in back_end.regions) for back_end in back_ends]


def test_all_are_asked_at_once():
    with machine() as (host, back_ends):
        barrier = threading.Barrier(COUNT)
        for back_end in back_ends:
            back_end.barrier = barrier
        host.add("ram", "m", size=128 * MIB)
        host.dimm("d", "m")
        assert have(back_ends) == [[0, DIMM]] * COUNT
        host.eject("d")
        assert have(back_ends) == [[0]] * COUNT
        for back_end in back_ends:
            back_end.barrier = None
        assert host.error_log == "", host.error_log


def test_all_or_none():
    for number in range(COUNT):
        with machine() as (host, back_ends):
            host.add("ram", "m", size=128 * MIB)
            back_ends[number].refuses = {"ADD_MEM_REG"}
            for _ in range(2):
                host.refuses([f"device 'v{number}' (vhost-user-blk-pci): its back end has refused"], "device_add",
                             {"driver": "pc-dimm", "id": "d", "memdev": "m"})
                assert have(back_ends) == [[0]] * COUNT
            back_ends[number].refuses = set()
            host.dimm("d", "m")
            assert have(back_ends) == [[0, DIMM]] * COUNT


def test_the_smallest_limit_counts():
    with machine(slots=(32, 3, 5, 32)) as (host, back_ends):
        for name in "ab":
            host.add("ram", "m" + name, size=128 * MIB)
            host.dimm(name, "m" + name)
        host.add("ram", "m", size=128 * MIB)
        host.refuses(["device 'v1' (vhost-user-blk-pci): its back end maps at most 3 ranges of guest memory, and has so many"],
                     "device_add", {"driver": "pc-dimm", "id": "d", "memdev": "m"})
        assert len({tuple(regions) for regions in have(back_ends)}) == 1
        host.eject("a")
        host.dimm("d", "m")


def test_a_size_is_planned_within_the_limit():
    memslots = ("-memslot", "id=a,size=128M", "-memslot", "id=b,size=128M")
    with machine(slots=(32, 3, 7), more=memslots) as (host, back_ends):
        host.qmp.execute("cont")

        def plan(size):
            steps = host.qmp.execute("memory-set", {"size": size * MIB, "dry-run": True})["plan"]
            assert sum(step["size"] for step in steps) == size * MIB - host.qmp.execute("query-memory-size-summary")["base-memory"] - \
                host.qmp.execute("query-memory-size-summary")["plugged-memory"]
            return len(steps)

        assert 1 <= plan(576) <= 2 and 1 <= plan(64 + 1022) <= 2 and 1 <= plan(64 + 8190) <= 2
        host.qmp.execute("memslot", {"id": "a", "action": "add"})
        assert plan(64 + 1022) == 1
        host.qmp.execute("memslot", {"id": "b", "action": "add"})
        host.refuses(["can't be reached", "the back end of device 'v1' (vhost-user-blk-pci) maps at most 3 ranges of guest memory"],
                     "memory-set", {"size": 1024 * MIB})
        back_ends[1].stop()                     # without it 4 are left
        back_ends[1].stop = lambda: None
        wait_until(lambda: "v1: the back end of chardev 'c1' is lost" in host.error_log, "the loss")
        assert 1 < plan(64 + 1022) <= 4


def test_a_size_beyond_the_limit():
    with machine(slots=(32, 1)) as (host, back_ends):
        host.qmp.execute("cont")
        done = host.qmp.execute("memory-set", {"size": 576 * MIB, "wait": True})
        assert "device 'v1' (vhost-user-blk-pci): its back end maps at most 1 ranges of guest memory" in done["reason"], done
        assert done["result-size"] == 64 * MIB and have(back_ends) == [[0], [0]]


def test_one_of_them_is_silent():
    with machine() as (host, back_ends):
        back_ends[2].answers["ADD_MEM_REG"] = lambda answer: (b"",)
        host.add("ram", "m", size=128 * MIB)
        host.refuses(["device 'v2' (vhost-user-blk-pci): its back end: it has not answered ADD_MEM_REG for 5 seconds"], "device_add",
                     {"driver": "pc-dimm", "id": "d", "memdev": "m"})
        assert "v2: the back end of chardev 'c2' is lost" in host.error_log
        host.dimm("d", "m")                     # it is in nobody's way
        assert have([back_ends[number] for number in (0, 1, 3)]) == [[0, DIMM]] * 3


if __name__ == "__main__":
    tap.main()
