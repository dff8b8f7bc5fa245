# SPDX-License-Identifier: MIT
"""The count at the end of `make test`: a ring that says nothing, or dies, is a failure."""
import os
import re
import sys

import pytest

from conftest import TOP, run

GOOD = {
    "lint": "lint: 10 files, 3 rules passed, 0 failed",
    "host-test": "host: 5 passed, 0 failed",
    "fuzz-short": "fuzz: 2 passed, 0 failed",
    "user-test-linux": "user-linux: 7 passed, 0 failed, 1 skipped",
    "system-test": "11 passed in 3.21s",
}


@pytest.fixture
def totals(tmp_path):
    """run.py with a make that says what it is told to: totals({ring: (status, text)})."""
    def call(changes):
        script = "#!/bin/sh\nfor target; do :; done\ncase $target in\n"
        for ring, text in GOOD.items():
            status, text = changes.get(ring, (0, text))
            script += f"{ring}) echo '{text}'; exit {status} ;;\n"
        fake = tmp_path / "make"
        fake.write_text(script + "*) exit 99 ;;\nesac\n")
        fake.chmod(0o755)
        note = tmp_path / "note"
        done = run(sys.executable, os.path.join(TOP, "tests/run.py"),
                   env=dict(os.environ, MAKE=str(fake), FIRSTLIGHT_TOTALS=str(note)))
        call.stdout = done.stdout
        last = done.stdout.splitlines()[-1]
        assert note.read_text() == last + "\n"
        return done.returncode, last

    return call


def test_all_passed(totals):
    assert totals({}) == (0, "28 passed, 0 failed")


@pytest.mark.parametrize("change, last", [
    ({"lint": (2, "lint: 10 files, 2 rules passed, 1 failed")}, "27 passed, 1 failed"),
    ({"host-test": (2, "host: 4 passed, 1 failed")}, "27 passed, 1 failed"),
    ({"host-test": (2, "the compiler failed")}, "23 passed, 1 failed"),
    ({"host-test": (0, "")}, "23 passed, 1 failed"),
    ({"host-test": (0, "host: 4 passed, 1 failed")}, "27 passed, 1 failed"),
    ({"host-test": (2, "host: 5 passed, 0 failed")}, "28 passed, 1 failed"),
    ({"fuzz-short": (0, "fuzz: 0 passed, 0 failed")}, "26 passed, 1 failed"),
    ({"user-test-linux": (1, "user-linux: 6 passed, 1 failed")}, "27 passed, 1 failed"),
    ({"system-test": (1, "2 failed, 9 passed in 99.1s (0:01:39)")}, "26 passed, 2 failed"),
    ({"system-test": (1, "9 passed, 2 errors in 9.1s")}, "26 passed, 2 failed"),
    ({"system-test": (0, "9 passed, 2 skipped in 9.1s")}, "26 passed, 2 failed"),
    ({"system-test": (4, "ERROR: no such file")}, "17 passed, 1 failed"),
])
def test_each_failure_counts(totals, change, last):
    status, line = totals(change)
    assert (status, line) == (1, last)


def test_a_skip_with_the_machine_as_its_reason_is_no_failure(totals):
    text = "SKIPPED [2] a/b.py:7: not here: no terminals\n9 passed, 2 skipped in 9.1s"
    assert totals({"system-test": (0, text)}) == (0, "26 passed, 0 failed")
    assert totals({"system-test": (0, text.replace("[2]", "[1]"))}) == (1, "26 passed, 1 failed")
    assert totals({"system-test": (0, text.replace("not here", "here"))}) == (
        1, "26 passed, 2 failed")


def test_linux_may_be_skipped_and_that_is_shown(totals):
    assert totals({"user-test-linux": (0, "user-linux: not here: no rights")}) == (
        0, "21 passed, 0 failed")
    assert re.search(r"^user-test-linux +0 passed +0 failed .*  skipped: no rights$",
                     totals.stdout, re.M)


@pytest.mark.parametrize("ring, status, passed", [
    ("user-test-linux", 2, 21), ("lint", 0, 25), ("host-test", 0, 23), ("fuzz-short", 0, 26),
    ("system-test", 0, 17)])
def test_no_other_ring_is_skipped(totals, ring, status, passed):
    assert totals({ring: (status, "user-linux: not here: no rights")}) == (
        1, f"{passed} passed, 1 failed")
    assert "skipped: " not in totals.stdout


@pytest.mark.parametrize("script, code", [
    ("echo 'unshare: unshare failed: Operation not permitted' >&2; exit 1", 0),
    ("echo 'unshare: unshare failed: No space left on device' >&2; exit 1", 0),
    ("echo 'unshare: invalid option' >&2; exit 1", 1),
    ("echo 'unshare: unshare failed: Cannot allocate memory' >&2; exit 1", 1),
    ("exit 127", 1),
    ("kill -9 $$", 1),
])
def test_linux_is_skipped_only_where_it_refuses(tmp_path, script, code):
    fake = tmp_path / "unshare"
    fake.write_text(f"#!/bin/sh\n{script}\n")
    fake.chmod(0o755)
    done = run(sys.executable, "-c", "import run_on_linux as r\n"
               "r.capabilities = set\nr.enter_namespace()\nprint('entered')",
               env=dict(os.environ, PATH=f"{tmp_path}:{os.environ['PATH']}",
                        PYTHONPATH=os.path.join(TOP, "tests/user")))
    assert (done.returncode, "not here: " in done.stdout, "entered" in done.stdout) == (
        code, code == 0, False)


@pytest.mark.parametrize("script, status, last", [
    ("echo '5 passed, 0 failed'", 0, "5 passed, 0 failed"),
    ("echo '4 passed, 1 failed' >$FIRSTLIGHT_TOTALS; echo 'make: *** Error 1'; exit 2", 1,
     "4 passed, 1 failed"),
    ("echo 'make: *** the packages are needed'; exit 2", 1, "0 passed, 1 failed"),
])
def test_ci_ends_with_the_count(tmp_path, script, status, last):
    fake = tmp_path / "make"
    fake.write_text(f"#!/bin/sh\n[ $1 = test ] || exit 9\n{script}\n")
    fake.chmod(0o755)
    done = run(os.path.join(TOP, ".ci/run"), cwd="/",
               env=dict(os.environ, PATH=f"{tmp_path}:{os.environ['PATH']}"))
    assert (done.returncode, done.stdout.splitlines()[-1]) == (status, last)
