# SPDX-License-Identifier: MIT
"""Many processes at once: stress.plan with 1, 2 and 4 processors, where memory is short, and in a
storm of interrupts. `make stress` runs it longer: STRESS multiplies the time of each test."""
import os
import re

import pytest

import machine
from conftest import TOP

FACTOR = int(os.environ.get("STRESS", "1"))


def plan():
    with open(os.path.join(TOP, "tests/user/stress.plan"), encoding="utf-8") as file:
        text = file.read()
    text = re.sub(r"limit=(\d+)", lambda m: f"limit={60 + int(m[1]) * FACTOR}", text)
    return re.sub(r"(?m) (\d+)$", lambda m: f" {int(m[1]) * FACTOR}", text)


def test_checks_on_four(boot, mkimg):
    outcome = boot(mkimg(plan="test a /bin/minimal\n", words="ktest=sched-*"), cpus=4)
    assert outcome.code == machine.PASS, outcome.message


@pytest.mark.parametrize("cpus, memory, words", [
    (1, "512M", ""), (2, "512M", ""), (4, "512M", ""), (4, "64M", ""), (4, "256M", "storm=200")])
def test_stress(boot, mkimg, cpus, memory, words):
    outcome = boot(mkimg(plan=plan(), words=words), cpus=cpus, memory=memory,
                   timeout=240 + 120 * FACTOR)
    assert outcome.code == machine.PASS, outcome.message
