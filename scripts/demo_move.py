# SPDX-License-Identifier: BSD-2-Clause
"""The last act of the demonstration: the guest moves to a second hotram with a DIMM, while it writes and verifies what
it has written, and continues from a snapshot."""

import pathlib
import tempfile
import time

from demo_guest import GUEST, MIB, Step, compress, compressed, say, stop_compressing, type_in, written

ACT, WORKERS = "move", 1
KEPT_MIB = 32
LIMIT = 120
OVER = ("completed", "failed", "cancelled")


def dimm_options(machine):
    """As the command line has them."""
    for dimm in machine.qmp.execute("query-memory-devices"):
        data = dimm["data"]
        memory = data["memdev"].rsplit("/", 1)[-1]
        yield from ("-object", f"memory-backend-ram,id={memory},size={data['size']}",
                    "-device", f"pc-dimm,id={data['id']},memdev={memory},slot={data['slot']},addr={data['addr']:#x}")


def plug(machine):
    before = machine.meminfo()
    say()
    type_in(machine, "object_add memory-backend-ram,id=memory1,size=512M")
    type_in(machine, "device_add pc-dimm,id=dimm1,memdev=memory1")
    machine.wait_until(lambda: machine.meminfo() >= before + 512 * MIB, what="MemTotal's growth")


def checksum(machine):
    return machine.shell("md5sum < /dev/shm/kept", timeout=LIMIT).split()[0]


def compare(machine, checks, beginning):
    """Whether the guest has what it had."""
    same = checksum(machine) == checks
    say(f"{beginning} {'the' if same else 'NOT the'} {KEPT_MIB} MiB with the same checksum.")
    return same


def works_on(machine, counts):
    """Until all that worked before works again, and finds what it wrote."""
    machine.wait_until(lambda: all(now > then or then == 0 for now, then in zip(counted(machine), counts)), LIMIT,
                       "work that continues")


def counted(machine):
    return written(machine), compressed(machine, ACT)


def move(machine, folder, cpus, checks):
    """To a target, which is returned, and whether it has all."""
    dimms = list(dimm_options(machine))
    with Step("Starting a second hotram, with the same DIMM on its command line"):
        target = GUEST.start(cpus, [*dimms, "-incoming", f"unix:{folder}/move"], run=False)
    try:
        type_in(machine, "migrate_set_parameter max-bandwidth 0")
        counts = counted(machine)
        type_in(machine, f"migrate unix:{folder}/move")
        with Step("Moving the guest, which writes and verifies meanwhile"):
            machine.wait_until(lambda: machine.qmp.execute("query-migrate")["status"] in OVER, LIMIT, "its end")
            result = machine.qmp.execute("query-migrate")
            if result["status"] != "completed":
                raise RuntimeError(result)
            target.qmp.execute("cont")
        ram = result["ram"]
        say(f"Downtime: {result['downtime']} ms. {ram['total'] >> 20} MiB of memory went in {ram['dirty-sync-count']} "
            f"passes; without pages of zeros, {ram['normal-bytes'] >> 20} MiB were sent.")
        machine.quit()
        works_on(target, counts)
        return target, compare(target, checks, "The guest works in the second hotram, and has")
    except BaseException:
        target.close()
        raise


def restore(machine, file, checks):
    """What was saved continues in a third program, which is returned, and whether it has all."""
    say()
    type_in(machine, "stop")
    with Step("Writing a snapshot"):
        machine.qmp.execute("machine-snapshot", {"file": str(file)}, timeout=LIMIT)
    machine.quit()
    began = time.monotonic()
    restored = GUEST.restore(file)
    try:
        took = (time.monotonic() - began) * 1000
        say(f"Restored in {took:.0f} ms: from the start of hotram until the guest runs. The file occupies "
            f"{file.stat().st_blocks >> 11} MiB.")
        return restored, compare(restored, checks, "It has its DIMM, and")
    except BaseException:
        restored.close()
        raise


def unplug(machine):
    type_in(machine, "device_del dimm1")
    with Step("Asking for the DIMM, until the guest has let it go"):
        machine.qmp.wait_event("DEVICE_DELETED", {"device": "dimm1"}, timeout=LIMIT)
    type_in(machine, "object_del memory1")


def story(machine, cpus, ending):
    """Whether all was right, also at the `ending`, which gets the last machine."""
    plug(machine)
    machine.shell(f"mkdir -p /dev/shm; dd if=/dev/urandom of=/dev/shm/kept bs=1M count={KEPT_MIB} 2>/dev/null",
                  timeout=LIMIT)
    checks = checksum(machine)
    say(f"The guest keeps {KEPT_MIB} MiB with the checksum {checks}, and compresses again.")
    compress(machine, ACT, WORKERS)
    with tempfile.TemporaryDirectory(prefix="hotram-") as folder:
        target, moved = move(machine, folder, cpus, checks)
        with target:
            counts = counted(target)
            restored, continued = restore(target, pathlib.Path(folder) / "snapshot", checks)
        with restored:
            works_on(restored, counts)
            good = stop_compressing(restored, ACT) and moved and continued
            restored.shell("rm /dev/shm/kept")
            unplug(restored)
            return ending(restored) and good
