# SPDX-License-Identifier: MIT
"""The README, typed as it stands: somebody who knows nothing else gets a program judged."""
import os
import re
import shlex

from conftest import BUILD, TOP, run


def blocks(first="## Your own programs", behind="## Seeing what happens"):
    """The fenced blocks between these headings, in order."""
    with open(os.path.join(TOP, "README.md"), encoding="utf-8") as file:
        text = file.read()
    section = text[text.index(first):text.index(behind)]
    return re.findall(r"^```\w*\n(.*?)^```$", section, re.M | re.S)


def type_in(folder, program, plan, commands):
    """Do what the README says in a new directory, with tools/ and a build beside it."""
    (folder / "hello.c").write_text(program)
    (folder / "plan.txt").write_text(plan)
    if not (folder / "tools").exists():
        (folder / "tools").symlink_to(os.path.join(TOP, "tools"))
    commands = commands.replace("mkimg.sh ", f"mkimg.sh -b {shlex.quote(BUILD)} ")
    return run("bash", "-e", "-c", commands, cwd=folder, timeout=300)


def test_own_program_is_judged(tmp_path):
    program, plan, commands, _ = blocks()
    done = type_in(tmp_path, program, plan, commands)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "#: hello from ring 3\n" in done.stdout
    assert re.search(r"^ok \d+ hello ", done.stdout, re.M)
    assert re.search(r"^ok \d+ shell ", done.stdout, re.M)
    assert "verdict=PASS" in done.stdout


def test_own_program_with_glibc_that_fails(tmp_path):
    program, plan, commands, _ = blocks()
    done = type_in(tmp_path, program.replace("return 0", "return 7"), plan,
                   commands.replace("musl-gcc", "gcc"))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "#: hello from ring 3\n" in done.stdout
    assert re.search(r"^not ok \d+ hello ", done.stdout, re.M)
    assert "verdict=FAIL" in done.stdout


def test_calls_are_shown(tmp_path):
    program, plan, commands, _ = blocks()
    commands = commands.replace("tools/run.sh my.img\n", "")
    commands += blocks("## Seeing what happens", "## On a real machine")[0]
    done = type_in(tmp_path, program, plan, commands)
    assert done.returncode == 0, done.stdout + done.stderr
    shown = re.findall(r"^# \[.*\] \[pid \d+\] (\w+)\(", done.stdout, re.M)
    assert {"writev", "exit_group"} <= set(shown) <= {"writev", "execve", "exit_group"}
