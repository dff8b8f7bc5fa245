# SPDX-License-Identifier: MIT
"""The numbers that are promised: instructions from entry to ring 3, and of operations."""
import sys

from conftest import BUILD, run, tool


def test_numbers_are_within_their_limits():
    done = run(sys.executable, tool("bench.py"), "-b", BUILD, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line for line in done.stdout.splitlines() if line.endswith(" ok")]
    assert len(rows) == 4 + 19 + 1
    print(done.stdout)
