#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""shell.py - boot into a shell on the serial line, in this terminal

Usage: tools/shell.py [-b BUILD] [-m MEM] [-s CPUS] [-d "PACKAGE..."] [-r DIR]...
                      [-c WORDS] [--all]

Leaving the shell switches the machine off; closing this terminal ends it. Every key goes to the
machine, Ctrl-C and Ctrl-Z too; Ctrl-] prints what every thread does, and three of them within a
second stop the machine by force.
Exit status: 0 the shell was left and the machine switched off, 2 panic, 3 anything else.
"""
import contextlib
import os
import re
import select
import shutil
import subprocess
import sys
import tempfile
import termios
import time
import tty

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, HERE)
import machine  # noqa: E402  (found beside this file)

PLAN = "test true /bin/busybox true\n"
BEGIN = b"starting the kernel"  # what the firmware says before that is not shown
ATTENTION, FORCE_COUNT, FORCE_SECONDS = b"\x1d", 3, 1.0


class NotMade(Exception):
    """mkimg.sh has made no image and has said why."""


class Terminal:
    """Ours, in raw mode for as long as the machine runs."""

    def __init__(self):
        self.fd = sys.stdin.fileno()
        self.saved = None

    def __enter__(self):
        if os.isatty(self.fd):
            self.saved = termios.tcgetattr(self.fd)
            tty.setraw(self.fd)
        return self

    def __exit__(self, *what):
        if self.saved:
            with contextlib.suppress(termios.error):  # it was closed
                termios.tcsetattr(self.fd, termios.TCSADRAIN, self.saved)

    def word(self):
        """The word of the command line that tells what the machine is connected to."""
        name = re.sub(r"[^A-Za-z0-9._+-]", "", os.environ.get("TERM", "")) or "vt100"
        size = shutil.get_terminal_size((80, 24))
        return f"term={name},{size.lines},{size.columns}"


class Link:
    """Keys from us to the machine, its text to us, until it ends."""

    def __init__(self, proc, keys):
        self.proc, self.keys = proc, keys
        self.is_terminal = os.isatty(keys.fileno())
        self.tail = b""  # the last of what came, for what is looked for in it
        self.shown = False
        self.presses = []
        self.clean = False  # the shell has ended by itself
        self.forced = False
        self.hung_up = False  # our terminal was closed

    def _show(self, data):
        self.tail = (self.tail + data)[-4096:]
        self.clean = self.clean or b"shell: ended" in self.tail
        if not self.shown:
            place = self.tail.find(BEGIN)
            if place < 0:
                return
            self.shown = True
            data = self.tail[place + len(BEGIN):].lstrip(b"\r\n")
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    def _press(self, data):
        now = time.monotonic()
        self.presses = [t for t in self.presses if now - t < FORCE_SECONDS]
        self.presses += [now] * data.count(ATTENTION)
        if len(self.presses) >= FORCE_COUNT:
            self.forced = True
            self.proc.kill()
            return
        try:
            self.proc.stdin.write(data)
            self.proc.stdin.flush()
        except BrokenPipeError:
            pass

    def _keys_read(self):
        """A terminal in raw mode has no end of its input: that means that it was closed."""
        try:
            data = os.read(self.keys.fileno(), 1024)
        except OSError:
            data = b""
        self.hung_up = not data and self.is_terminal
        return data

    def run(self):
        sources = [self.proc.stdout, self.keys]
        while True:
            ready = select.select(sources, [], [])[0]
            if self.proc.stdout in ready:
                data = os.read(self.proc.stdout.fileno(), 65536)
                if not data:
                    return self.proc.wait()
                self._show(data)
            if self.keys in ready and not self.shown:
                time.sleep(0.05)  # keys wait for the shell, not for the firmware
            elif self.keys in ready:
                data = self._keys_read()
                if data:
                    self._press(data)
                elif self.hung_up:
                    self.proc.kill()
                    return self.proc.wait()
                else:
                    sources.remove(self.keys)


def make_image(opts, words, folder):
    image = os.path.join(folder, "shell.img")
    args = [os.path.join(HERE, "mkimg.sh"), "-o", image, "-c", words]
    if opts.build:
        args += ["-b", opts.build]
    if not opts.all:
        plan = os.path.join(folder, "plan")
        with open(plan, "w", encoding="ascii") as file:
            file.write(PLAN)
        args += ["-p", plan]
    for option, values in (("-d", opts.packages), ("-r", opts.trees)):
        for value in values:
            args += [option, value]
    if subprocess.run(args, check=False, stdout=subprocess.DEVNULL).returncode:
        raise NotMade  # it has said why
    return image


def start(opts, image, folder):
    boot = machine.Machine(image, opts.memory, opts.cpus)
    with open(os.path.join(folder, "errors"), "wb") as errors:
        return machine.start(boot.arguments(os.path.join(folder, "qmp")), stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=errors, start_new_session=True)


def verdict(link, status, folder):
    if link.forced:
        return 3, "stopped by force"
    if link.hung_up:
        return 3, "the terminal was closed"
    if status == machine.STATUS_PANIC:
        return 2, "the kernel panicked"
    if status == 0 and link.clean:
        return 0, ""
    with open(os.path.join(folder, "errors"), encoding="utf-8", errors="replace") as errors:
        said = errors.read().strip().splitlines()
    # What QEMU says of an option goes on over lines; warnings may be before it.
    said = [line for line in said if line.startswith("qemu") and ": warning:" not in line] or said
    return 3, f"the machine ended with status {status}{': ' + said[0] if said else ''}"


def main():
    parser = machine.Parser(prog="tools/shell.py", description=__doc__.splitlines()[0])
    parser.add_argument("-b", dest="build", help="where the kernel is built (build)")
    parser.add_argument("-m", dest="memory", default="256M", help="memory (256M)")
    parser.add_argument("-s", dest="cpus", type=int, default=1, help="processors (1)")
    parser.add_argument("-d", dest="packages", action="append", default=[],
                        help="install these Debian packages")
    parser.add_argument("-r", dest="trees", action="append", default=[],
                        help="lay this tree over the root filesystem")
    parser.add_argument("-c", dest="words", default="", help="more words for the kernel")
    parser.add_argument("--all", action="store_true", help="run the whole plan first")
    opts = parser.parse_args()
    for path in (shutil.which(machine.QEMU), machine.OVMF):
        if not path or not os.path.exists(path):
            what = path or f"the program '{machine.QEMU}'"
            print(f"shell.py: {what} is missing; 'tools/deps.sh run' installs it", file=sys.stderr)
            return 3
    if sys.stdin is None or sys.stdout is None:
        print("shell.py: it needs an input and an output; one of them is closed", file=sys.stderr)
        return 3
    terminal = Terminal()
    with tempfile.TemporaryDirectory(prefix="firstlight-shell-") as folder:
        image = make_image(opts, f"after=shell {terminal.word()} {opts.words}", folder)
        proc = start(opts, image, folder)
        try:
            with terminal:
                link = Link(proc, sys.stdin)
                status = link.run()
        finally:
            if proc.poll() is None:
                proc.kill()
                proc.wait()
        code, message = verdict(link, status, folder)
    if message:
        with contextlib.suppress(OSError):  # stderr may be the terminal that was closed
            print(f"shell.py: {message}", file=sys.stderr)
    return code


if __name__ == "__main__":
    machine.exit_on_signals()
    try:
        sys.exit(main())
    except NotMade:
        sys.exit(3)
    except KeyboardInterrupt:
        print("shell.py: stopped", file=sys.stderr)
        sys.exit(3)
    except OSError as err:
        with contextlib.suppress(OSError):
            print(f"shell.py: {err}", file=sys.stderr)
        sys.exit(3)
