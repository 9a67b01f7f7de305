#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""A guest that writes faster than it is sent: auto-converge slows it."""

import contextlib
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import tap                                          # noqa: E402
from lib.migration import LIMIT, begin_writing, end, end_writing, info, place, refusal, set_capabilities  # noqa: E402
from lib.migration import start, status, wait_migration      # noqa: E402

MIB = 1 << 20


def parameters(machine):
    return machine.qmp.execute("query-migrate-parameters")


def is_sent_soon(source, uri, passes=4):
    """Whether so many passes suffice."""
    source.qmp.execute("migrate", {"uri": uri})
    now = wait_migration(source, "active", "completed")
    while now["status"] == "active" and now["ram"]["dirty-sync-count"] <= passes:
        time.sleep(0.005)
        now = info(source)
    return now["status"] == "completed"


def percentages(source):
    """Those that are seen until the migration ends, each once."""
    seen, now, deadline = [], info(source), time.monotonic() + LIMIT
    while now["status"] == "active":
        assert time.monotonic() < deadline, now
        percent = now.get("cpu-throttle-percentage", 0)
        if percent not in seen:
            seen.append(percent)
        time.sleep(0.005)
        now = info(source)
    assert now["status"] == "completed" and "cpu-throttle-percentage" not in now, now
    return seen


def test_a_guest_that_writes_too_fast_is_slowed():
    """What is too fast depends on the machine and its load: the bandwidth is halved until the guest is not sent soon, and
    once more. Then its CPUs rest for a part of the time, which grows until what it writes can be sent."""
    with place() as folder, contextlib.ExitStack() as machines:
        source, seen = machines.enter_context(start("-smp", "2")), [0]
        begin_writing(source)
        bandwidth, step = 128 * MIB, {"cpu-throttle-initial": 60, "cpu-throttle-increment": 38}
        for number in range(40):
            uri = f"unix:{folder}/{number}"
            source.qmp.execute("migrate-set-parameters", {**step, "max-bandwidth": bandwidth, "downtime-limit": 100})
            target = machines.enter_context(start("-smp", "2", incoming=uri))
            if not is_sent_soon(source, uri):
                assert "cpu-throttle-percentage" not in info(source)
                assert "migration process in progress" in refusal(set_capabilities, source)
                source.qmp.execute("migrate_cancel")
                wait_migration(source, "cancelled")
                assert target.process.wait(LIMIT) == 1
                set_capabilities(source, auto_converge=True)
                source.qmp.execute("migrate-set-parameters", {"max-bandwidth": bandwidth // 2})
                target = machines.enter_context(start("-smp", "2", incoming=uri))
                source.qmp.execute("migrate", {"uri": uri})
                wait_migration(source, "active")
                seen = percentages(source)
            target.qmp.execute("cont")
            target.wait_until(lambda: status(target) == "running", LIMIT, "the guest runs")     # pylint: disable=W0640
            end(source)
            source, bandwidth = target, bandwidth // 2
            if seen != [0]:
                break
        assert len(seen) > 1 and seen == sorted(seen) and set(seen) <= {0, 60, 98, 99}, seen
        end_writing(source)
        end(source)


def test_a_slowed_guest_goes_on():
    """One that is stopped and resumed meanwhile stays slowed; whether the migration is cancelled or fails ends that."""
    with place() as folder, start() as source:
        set_capabilities(source, auto_converge=True)
        source.qmp.execute("migrate-set-parameters", {
            "max-bandwidth": 8 * MIB, "downtime-limit": 0, "cpu-throttle-initial": 90, "max-cpu-throttle": 30,
            "throttle-trigger-threshold": 1})
        for end_it, result in ((lambda _: source.qmp.execute("migrate_cancel"), "cancelled"),
                               (lambda target: target.process.kill(), "failed")):
            with start(incoming=f"unix:{folder}/{result}") as target:
                begin_writing(source)
                source.qmp.execute("migrate", {"uri": f"unix:{folder}/{result}"})
                wait_migration(source, "active")
                source.wait_until(lambda: "cpu-throttle-percentage" in info(source), LIMIT, "the guest is slowed")
                assert info(source)["cpu-throttle-percentage"] == 30
                assert "cpu throttle percentage: 30" in source.hmp("info migrate")
                end_writing(source)
                source.qmp.execute("migrate-set-parameters", {"max-bandwidth": 1})      # it does not end by itself
                source.qmp.execute("stop")
                source.qmp.execute("cont")
                assert info(source)["cpu-throttle-percentage"] == 30
                begin_writing(source)
                end_it(target)
                assert "cpu-throttle-percentage" not in wait_migration(source, result)
                assert status(source) == "running"
                end_writing(source)
                source.qmp.execute("migrate-set-parameters", {"max-bandwidth": 8 * MIB})
        end(source)


def test_parameters_of_the_throttle():
    with start() as source:
        names = {"throttle-trigger-threshold": (50, 100), "cpu-throttle-initial": (20, 99),
                 "cpu-throttle-increment": (10, 99), "max-cpu-throttle": (99, 99)}
        for name, (value, most) in names.items():
            assert parameters(source)[name] == value
            for wrong in (0, most + 1, -1):
                said = refusal(source.qmp.execute, "migrate-set-parameters", {"max-bandwidth": 1, name: wrong})
                assert f"'{name}' expects an integer in the range of 1 to {most}; got {wrong}" in said, said
                assert f"'{name}' expects an" in source.hmp(f"migrate_set_parameter {name} {wrong}")
            assert source.hmp(f"migrate_set_parameter {name} {most}") == ""
            assert parameters(source)[name] == most and f"{name}: {most}%" in source.hmp("info migrate_parameters")
        assert parameters(source)["max-bandwidth"] == 128 * MIB
        assert "did you mean 'max-cpu-throttle'" in source.hmp("migrate_set_parameter max-cpu-throttel 1")
        source.hmp("migrate_set_parameter max-bandwidth 2")
        source.hmp("migrate_set_parameter downtime-limit 1")
        assert parameters(source)["max-bandwidth"] == 2 * MIB and parameters(source)["downtime-limit"] == 1
        end(source)


if __name__ == "__main__":
    tap.main()
