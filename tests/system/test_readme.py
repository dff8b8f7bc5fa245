# SPDX-License-Identifier: MIT
"""The README, typed as it stands: somebody who knows nothing else gets a program judged."""
import os
import re
import select
import shlex
import subprocess
import textwrap
import time

import pytest

from conftest import BUILD, INSTALL_SECONDS, SBIN, TOP, run, tool
from test_reports import flash, start  # noqa: F401  (fixtures)


def blocks(title="Your own programs"):
    """The fenced blocks under a title, in order."""
    with open(os.path.join(TOP, "README.md"), encoding="utf-8") as file:
        text = file.read()
    section = re.search(rf"^## {title}$(.*?)^## ", text, re.M | re.S).group(1)
    return re.findall(r"^```\w*\n(.*?)^```$", section, re.M | re.S)


def laptop_blocks():
    """The fenced blocks of the five steps, which are indented, in order."""
    with open(os.path.join(TOP, "docs/laptop.md"), encoding="utf-8") as file:
        steps = file.read().partition("\n## ")[0]
    return [textwrap.dedent(block)
            for block in re.findall(r"^ +```\n(.*?)^ +```$", steps, re.M | re.S)]


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
    commands += blocks("Seeing what happens")[0]
    done = type_in(tmp_path, program, plan, commands)
    assert done.returncode == 0, done.stdout + done.stderr
    shown = re.findall(r"^# \[.*\] \[pid \d+\] (\w+)\(", done.stdout, re.M)
    assert {"writev", "exit_group"} <= set(shown) <= {"writev", "execve", "exit_group"}


def write_stick(command, image, device):
    """Type `make usb DEV=/dev/sdX` with this image and device in their places."""
    assert command == "make usb DEV=/dev/sdX"
    shown = run("make", "-C", TOP, "-n", "--no-print-directory", "usb", f"DEV={device}")
    typed = shown.stdout.rstrip().splitlines()[-1]
    assert typed == f'tools/usb.sh "{device}" build/firstlight.img', shown.stderr
    done = run("bash", "-e", "-c", typed.replace("build/firstlight.img", str(image)), cwd=TOP,
               input=os.path.basename(device) + "\n", env=dict(SBIN, FIRSTLIGHT_USB="loop"))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("stick_mib", [280])
def test_stick(tmp_path, stick):
    """With a loop device for a stick, and an image as make would have built it."""
    device, path = stick
    write, copy = blocks("Write a stick")
    image = tmp_path / "my.img"
    done = run(tool("mkimg.sh"), "-b", BUILD, "-o", image)
    assert done.returncode == 0, done.stderr
    (tmp_path / "plan.txt").write_text("test edited /bin/minimal\n")
    done = run("bash", "-e", "-c", copy, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    write_stick(write.rstrip("\n"), image, device)
    done = run(tool("run.sh"), "-d", "usb", path, timeout=200)
    assert done.returncode == 0 and re.search(r"^ok \d+ edited ", done.stdout, re.M), done.stdout


@pytest.mark.parametrize("stick_mib", [280])
def test_laptop(tmp_path, stick, mkimg, start):
    """The five steps, with a loop device for the stick and a machine with a variable store."""
    device, path = stick
    write, read = laptop_blocks()
    lists, writes = write.splitlines()
    done = run("make", "-C", TOP, "-n", "--no-print-directory", *lists.split()[1:])
    done = run("bash", "-c", done.stdout.rstrip().splitlines()[-1], cwd=TOP)
    assert "Removable disks of this machine:" in done.stdout
    write_stick(writes, mkimg(plan="test a /bin/minimal\n").path, device)
    outcome = start(path, disk="usb")
    assert outcome.report.verdict == "PASS" and outcome.reason == "guest-shutdown"
    run("blockdev", "--flushbufs", device, env=SBIN)  # as if it was pulled out and put in again
    done = run("bash", "-e", "-c", read.replace("/dev/sdX", device), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "verdict=PASS" in done.stdout and "machine: QEMU" in done.stdout


class Typist:
    """Somebody before the terminal of `make shell`, whose arguments these are."""

    def __init__(self, command, folder, seconds=120):
        self.seconds = seconds  # until the shell is there
        assert command.startswith("make shell"), command
        words = shlex.split(command)[2:]
        words = [shlex.split(word.removeprefix("SHELL_ARGS=")) for word in words]
        # What the target does once the image is there; make itself would build it once more.
        self.proc = subprocess.Popen(
            [os.path.join(TOP, "tools/shell.py"), "-b", BUILD] + sum(words, []), cwd=folder,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.seen = ""

    def __enter__(self):
        self.expect(r"firstlight:\S*# ", self.seconds)
        return self

    def __exit__(self, *what):
        self.proc.kill()
        self.proc.wait()

    def expect(self, pattern, seconds=20):
        """Wait for it behind what was expected last."""
        deadline = time.monotonic() + seconds
        while not (found := re.search(pattern, self.seen)):
            assert time.monotonic() < deadline, (pattern, self.seen)
            if select.select([self.proc.stdout], [], [], 0.2)[0]:
                data = os.read(self.proc.stdout.fileno(), 4096)
                assert data, (pattern, self.seen)
                self.seen += data.decode("utf-8", "replace")
        self.seen = self.seen[found.end():]

    def type(self, line, pattern):
        """A line, and what it answers."""
        self.proc.stdin.write(line.encode() + b"\r")
        self.proc.stdin.flush()
        self.expect(re.escape(line))
        self.expect(pattern)


def test_shell(tmp_path):
    with Typist(blocks("A shell")[0], tmp_path) as typist:
        typist.type("echo $((6 * 7))", r"[\n\r]42\r")
        typist.type("exit", "shell: ended with status 0")
        assert typist.proc.wait(20) == 0


def test_debian_shell(tmp_path, network):
    """The packages are fetched and installed on the way, where an earlier run has not done it."""
    with Typist(blocks("A shell")[1].rstrip("\n"), tmp_path, INSTALL_SECONDS) as typist:
        typist.type("echo ${BASH_VERSION%%.*} $(nproc)", r"[\n\r]\d 4\r")
        typist.type("less --version | head -n 1", r"[\n\r]less \d+")
        typist.type("exit 3", "shell: ended with status 3")
        assert typist.proc.wait(20) == 0
