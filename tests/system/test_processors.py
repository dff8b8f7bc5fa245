# SPDX-License-Identifier: MIT
"""The result `processors`: a machine that lacks a processor is no PASS, and says which."""
import re

import machine
import pytest
from conftest import NOT_HERE, run

PLAN = "test one /bin/minimal\n"


def test_all_processors(boot, mkimg):
    outcome = boot(mkimg(plan=PLAN), cpus=3)
    assert outcome.code == machine.PASS, outcome.message
    assert outcome.report.result("processors").passed
    assert outcome.report.fields["cpus"] == "3/3"


def test_processor_that_never_answers(boot, mkimg):
    """The last one, and one in the middle: those behind it run all the same."""
    outcome = boot(mkimg(plan=PLAN, words="mute=1"), cpus=3, timeout=90)
    assert outcome.code == machine.FAIL, outcome.message
    assert outcome.report.failed_names == ["processors"]
    assert "APIC id 1 does not answer" in outcome.report.result("processors").note
    assert outcome.report.fields["cpus"] == "2/3"


def test_many_that_never_answer(boot, mkimg):
    """They share the wait that one of them would have: seven, and not ten seconds each."""
    outcome = boot(mkimg(plan=PLAN, words="mute=all"), cpus=8, timeout=90)
    assert outcome.code == machine.FAIL, outcome.message
    assert outcome.report.failed_names == ["processors"]
    note = outcome.report.result("processors").note
    assert all(f"APIC id {i} does not answer" in note for i in range(1, 8)), note
    assert outcome.report.fields["cpus"] == "1/8"
    assert int(outcome.report.fields["time"].removesuffix("us")) < 20_000_000


def test_processor_that_comes_late(boot, mkimg):
    """When the next one is started, whose data it finds: it takes neither stack nor name."""
    outcome = boot(mkimg(plan=PLAN + "test affinity limit=60 /bin/t/affinity_race\n",
                         words="mute=1 late=1"), cpus=4, timeout=90)
    assert outcome.report.failed_names == ["processors"], outcome.message
    assert "APIC id 1 does not answer" in outcome.report.result("processors").note
    assert outcome.report.fields["cpus"] == "3/4"


def test_processors_left_off_by_an_option(boot, mkimg):
    """A choice, not a fault; but not called healthy either."""
    outcome = boot(mkimg(plan=PLAN, words="cpus=1"), cpus=2)
    assert outcome.code == machine.PASS, outcome.message
    result = outcome.report.result("processors")
    assert result.skipped and "1 left off by the option cpus=1" in result.note
    assert outcome.report.fields["cpus"] == "1/2"


def test_more_than_a_word_of_processors(boot, mkimg):
    """66: sets of processors have two words, for the kernel and in what programs are shown."""
    plan = PLAN + 'test shown /bin/sh -c "grep Cpus_allowed: /proc/self/status; nproc"\n' \
        "test affinity-race limit=60 /bin/t/affinity_race\n"
    outcome = boot(mkimg(plan=plan), cpus=66, memory="512M", timeout=400)
    assert outcome.code == machine.PASS, outcome.message
    assert outcome.report.fields["cpus"] == "66/66"
    assert outcome.report.result("shown").output == ["Cpus_allowed:\t3,ffffffff,ffffffff", "66"]


def test_apic_id_above_255(boot, mkimg):
    """A second processor with number 256: firmware leaves x2APIC mode on, and both run."""
    version = re.search(r"version (\d+)", run(machine.QEMU, "--version").stdout)
    if int(version[1]) < 9:
        pytest.skip(f"{NOT_HERE}QEMU emulates x2APIC mode from 9.0 on")
    words = ["-smp", "1,maxcpus=288,sockets=288,cores=1,threads=1", "-device",
             "intel-iommu,eim=on", "-device",
             "max-x86_64-cpu,x2apic=on,socket-id=256,core-id=0,thread-id=0"]
    outcome = boot(mkimg(plan=PLAN), cpu="max,x2apic=on", timeout=200, extra=words)
    assert outcome.code == machine.PASS, outcome.message
    assert outcome.report.fields["cpus"] == "2/2"
    assert "interrupts: x2APIC" in outcome.log
    outcome = boot(mkimg(plan=PLAN, words="mute=256"), cpu="max,x2apic=on", timeout=200,
                   extra=words)
    assert outcome.report.failed_names == ["processors"]
    assert "APIC id 256 does not answer" in outcome.report.result("processors").note
