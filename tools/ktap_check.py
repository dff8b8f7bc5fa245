#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""ktap_check.py - is this serial log a complete report, and what is its verdict?

Usage: ktap_check.py [LOG]     exit status 0: complete, PASS; 1: complete, FAIL; 3: not a report

A report is believed only if everything adds up: the header, the plan line before any result, every
result from 1 to the last in order, and then one verdict line whose counts are those of the lines
above it. What comes before the header belongs to the firmware and the loader and is not looked at.
After it there are three kinds of line: results, "# " (the kernel), "#: " (a program's output).
Anything else means that output went round the harness, and the report is not believed.
"""
import re
import sys
from dataclasses import dataclass, field

HEADER = "KTAP version 1"
PLAN = re.compile(r"1\.\.([1-9][0-9]{0,5})")
RESULT = re.compile(r"(ok|not ok) ([1-9][0-9]{0,5}) ([^\s#]+)(?: # (.*))?")
VERDICT = re.compile(r"# firstlight: verdict=(\S+) (.*)")
COUNTS = ("total", "passed", "failed", "skipped")


@dataclass
class Result:
    """One result line."""
    number: int
    name: str
    passed: bool
    note: str
    output: list = field(default_factory=list)  # what the program printed, without "#: "

    @property
    def skipped(self):
        return self.passed and self.note.upper().startswith("SKIP")


@dataclass
class Report:
    """What a log says. `problems` is empty if and only if it can be believed."""
    planned: int = 0
    results: list = field(default_factory=list)
    verdict: str = ""
    fields: dict = field(default_factory=dict)
    kernel_lines: list = field(default_factory=list)
    problems: list = field(default_factory=list)

    def result(self, name):
        """The result of the test of that name, or None."""
        return next((r for r in self.results if r.name == name), None)

    @property
    def failed_names(self):
        return [r.name for r in self.results if not r.passed]


def _body(text, report):
    """The lines after the header."""
    lines = text.replace("\r\n", "\n").split("\n")
    if HEADER not in lines:
        report.problems.append(f"there is no line '{HEADER}'")
        return []
    if lines[-1] != "":
        report.problems.append("the last line is cut off")
    body = lines[lines.index(HEADER) + 1:]
    while body and body[-1] == "":
        body.pop()
    return body


def _take_verdict(report, words, number):
    if report.verdict:
        report.problems.append(f"line {number}: a second verdict line")
        return
    report.verdict = words.group(1)
    for key, value in re.findall(r'(\w+)=("[^"]*"|\S+)', words.group(2)):
        report.fields[key] = value.strip('"')


def _take_result(report, words, number, output):
    result = Result(int(words.group(2)), words.group(3), words.group(1) == "ok",
                    words.group(4) or "", output)
    if not report.planned:
        report.problems.append(f"line {number}: a result before the plan line")
    if result.number != len(report.results) + 1:
        report.problems.append(
            f"line {number}: result {result.number} where {len(report.results) + 1} belongs")
    if report.verdict:
        report.problems.append(f"line {number}: a result after the verdict")
    report.results.append(result)


def _check_counts(report):
    passed = sum(r.passed and not r.skipped for r in report.results)
    failed = sum(not r.passed for r in report.results)
    skipped = sum(r.skipped for r in report.results)
    seen = dict(zip(COUNTS, (len(report.results), passed, failed, skipped)))
    if len(report.results) != report.planned:
        report.problems.append(f"{report.planned} tests planned, {len(report.results)} results")
    for key in COUNTS:
        if report.fields.get(key) != str(seen[key]):
            report.problems.append(
                f"the verdict line says {key}={report.fields.get(key)}, the lines say {seen[key]}")
    if report.verdict not in ("PASS", "FAIL"):
        report.problems.append(f"the verdict is neither PASS nor FAIL but '{report.verdict}'")
    if report.verdict == "PASS" and failed:
        report.problems.append("the verdict is PASS although a test failed")


def check(text):
    """Read a whole log. Never raises."""
    report = Report()
    output = []
    for number, line in enumerate(_body(text, report), 1):
        if line.startswith("#: ") or line == "#:":
            output.append(line[3:])
        elif words := VERDICT.fullmatch(line):
            _take_verdict(report, words, number)
        elif line.startswith("# ") or line == "#":
            report.kernel_lines.append(line[2:])
        elif words := PLAN.fullmatch(line):
            if report.planned or report.results:
                report.problems.append(f"line {number}: a plan line that is not the first line")
            report.planned = int(words.group(1))
        elif words := RESULT.fullmatch(line):
            _take_result(report, words, number, output)
            output = []
        else:
            report.problems.append(f"line {number} is of no known kind: {line[:80]!r}")
    if not report.planned:
        report.problems.append("there is no plan line")
    if not report.verdict:
        report.problems.append("there is no verdict line")
    else:
        _check_counts(report)
    return report


def main():
    if len(sys.argv) > 2 or "-h" in sys.argv or "--help" in sys.argv:
        print(__doc__.strip())
        return 3
    data = open(sys.argv[1], "rb").read() if len(sys.argv) == 2 else sys.stdin.buffer.read()
    report = check(data.decode("utf-8", "replace"))
    for problem in report.problems:
        print(f"ktap_check: {problem}", file=sys.stderr)
    if report.problems:
        return 3
    return 0 if report.verdict == "PASS" else 1


if __name__ == "__main__":
    sys.exit(main())
