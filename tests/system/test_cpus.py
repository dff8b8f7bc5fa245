# SPDX-License-Identifier: MIT
"""All plans that judge the kernel, on 1, 2 and 4 processors, and in a storm of interrupts."""
import pytest

import machine
from conftest import plans


@pytest.mark.parametrize("compiler, cpus", [("gcc", 1), ("gcc", 2), ("gcc", 4), ("clang", 4)])
def test_all_plans(boot, mkimg, matrix_build, compiler, cpus):
    image = mkimg(plan=plans("basic", "regression", "long"), build=matrix_build(compiler + "-O2"))
    outcome = boot(image, cpus=cpus, timeout=300)
    assert outcome.code == machine.PASS, outcome.message
    assert outcome.report.fields["cpus"] == f"{cpus}/{cpus}"


def test_storm_on_four(boot, mkimg):
    image = mkimg(plan=plans("basic", "regression"), words="storm=50")
    outcome = boot(image, cpus=4, timeout=300)
    assert outcome.code == machine.PASS, outcome.message
