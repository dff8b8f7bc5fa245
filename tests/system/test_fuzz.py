# SPDX-License-Identifier: MIT
"""A short run of `make fuzz-syscalls`: random system calls on four processors, nothing lost."""
import os
import sys

from conftest import BUILD, TOP, run


def fuzz(*args):
    return run(sys.executable, os.path.join(TOP, "tests/user/fuzz_boots.py"), "-b", BUILD, *args,
               cwd=TOP, timeout=600)


def test_random_system_calls():
    done = fuzz("--seeds", "1-3", "--calls", "10000", "--cpus", "4")
    print(done.stdout[-4000:], done.stderr[-2000:])
    assert done.returncode == 0
    assert "fuzz-syscalls: 1 boots passed, 0 failed" in done.stdout


def test_a_boot_that_fails_is_said():
    """A machine that does not even start: never counted as passed."""
    done = fuzz("--seeds", "5", "--calls", "1", "--cpus", "none")
    assert done.returncode == 1
    assert "fuzz-syscalls: 0 boots passed, 1 failed" in done.stdout
