# SPDX-License-Identifier: MIT
"""Faults put into the kernel on purpose (D1, D2): each is noticed, and none passes.

The words are those of kernel/selftest/inject.h.
"""
import re

import pytest

import machine
from conftest import plans

PLAN = "test one /bin/minimal\ntest two /bin/minimal\n"

PANICS = {  # panic=WORD: what its report has to say, in small letters
    "test": ["panic=test", "panic_test"],
    "assert": ["assert", "panic_assert", "storm_ns"],
    "fault": ["registers", "rip", "ffff9fffffffe000", "panic_fault"],
    "user": ["registers", "400000", "panic_user"],
    "wx": ["registers", "panic_wx"],
    "stack": ["registers", "dig"],
    "rank": ["rank", "panic_rank"],
    "nested": ["panic"],
    "frame": ["registers", "probe_break_frame"],
}


@pytest.mark.parametrize("word", PANICS)
def test_panic(boot, mkimg, word):
    """Status PANIC; registers where a fault is the cause, a backtrace, the flight recorder."""
    outcome = boot(mkimg(plan=PLAN, words=f"panic={word}"), timeout=60)
    assert outcome.code == machine.PANIC, outcome.message
    assert "verdict=PASS" not in outcome.log and "verdict=FAIL" not in outcome.log
    text = outcome.log[outcome.log.index("# PANIC: "):].lower()
    for expected in PANICS[word]:
        assert expected in text, expected
    assert ("report cut short" in text) == (word == "nested")
    assert "flight recorder of cpu 0" in text and "syscall" in text
    if word != "nested":
        assert "backtrace" in text and "+0x" in text
        assert re.search(r"cr0 [0-9a-f]{8} cr3 [0-9a-f]{16} cr4 [0-9a-f]{8} efer d01\n", text)
        assert re.search(r"user gs base [0-9a-f]{16} fs base [0-9a-f]{16}\n", text)


def test_panic_of_an_unknown_kind_is_still_one(boot, mkimg):
    outcome = boot(mkimg(plan=PLAN, words="panic=banana"), timeout=60)
    assert outcome.code == machine.PANIC
    assert "banana" in outcome.log


def test_panic_without_an_exit_device_is_no_verdict(boot, mkimg):
    outcome = boot(mkimg(plan=PLAN, words="panic=test"), exit_device=False,
                   until="verdict=PANIC", timeout=60)
    assert outcome.code == machine.NO_VERDICT
    assert "PANIC" in outcome.log


def test_leak_fails_every_test(boot, mkimg):
    outcome = boot(mkimg(plan=PLAN, words="inject=leak"))
    assert outcome.code == machine.FAIL
    for name in ("baseline-1", "one", "two"):
        assert not outcome.report.result(name).passed
        assert "frames -1" in outcome.report.result(name).note


def test_test_that_is_not_run_is_no_verdict(boot, mkimg):
    outcome = boot(mkimg(plan=PLAN, words="inject=lose"))
    assert outcome.code == machine.NO_VERDICT
    assert outcome.report.problems
    assert outcome.status != machine.STATUS_PASS, "the kernel itself should have counted"


def test_hang_is_no_verdict(boot, mkimg):
    outcome = boot(mkimg(plan=PLAN, words="inject=hang"), timeout=20)
    assert outcome.timed_out and outcome.code == machine.NO_VERDICT


def test_hang_is_noticed_by_another_processor(boot, mkimg):
    """Where it hangs is told once: by NMI, for its interrupts are off."""
    outcome = boot(mkimg(plan=PLAN, words="inject=hang"), cpus=2, timeout=60,
                   until="processor 0 has not answered for 10 s", then=lambda running: None)
    told = outcome.log.split("processor 0 has not answered for 10 s")
    assert len(told) == 2
    assert "inject_start" in told[1]


def test_processor_that_is_deaf_for_a_while(boot, mkimg):
    """Its neighbour tells where it is and was, nothing stops, and later it goes on."""
    plan = 'test nap limit=60 /bin/sh -c "sleep 28"\n' + PLAN
    outcome = boot(mkimg(plan=plan, words="inject=deaf"), cpus=2, timeout=120)
    assert outcome.code == machine.PASS, outcome.message
    begin = outcome.log.index("processor 1 has not answered for 10 s")
    text = outcome.log[begin:outcome.log.index("processor 1 goes on", begin)]
    for expected in ("inject_deaf_thread+0x", "flight recorder of cpu 1", "vector "):
        assert expected in text, expected
    assert outcome.log.count("has not answered") == 1


def test_long_call_is_no_silence(boot, mkimg):
    """Alone on its processor, so that it is never switched out, but it has preemption points."""
    dd = "timeout 30 dd if=/dev/urandom of=/dev/null bs=512M count=1"
    plan = f'test a limit=60 /bin/sh -c "{dd}; true"\n'
    outcome = boot(mkimg(plan=plan), cpus=2, memory="1G", timeout=120)
    assert outcome.code == machine.PASS, outcome.message
    assert "has not" not in outcome.log


def test_reset_is_no_verdict(boot, mkimg):
    outcome = boot(mkimg(plan=PLAN, words="inject=reset"), timeout=60)
    assert (outcome.status, outcome.reason) == (0, "guest-reset")
    assert outcome.code == machine.NO_VERDICT


def test_checks_inside_the_kernel(boot, mkimg):
    """Every KTEST there is, on request."""
    outcome = boot(mkimg(plan=PLAN, words="ktest=*"))
    assert outcome.code == machine.PASS, outcome.message
    names = [r.name for r in outcome.report.results]
    for name in ("mm-exhaustion", "mm-stacks", "core-timers", "entry-not-installed"):
        assert name in names


def test_pattern_that_fits_no_check_fails(boot, mkimg):
    outcome = boot(mkimg(plan=PLAN, words="ktest=banana"))
    assert outcome.code == machine.FAIL
    assert outcome.report.failed_names == ["ktest"]


def test_basic_plan_in_a_storm_of_interrupts(boot, mkimg, matrix_build):
    """A timer interrupt every 100 us, freed memory overwritten, and every check in the kernel."""
    image = mkimg(plan=plans("basic"), words="storm=100 ktest=*", build=matrix_build("poison"))
    outcome = boot(image, timeout=300)
    assert outcome.code == machine.PASS, outcome.message
