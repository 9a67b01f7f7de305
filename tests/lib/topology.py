# SPDX-License-Identifier: BSD-2-Clause
"""What a guest's kernel, and lscpu, make of the sockets, cores and threads of -smp. CPUs are named by the index of their
place: those of a core, and those of a socket, follow each other."""

import json
import pathlib
import shutil
import subprocess
import tempfile

from .cpus import SYSFS, X86

FILES = ("possible", "present", "online", "cpu[0-9]*/online", "cpu[0-9]*/topology/*", "cpu[0-9]*/cache/index*/*")


def numbers(text):
    """Of a list such as 0-2,5."""
    pairs = [part.split("-") for part in text.split(",")]
    return frozenset(number for pair in pairs for number in range(int(pair[0]), int(pair[-1]) + 1))


def read(guest):
    """The files that lscpu reads, by path."""
    lines = guest.shell(f"cd {SYSFS}; grep -s '' {' '.join(FILES)} || true").splitlines()
    files = {}
    for path, _, line in (line.partition(":") for line in lines):
        files[path] = files.get(path, "") + line + "\n"
    return files


def indices(guest, files, smp):
    """From the guest's numbers of CPUs that are online to their places. Without ACPI they are the same."""
    found = guest.shell(f"cd {SYSFS}; grep -s '' cpu[0-9]*/firmware_node/uid || true").split()
    places = {int(line.split("/")[0][3:]): int(line.split(":")[1]) for line in found}
    assert len(set(places.values())) == len(places) and all(place < smp.possible for place in places.values()), found
    return {number: places.get(number, number) for number in numbers(files["online"])}


class Smp:
    def __init__(self, sockets, cores, threads):
        self.sockets, self.cores, self.threads = sockets, cores, threads
        self.possible = sockets * cores * threads

    def __str__(self):
        return f"maxcpus={self.possible},sockets={self.sockets},cores={self.cores},threads={self.threads}"

    def core(self, index):
        return index // self.threads

    def socket(self, index):
        return self.core(index) // self.cores


def together(places, part):
    """For each CPU those that are in the same part."""
    return {one: frozenset(other for other in places if part(places[other]) == part(places[one])) for one in places}


def check_lists(files, places, smp):
    """Who shares a core, and a socket, with whom, and what the numbers of cores and sockets are."""
    cores, sockets = together(places, smp.core), together(places, smp.socket)
    for cpu, place in places.items():
        def of(name, cpu=cpu):
            return files[f"cpu{cpu}/topology/{name}"].strip()
        for name, expected in (("core_cpus_list", cores), ("thread_siblings_list", cores),
                               ("package_cpus_list", sockets), ("core_siblings_list", sockets)):
            assert numbers(of(name)) == expected[cpu], (name, cpu, place, of(name))
        for other in places:
            package = of("physical_package_id") == of("physical_package_id", other)
            assert package == (other in sockets[cpu]), ("physical_package_id", cpu, other)
            assert (package and of("core_id") == of("core_id", other)) == (other in cores[cpu]), ("core_id", cpu, other)
    if X86:
        check_caches(files, cores)


def check_caches(files, cores):
    """arm64's tables describe none, and Linux takes those of the processor for a CPU's own."""
    for path, shared in files.items():
        cache, _, name = path.rpartition("/")
        if name == "shared_cpu_list" and int(files[f"{cache}/level"]) <= 2:
            cpu = int(path.split("/")[0][3:])
            assert numbers(shared) == cores[cpu], (path, shared)


def lscpu(files, places, smp):
    """The same files, by lscpu, which the guest's image lacks; its words, or why there are none."""
    if not shutil.which("lscpu"):
        return "no lscpu here"
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for path, text in files.items():
            file = root / SYSFS[1:] / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        (root / "proc").mkdir()
        # It drops a CPU without a type.
        (root / "proc/cpuinfo").write_text("".join(f"processor\t: {cpu}\nmodel name\t: any\n\n" for cpu in places))

        def run(option):
            return subprocess.run(["lscpu", "-s", root, option], check=True, stdout=subprocess.PIPE, text=True).stdout
        rows = [tuple(map(int, line.split(",")))
                for line in run("-p=CPU,CORE,SOCKET").splitlines() if not line.startswith("#")]
        assert {row[0] for row in rows} == set(places), rows
        for cpu, core, socket in rows:
            for other, its_core, its_socket in rows:
                assert (core == its_core) == (smp.core(places[cpu]) == smp.core(places[other])), (cpu, other, rows)
                assert (socket == its_socket) == (smp.socket(places[cpu]) == smp.socket(places[other])), (cpu, other, rows)
        fields = flat(json.loads(run("-J"))["lscpu"])
    found = [fields[name] for name in ("Thread(s) per core:", "Core(s) per socket:", "Socket(s):")]
    if len(places) == smp.possible:
        assert found == [str(smp.threads), str(smp.cores), str(smp.sockets)], fields
    return "lscpu: {} threads per core, {} cores per socket, {} sockets".format(*found)


def flat(fields):
    """Newer versions of lscpu nest them."""
    return {name: value for field in fields
            for name, value in ((field["field"], field["data"]), *flat(field.get("children", [])).items())}


def check(guest, smp):
    """Of the CPUs that are online now."""
    files = read(guest)
    assert numbers(files["possible"]) == frozenset(range(smp.possible)), files["possible"]
    places = indices(guest, files, smp)
    check_lists(files, places, smp)
    print(f"# {smp}, {len(places)} online: {lscpu(files, places, smp)}")
