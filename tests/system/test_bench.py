# SPDX-License-Identifier: MIT
"""The numbers that are promised: instructions from entry to ring 3, and of operations."""
import os
import sys

from conftest import BUILD, TOP, run, tool


def test_numbers_are_within_their_limits():
    done = run(sys.executable, tool("bench.py"), "-b", BUILD, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line for line in done.stdout.splitlines() if line.endswith(" ok")]
    assert len(rows) == 5 + 23 + 1
    print(done.stdout)


def test_memory_test_moves_enough():
    """Bytes an instruction, each pattern."""
    done = run(sys.executable, os.path.join(TOP, "tests/bench/memory.py"), "-b", BUILD, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout)
