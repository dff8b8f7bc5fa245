# SPDX-License-Identifier: MIT
"""progress.py - what is shown while cases run: each as it ends, and a line about the one that runs

The line is for terminals: it is rewritten in place, and nothing of it stays. With `serial`, all
that the machine says is shown instead, as it comes.
"""
import os
import shutil
import sys
import time

import ktap_check


class Progress:
    """Counts cases, and shows them. Of two runs, the second begins at `done`."""

    def __init__(self, names, serial=False, title=""):
        self.names = names  # in the order in which they run
        self.title = title
        self.serial = serial
        self.live = sys.stdout.isatty() and not serial
        self.done = self.failed = 0
        self.began = time.monotonic()
        self.rest, self.output = 0, []  # where the unread log begins; lines of the case that runs

    def say(self, lines):
        """Lines that stay."""
        if self.live:
            sys.stdout.write("\r\033[K")
        print("\n".join(lines), flush=True)

    def case(self, name, passed, lines=(), seconds=None):
        """A case has ended; the lines tell what was wrong."""
        self.done += 1
        self.failed += not passed
        self.began = time.monotonic()
        took = "" if seconds is None else f" {seconds:.1f} s"
        self.say([f"{'ok' if passed else 'FAILED'} {name}{took} ({self.done} of {len(self.names)})",
                  *lines])

    def line(self, now):
        """Rewrite the line about the case that runs."""
        if not self.live:
            return
        failed = f", {self.failed} failed" if self.failed else ""
        text = (f"{self.title}{self.done} of {len(self.names)}{failed}; {now}, "
                f"{time.monotonic() - self.began:.0f} s")
        sys.stdout.write("\r\033[K" + text[:shutil.get_terminal_size().columns - 1])
        sys.stdout.flush()

    def clear(self):
        """Take the line away."""
        if self.live:
            sys.stdout.write("\r\033[K")
            sys.stdout.flush()

    def machine_begins(self):
        """Another machine, with a log of its own."""
        self.rest, self.output = 0, []
        self.began = time.monotonic()

    def follow(self, log, judge):
        """Read what is new in a machine's log. judge(result) shows it by case()."""
        end = log.rfind("\n") + 1
        text, self.rest = log[self.rest:end], max(end, self.rest)
        if self.serial and text:
            os.write(1, text.encode("utf-8", "replace"))
        for line in text.splitlines():
            if line.startswith("#: ") or line == "#:":
                self.output.append(line[3:])
            elif words := ktap_check.RESULT.fullmatch(line):
                judge(ktap_check.Result(int(words[2]), words[3], words[1] == "ok", words[4] or "",
                                        self.output))
                self.output = []
