#!/usr/bin/python3 -S
# SPDX-License-Identifier: BSD-2-Clause
"""A reset: all that a guest can change is as after power-on, or the error says
what is not."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import inject, tap                                  # noqa: E402
from lib.machine import CLONE, Machine, MachineError         # noqa: E402
from lib.qmp import QMPClosed                                # noqa: E402
from lib.scribble import changed_and_kept                    # noqa: E402

MICRO = CLONE / "build/native/tests/micro/micro"
LIMIT = 20


def test_nothing_that_a_guest_wrote_stays():
    kept = changed_and_kept()
    assert not kept, "\n".join(kept)


def test_what_kvm_does_not_take_is_named():
    for call, word in (("KVM_SET_IRQCHIP", "first PIC"), ("KVM_SET_PIT2", "timer"),
                       ("KVM_SET_MSRS", "MSRs")):
        with inject.faults() as faults, \
                Machine(["-m", "64M", "-kernel", MICRO], kernel=None, reboot=True,
                        environment=faults.environment) as machine:
            machine.console.wait_for(r"^micro\.", LIMIT)
            with faults.fail(call, "ENOMEM"):
                machine.qmp.execute("system_reset")
                assert machine.qmp.execute("query-status")["status"] == "internal-error"
            assert word in machine.error_log, machine.error_log
            position = machine.console.position
            machine.qmp.execute("system_reset")      # heals
            machine.qmp.execute("cont")
            machine.console.wait_for(r"^micro\.", LIMIT, position)
            assert machine.quit() == 0


def test_a_list_of_state_that_kvm_does_not_give():
    with inject.faults() as faults, faults.fail("KVM_GET_MSR_INDEX_LIST", "ENOMEM"):
        try:
            with Machine(["-m", "64M", "-kernel", MICRO], kernel=None,
                         environment=faults.environment):
                raise AssertionError("it starts without the list")
        except (MachineError, QMPClosed):
            assert "KVM_GET_MSR_INDEX_LIST" in Machine.last.error_log


def test_a_clock_that_kvm_does_not_take():
    with inject.faults() as faults, \
            Machine(["-m", "64M", "-kernel", MICRO], kernel=None, reboot=True,
                    environment=faults.environment) as machine:
        machine.console.wait_for(r"^micro\.", LIMIT)
        with faults.fail("KVM_SET_CLOCK", "EIO"):
            machine.qmp.execute("stop")
            machine.qmp.execute("cont")
        assert "clock has run on" in machine.error_log, machine.error_log
        machine.console.send_keys("e")
        machine.console.wait_for(r"^e\.", LIMIT)
        assert machine.quit() == 0


if __name__ == "__main__":
    tap.main()
