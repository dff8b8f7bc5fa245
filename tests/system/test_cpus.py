# SPDX-License-Identifier: MIT
"""The default plan on several processors, from both compilers, and in a storm of interrupts."""
import os

import pytest

import machine
from conftest import BUILD


@pytest.fixture
def other_compiler(tmp_path):
    """A build directory with clang's kernel, and everything else of the main build."""
    folder = tmp_path / "build"
    folder.mkdir()
    (folder / "kernel").symlink_to(os.path.join(BUILD, "matrix/clang-O2/kernel"))
    for name in ("efi", "user"):
        (folder / name).symlink_to(os.path.join(BUILD, name))
    return folder


@pytest.mark.parametrize("cpus", [2, 4])
def test_default_plan(boot, mkimg, cpus):
    outcome = boot(mkimg(), cpus=cpus, timeout=300)
    assert outcome.code == machine.PASS, outcome.message
    assert outcome.report.fields["cpus"] == str(cpus)


def test_clang_on_four(boot, mkimg, other_compiler):
    outcome = boot(mkimg(build=other_compiler), cpus=4, timeout=300)
    assert outcome.code == machine.PASS, outcome.message


def test_storm_on_four(boot, mkimg):
    outcome = boot(mkimg(words="storm=50"), cpus=4, timeout=300)
    assert outcome.code == machine.PASS, outcome.message
