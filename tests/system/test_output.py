# SPDX-License-Identifier: MIT
"""Programs that nobody here wrote print on Firstlight what they print on Linux, byte for byte.

Also arguments of all lengths, so that one of them straddles every page offset (C2).
"""
import os
import sys

import pytest

import machine
from conftest import BUILD, NOT_HERE, TOP, run


def test_output_equals_linux(tmp_path):
    """Debian's busybox, line by line: the same binary, the same tree, the same output."""
    done = run(sys.executable, os.path.join(TOP, "tests/user/compare_output.py"),
               "--base", os.path.join(TOP, "rootfs"),
               "--base", os.path.join(BUILD, "user/rootfs"),
               "--work", tmp_path, "--plan", os.path.join(TOP, "tests/user/output.plan"),
               "--build", BUILD, cwd=TOP, timeout=500)
    print(done.stdout[-4000:], done.stderr[-2000:])
    if done.stdout.startswith(f"user-linux: {NOT_HERE}"):
        pytest.skip(done.stdout.removeprefix("user-linux: ").strip())
    assert done.returncode == 0


def test_arguments_of_all_lengths(boot, mkimg):
    with open(os.path.join(BUILD, "user/args.plan"), encoding="utf-8") as file:
        outcome = boot(mkimg(plan=file.read()), timeout=120)
    assert outcome.code == machine.PASS, outcome.message
