# SPDX-License-Identifier: MIT
"""The operators of `make mutants`, each by an example; the same seed gives the same mutants."""
import itertools
import os
import sys
import time

import pytest

from conftest import TOP

sys.path.insert(0, os.path.join(TOP, "tools"))
import mutants  # noqa: E402  (found by the path above)
import mutants_boot  # noqa: E402
import mutants_draw  # noqa: E402


def changed(operator, code):
    return list(mutants_draw.changed(operator, code, code))


@pytest.mark.parametrize("operator, before, after", [
    ("negate condition", "if (a && (b))", "if (!(a && (b)))"),
    ("equal", "return a == b;", "return a != b;"),
    ("border", "while (i < n)", "while (i <= n)"),
    ("and, or", "return a && b;", "return a || b;"),
    ("plus, minus", "x = a + b;", "x = a - b;"),
    ("off by one", "x = a + 1;", "x = a;"),
    ("off by one", "f(16);", "f(17);"),
    ("remove statement", "    spin_unlock(&a->lock);", "    (void)0;"),
    ("remove statement", "    a->b = c;", "    (void)0;"),
    ("drop flag", "f(A | FLAG_B);", "f(A);"),
    ("return early", "return err;", "return 0;"),
    ("true, false", "return true;", "return false;"),
    ("error", "return -EINVAL;", "return -EPERM;"),
])
def test_operator(operator, before, after):
    assert after in changed(operator, before)


def test_arrows_and_shifts_are_no_borders():
    assert not changed("border", "a->b = c << 2 >> 1;")


def test_a_long_line_takes_no_time():
    began = time.monotonic()
    changed("remove statement", "a" * 90 + "(b, c, d)")
    assert time.monotonic() - began < 1


def test_the_same_seed_gives_the_same_mutants():
    first, second = ([str(m) for m in itertools.islice(mutants_draw.drawn(TOP, 7, "*/vm/*"), 20)]
                     for _ in range(2))
    assert first == second and len(set(first)) > 15


def test_strings_stay():
    text, code = 'if (a("x, y"))', 'if (a(      ))'
    assert list(mutants_draw.changed("negate condition", code, text)) == ['if (!(a("x, y")))']


def test_the_nearest_tests_come_first():
    plan = ("# --- a plan\ntest one /bin/t/one\ntest sh /bin/sh -c /bin/t/pipe\n"
            "test size-a /bin/t/pipe_size a\ntest size-b /bin/t/pipe_size b\n"
            "test two /bin/t/pipe\n")
    order = [line.split()[1] for line in
             mutants.nearest_first(plan, "kernel/fs/pipe/pipe_size.c").splitlines()]
    assert order == ["size-a", "size-b", "two", "one", "sh"]


@pytest.mark.parametrize("log, by", [
    ("ok 1 a\nnot ok 2 b # time=3us exit status 1\n", "test b # time=3us exit status 1"),
    ("ok 1 a\nPANIC: assertion\n", "panic assertion"),
    ("ok 1 a\nok 2 b # time=3us\n", "silence after b"),
    ("", "silence after the start"),
])
def test_what_failed(log, by):
    assert mutants_boot.first_failure(log, None) == by
