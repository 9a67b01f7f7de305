# SPDX-License-Identifier: BSD-2-Clause
"""A guest of Debian's kernel in one version (see scripts/guest-images.sh), and its CPUs, which
come and go. CPUs are named by the index of their place; the guest has numbers of its own."""

import re

from . import arch
from .machine import Machine

X86 = arch.chosen() is arch.X86
TYPE = "host-x86_64-cpu" if X86 else "host-arm-cpu"
SYSFS = "/sys/devices/system/cpu"


class Guest(Machine):
    """`smp` names cores= and threads=, or none of them: then each CPU is a core."""

    def __init__(self, kernel, smp, *options, memory="256M", **more):
        super().__init__(["-m", memory, "-smp", smp, *options], kernel=kernel, unpacked=X86, **more)
        found = dict(re.findall(r"(\w+)=(\d+)", smp))
        self.threads_of_core = int(found.get("threads", 1))
        self.cores = int(found.get("cores", found["maxcpus"]))
        try:
            self.wait_ready()
        except BaseException:
            self.close()
            raise

    def add(self, index, **properties):
        core = index // self.threads_of_core
        self.qmp.execute("device_add", {
            "driver": TYPE, "id": f"vcpu{index}", "socket-id": core // self.cores,
            "core-id": core % self.cores, "thread-id": index % self.threads_of_core, **properties})

    def done(self, index, operation):
        data = self.qmp.wait_event("CPU_OPERATION_DONE",
                                   {"device": f"vcpu{index}", "operation": operation})["data"]
        assert data["result"] == "done", data
        return data

    def remove(self, index):
        self.qmp.clear_events()
        self.qmp.execute("device_del", {"id": f"vcpu{index}"})
        self.qmp.wait_event("DEVICE_DELETED", {"device": f"vcpu{index}"})

    def present(self):
        """By the program, in the order in which they came."""
        return [cpu["cpu-index"] for cpu in self.qmp.execute("query-cpus-fast")]

    def number(self, index):
        """The guest's own, as soon as it has the CPU: _UID is the index."""
        def find():
            _, found = self.shell(f"grep -lx {index} {SYSFS}/cpu*/firmware_node/uid", check=False)
            return re.search(r"/cpu(\d+)/firmware_node", found)
        return int(self.wait_until(find, what=f"CPU {index} in the guest")[1])

    def start_cpu(self, index):
        """As an administrator does; returns its number."""
        cpu = self.number(index)
        self.wait_until(lambda: self.shell(f"test -e {SYSFS}/cpu{cpu}/online", check=False)[0] == 0,
                        what=f"cpu{cpu}")
        self.shell(f"echo 1 > {SYSFS}/cpu{cpu}/online")
        return cpu

    def online(self):
        """How many the guest uses."""
        return int(self.shell("grep -c ^processor /proc/cpuinfo"))

    def use(self, cpu):
        """Something runs there."""
        assert self.shell(f"taskset {1 << cpu:x} sh -c 'echo $((6 * 7))'").strip() == "42"
