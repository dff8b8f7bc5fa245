# SPDX-License-Identifier: MIT
"""Short runs of `make race` and `make fuzz-linux`, and the tools' own eyes."""
import os
import sys

import pytest

from conftest import BUILD, NOT_HERE, TOP, run


def race(*args):
    return run(sys.executable, os.path.join(TOP, "tests/race/race.py"), "-b",
               os.path.join(BUILD, "matrix/poison"), "--programs", BUILD, *args, timeout=900)


def test_every_pair_for_a_moment():
    done = race("--seconds", "0.05")
    print(done.stdout[-4000:], done.stderr[-2000:])
    assert done.returncode == 0


def test_a_machine_that_does_not_start_is_no_success():
    done = race("--seconds", "0.05", "--wrap", "false", "futex/wait+wake")
    assert done.returncode != 0


def can_unshare():
    """fuzz_linux makes each sequence in mount and process-number namespaces of its own."""
    return run("unshare", "-mp", "-f", "true").returncode == 0


@pytest.mark.skipif(not can_unshare(), reason=f"{NOT_HERE}no root that may make name spaces")
def test_sequences_as_on_linux():
    done = run(sys.executable, os.path.join(TOP, "tests/fuzz_linux/fuzz_linux.py"), "-b", BUILD,
               "--seeds", "1-40", "--shrink", "2", timeout=900)
    print(done.stdout[-6000:], done.stderr[-2000:])
    assert done.returncode == 0
