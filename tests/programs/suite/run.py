"""One module of CPython's own tests: every test with how it ended, in order of their names.

What a failed one has to say is shown on stderr of the case only behind its name: texts of
exceptions hold addresses and numbers that differ from run to run.
"""
import io
import os
import sys
import unittest

from test import support


class Result(unittest.TestResult):
    """Keeps one line for each test."""

    def __init__(self):
        super().__init__()
        self.lines = {}

    def put(self, test, what):
        """The worst stays: a test can fail and then fail to clean up."""
        self.lines[test.id()] = what if self.lines.get(test.id(), "ok") == "ok" else \
            self.lines[test.id()]

    def addSuccess(self, test):
        self.put(test, "ok")

    def addSkip(self, test, reason):
        self.put(test, "skipped")

    def addExpectedFailure(self, test, err):
        self.put(test, "ok")

    def addFailure(self, test, err):
        self.put(test, f"FAILED {err[0].__name__}: {str(err[1]).splitlines()[:1]}")

    def addError(self, test, err):
        self.put(test, f"ERROR {err[0].__name__}: {str(err[1]).splitlines()[:1]}")

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.put(test, f"FAILED in a part, {err[0].__name__}: {str(err[1]).splitlines()[:1]}")


name, folder = sys.argv[1:]
os.chdir(folder)
sys.argv[1:] = []
support.verbose = False
quiet, shown = io.StringIO(), sys.stdout
sys.stdout = sys.stderr = quiet
null = os.open("/dev/null", os.O_WRONLY)
kept = os.dup(1), os.dup(2)
os.dup2(null, 1)
os.dup2(null, 2)  # children and C code
result = Result()
unittest.defaultTestLoader.loadTestsFromName(f"test.{name}").run(result)
os.dup2(kept[0], 1)
os.dup2(kept[1], 2)
sys.stdout = shown
for test, what in sorted(result.lines.items()):
    print(test, what)
sys.stdout.flush()
os._exit(0)  # threads that a test left behind do not matter
