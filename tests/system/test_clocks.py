# SPDX-License-Identifier: MIT
"""The result `clocks-agree`: the clocks of the machine against each other, over the whole boot."""
import machine
import pytest

PLAN = 'test nap limit=20 /bin/sleep 3\n'
CLOCKS = ["pm-timer", "hpet", "rtc", "apic-timer"]


def test_clocks_agree(boot, mkimg):
    outcome = boot(mkimg(plan=PLAN), cpus=2)
    assert outcome.code == machine.PASS, outcome.message
    assert outcome.report.result("clocks-agree").passed
    line = next(line for line in outcome.log.splitlines() if "clocks: in " in line)
    for name in CLOCKS:
        assert f"{name} agrees" in line, line


@pytest.mark.parametrize("name", CLOCKS)
def test_clock_that_differs(boot, mkimg, name):
    outcome = boot(mkimg(plan=PLAN, words=f"skew={name}"))
    assert outcome.code == machine.FAIL, outcome.message
    assert outcome.report.failed_names == ["clocks-agree"]
    note = outcome.report.result("clocks-agree").note
    assert f"{name} DIFFERS" in note and note.count("DIFFERS") == 1, note


@pytest.mark.parametrize("hypervisor", [True, False])
def test_date_of_another_time(boot, mkimg, hypervisor):
    """Under -icount the TSC counts instructions and jumps over sleep, the date follows the host. On
    metal that is a fault; a virtual machine may have been stopped."""
    outcome = boot(mkimg(plan=PLAN), cpu="max" if hypervisor else "max,hypervisor=off",
                   extra=["-icount", "shift=1,sleep=off"])
    result = outcome.report.result("clocks-agree")
    assert result.passed == hypervisor, outcome.log
    assert outcome.report.failed_names == ([] if hypervisor else ["clocks-agree"])
    assert ("rtc DIFFERS" in result.note) != hypervisor
