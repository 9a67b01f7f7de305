# SPDX-License-Identifier: BSD-2-Clause
"""The table's rows of disks and network cards."""

import disk
import vhost_user
from goal import Goal, of

# Those that have a table of their own.
SECTIONS = [(": disks of vhost-user", {"vhost-user-plug", "vhost-user-disk"}),
            (": disks and network cards", {"equipped", "disk", "disk-dimms", "vhost-user-plug", "vhost-user-disk", "wire"})]
NODES = {"null": "null-co", "file": "file in memory"}
AT_LEAST = Goal("≥ QEMU's", least_fraction=1)


def label(case):
    node, direction, order, size, depth = case
    return f"{NODES[node]}, {'1 MiB' if size == disk.MIB else '4 KiB'} {order} {direction}, depth {depth}"


def case_rows(case):
    name, large = disk.name_of(case), case[3] == disk.MIB
    what = "MiB" if large else "request"
    yield "disk", label(case), "MiB/s" if large else "/s", of(f"{name}_rate"), AT_LEAST
    yield ("disk", f"{label(case)}: CPU time of a {what}, without vCPUs", "µs", of(f"{name}_cpu"),
           Goal("≤ 0.8 of QEMU's", fraction=0.8))
    yield "disk", f"{label(case)}: CPU time of the vCPU for a {what}", "µs", of(f"{name}_vcpu"), None
    yield "disk", f"{label(case)}: system calls for a {what}, without vCPUs", "", of(f"{name}_calls"), None


def most_exits(samples):
    """Of the case that has most."""
    found = [of(f"{disk.name_of(case)}_exits")(samples) for case in disk.CASES]
    return None if None in found else max(found)


def loaded(samples):
    """The time of a plug under load, as multiple of that at rest."""
    idle, load = of("ost_idle")(samples), of("ost_load")(samples)
    return load / idle if idle and load else None


def more_devices(samples):
    one, many = of("plug_1")(samples), of(f"plug_{vhost_user.MANY}")(samples)
    return many / one if one and many else None


def user_label(case):
    direction, order, size, depth = case
    return f"disk of qemu-storage-daemon, {'1 MiB' if size == disk.MIB else '4 KiB'} {order} {direction}, depth {depth}"


ROWS = [
    *(("equipped", f"start to monitor's greeting, with a disk and a card on {netdev}", "ms", of(f"greeting_{kind}"),
       Goal("≤ 5 ms", limit=5, time=True)) for kind, netdev in (("stream", "a stream"), ("user", "user networking"))),
    *(("equipped", f"start to first answer, the same on {netdev}", "ms", of(f"answer_{kind}"), None)
      for kind, netdev in (("stream", "a stream"), ("user", "user networking"))),
    *(("equipped", f"resident besides the guest's RAM, the same on {netdev}", "MiB", of(f"resident_{kind}"),
       Goal("≤ 6 MiB", limit=6)) for kind, netdev in (("stream", "a stream"), ("user", "user networking"))),
    *(row for case in disk.CASES for row in case_rows(case)),
    ("disk", "exits to the program for a request, the case that has most", "", most_exits, Goal("0", limit=0)),
    ("disk-dimms", "device_add to the guest's _OST, no load", "ms", of("ost_idle"), None),
    ("disk-dimms", "the same, a disk under full load", "ms", of("ost_load"), None),
    ("disk-dimms", "full load / no load", "", loaded, Goal("≤ 2", limit=2)),
    ("disk-dimms", "requests of that disk, p99 by the guest's clock", "ms", of("p99_alone"), None),
    ("disk-dimms", "the same while DIMMs come and go", "ms", of("p99_dimms"), None),
    *(("vhost-user-plug", f"device_add of a DIMM, {count} disk{'s' if count > 1 else ''} of vhost-user, p50", "ms", of(f"plug_{count}"), None)
      for count in (1, vhost_user.MANY)),
    ("vhost-user-plug", f"{vhost_user.MANY} disks / 1 disk", "", more_devices,
     Goal(f"< {vhost_user.MANY}: side by side", limit=vhost_user.MANY, time=True)),
    *(("vhost-user-disk", user_label(case), "MiB/s" if case[2] == disk.MIB else "/s",
       of(f"{vhost_user.name_of(case)}_rate"), AT_LEAST) for case in vhost_user.CASES),
    ("wire", "two cards joined by a stream: TCP stream", "MiB/s", of("cable_stream"), AT_LEAST),
    ("wire", "two cards joined by a stream: questions and answers", "/s", of("cable_ask"), AT_LEAST),
    ("wire", "two cards joined by a stream: system calls for an answer, without vCPUs", "", of("cable_calls"), None),
    ("wire", "user networking: TCP stream to the host", "MiB/s", of("user_stream"), AT_LEAST),
    ("wire", "user networking: questions and answers", "/s", of("user_ask"), AT_LEAST),
]
