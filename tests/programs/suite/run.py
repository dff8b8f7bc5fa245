"""One module of CPython's own tests: how many passed of each class, and how others ended.

A child runs them and writes down each one as it begins and as it ends; so one that never ends, or
takes the interpreter with it, is named. What a failed one has to say is shown behind its name.
Resources that regrtest does not use by itself (network, large files, hours) are not used here.
"""
import collections
import io
import os
import signal
import sys
import time
import unittest

name, limit, folder = sys.argv[1:]
os.chdir(folder)
KEPT = os.path.join(folder, "results")


class Result(unittest.TestResult):
    """Writes a line for each thing that is known of a test."""

    def __init__(self, file):
        super().__init__()
        self.file = file

    def put(self, test, what):
        self.file.write(f"{test.id()}\t{what}\n")
        self.file.flush()

    def startTest(self, test):
        super().startTest(test)
        self.put(test, "never ended")

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


def run_tests():
    from test import support
    sys.argv[1:] = []
    support.verbose = False
    support.use_resources = {}
    with open(KEPT, "w", encoding="utf-8", errors="backslashreplace") as file:
        null = os.open("/dev/null", os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)  # of children and C code
        os.close(null)
        sys.stdout = sys.stderr = io.StringIO()
        unittest.defaultTestLoader.loadTestsFromName(f"test.{name}").run(Result(file))
    os._exit(0)  # threads that a test left behind do not matter


pid = os.fork()
if not pid:
    run_tests()
end, status = time.monotonic() + int(limit) - 15, 0
while os.waitpid(pid, os.WNOHANG) == (0, 0):
    if time.monotonic() > end:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        break
    time.sleep(0.2)
results = {}
with open(KEPT, encoding="utf-8") as file:
    for line in file:
        test, _, what = line.rstrip("\n").partition("\t")
        # The worst stays: a test can fail and then fail to clean up.
        if results.get(test, "never ended") in ("never ended", "ok"):
            results[test] = what
passed = collections.Counter(test.rpartition(".")[0] for test in results if results[test] == "ok")
print("".join(f"{group}: {count} ok\n" for group, count in sorted(passed.items())), end="")
for test, what in sorted(results.items()):
    if what != "ok":
        print(test, what)
