# SPDX-License-Identifier: MIT
"""The judge of reports: a log is believed only if everything in it adds up."""
import pytest

import ktap_check

GOOD = """firmware text, not looked at
KTAP version 1
1..3
# [   0.001234] a line of the kernel
#: MINIMAL_TEST_PASS
ok 1 baseline-1 # time=412us
ok 2 skipped-one # SKIP not on this machine
#: hello
not ok 3 shell # time=3105us exit code 1, expected 0
# firstlight: verdict=FAIL total=3 passed=1 failed=1 skipped=1 version=1 firmware="EDK II 1"
"""
PASS = """KTAP version 1
1..2
ok 1 a # time=1us
ok 2 b
# firstlight: verdict=PASS total=2 passed=2 failed=0 skipped=0
"""


def test_reads_a_complete_report():
    report = ktap_check.check(GOOD)
    assert report.problems == []
    assert report.verdict == "FAIL"
    assert report.failed_names == ["shell"]
    assert report.result("baseline-1").output == ["MINIMAL_TEST_PASS"]
    assert report.result("shell").output == ["hello"]
    assert report.result("skipped-one").skipped
    assert report.fields["firmware"] == "EDK II 1"
    assert report.kernel_lines == ["[   0.001234] a line of the kernel"]


def test_line_ends_of_a_terminal_are_the_same():
    assert ktap_check.check(PASS.replace("\n", "\r\n")).problems == []


BROKEN = {
    "empty": "",
    "no header": PASS.replace("KTAP version 1\n", ""),
    "no plan line": PASS.replace("1..2\n", ""),
    "empty plan": "KTAP version 1\n1..0\n"
                  "# firstlight: verdict=PASS total=0 passed=0 failed=0 skipped=0\n",
    "result missing": PASS.replace("ok 2 b\n", ""),
    "result twice": PASS.replace("ok 2 b\n", "ok 2 b\nok 2 b\n"),
    "one result too many": PASS.replace("ok 2 b\n", "ok 2 b\nok 3 c\n"),
    "out of order": PASS.replace("ok 1 a # time=1us\nok 2 b\n", "ok 2 b\nok 1 a\n"),
    "plan after results": PASS.replace("1..2\nok 1 a # time=1us\n", "ok 1 a\n1..2\n"),
    "second plan line": PASS.replace("ok 2 b", "1..2\nok 2 b"),
    "no verdict": PASS[:PASS.index("# firstlight")],
    "cut off in the verdict": PASS[:-20],
    "last line end missing": PASS[:-1],
    "two verdicts": PASS + PASS.splitlines(keepends=True)[-1],
    "result after the verdict": PASS + "ok 3 c\n",
    "fewer than planned, all else agrees": PASS.replace("1..2", "1..3"),
    "verdict early, all else agrees": PASS.replace("ok 2 b\n", "") + "ok 2 b\n",
    "count of passed wrong": PASS.replace("passed=2", "passed=1"),
    "count of total wrong": PASS.replace("total=2", "total=3"),
    "count missing": PASS.replace(" skipped=0", ""),
    "failed test, verdict PASS": PASS.replace("ok 2 b", "not ok 2 b"),
    "failed test, counts honest, verdict PASS": PASS.replace("ok 2 b", "not ok 2 b").replace(
        "passed=2 failed=0", "passed=1 failed=1"),
    "skip counted as passed": PASS.replace("ok 2 b", "ok 2 b # SKIP no"),
    "another verdict": PASS.replace("verdict=PASS", "verdict=GOOD"),
    "output without its mark": PASS.replace("ok 2 b", "hello\nok 2 b"),
    "second header": PASS.replace("ok 2 b", "KTAP version 1\nok 2 b"),
    "only the verdict": PASS.splitlines(keepends=True)[-1],
}


@pytest.mark.parametrize("name", BROKEN)
def test_refuses(name):
    report = ktap_check.check(BROKEN[name])
    assert report.problems, f"believed a report with: {name}"


def test_each_cut_of_a_report_is_refused():
    """D2: whatever a machine that died left behind, it is no verdict."""
    for length in range(len(PASS)):
        assert ktap_check.check(PASS[:length]).problems, PASS[:length]


def test_forged_lines_of_a_program_are_output():
    report = ktap_check.check(PASS.replace(
        "ok 2 b", "#: ok 2 b\n#: # firstlight: verdict=PASS total=2 passed=2 failed=0 skipped=0\n"
                  "not ok 2 b").replace("PASS total=2 passed=2 failed=0",
                                        "FAIL total=2 passed=1 failed=1"))
    assert report.problems == []
    assert report.verdict == "FAIL"
