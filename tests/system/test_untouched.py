# SPDX-License-Identifier: MIT
"""The result `memory-untouched`: who writes to memory that nothing owns is a device or firmware."""
import machine
import pytest

PLAN = "test one /bin/minimal\n"


@pytest.mark.parametrize("memory", ["64M", "4G"])
def test_untouched(boot, mkimg, memory):
    outcome = boot(mkimg(plan=PLAN), memory=memory)
    assert outcome.code == machine.PASS, outcome.message
    assert outcome.report.result("memory-untouched").passed


def test_touched(boot, mkimg):
    outcome = boot(mkimg(plan=PLAN, words="inject=dma"))
    assert outcome.code == machine.FAIL, outcome.message
    assert outcome.report.failed_names == ["memory-untouched"]
    note = outcome.report.result("memory-untouched").note
    assert "8 words of free memory" in note and "(now 5a5a5a5a5a5a5a5a)" in note, note
    assert "written by a device or firmware" in note
