# SPDX-License-Identifier: MIT
"""Calls whose memory is not there: each allocation of many calls fails once, on purpose.

The kernel is the one that overwrites freed memory; its /proc/self/fail-nth says which fails.
"""
import machine

PLAN = """test fail-nth limit=150 /bin/t/fail_nth
test fuzz-without-memory limit=150 /bin/t/fuzz_syscalls 7001 20000
"""


def test_calls_without_memory(boot, mkimg, matrix_build):
    """Refused whole or done, nothing kept; random calls, too, never more than that."""
    outcome = boot(mkimg(plan=PLAN, build=matrix_build("poison")), cpus=2, timeout=300)
    assert outcome.code == machine.PASS, outcome.message
