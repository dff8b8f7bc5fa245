# SPDX-License-Identifier: MIT
"""The default plan on several processors, and in a storm of interrupts."""
import pytest

import machine


@pytest.mark.parametrize("cpus", [2, 4])
def test_default_plan(boot, mkimg, cpus):
    outcome = boot(mkimg(), cpus=cpus, timeout=300)
    assert outcome.code == machine.PASS, outcome.message
    assert outcome.report.fields["cpus"] == str(cpus)


def test_storm_on_four(boot, mkimg):
    outcome = boot(mkimg(words="storm=50"), cpus=4, timeout=300)
    assert outcome.code == machine.PASS, outcome.message
