#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""mutants_boot.py - boot several images one after the other, and say what fails first in each

Usage: mutants_boot.py JOBS SECONDS

JOBS is a file of lines of JSON: {"id", "image", "cpus", "quiet"}; lines may be added as long as
this runs. Each answer is a line of JSON: {"id", "by", "seconds"}, where `by` is null if the machine
said PASS. A machine is ended at the first test that fails, and when it says nothing for `quiet`
seconds: no test of the unchanged kernel is silent for so long. What does not fit into SECONDS gets
no answer.

mutants.py runs it behind its --wrap: one turn on a shared machine is used for many boots.
"""
import json
import os
import re
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rpartition("/")[0] or ".")
import machine  # noqa: E402  (found by the path above)

NOT_OK = re.compile(r"^not ok \d+ ([^\s#]*)(.*)\n", re.M)
PANIC = re.compile(r"PANIC: ([^\n]*)")
LEAST_SECONDS = 20  # no boot is begun with less


class Ended(Exception):
    """The machine need not go on."""


def first_failure(log, outcome):
    """In words; outcome is None for a machine that was ended here."""
    for pattern, word in ((PANIC, "panic"), (NOT_OK, "test")):
        found = pattern.search(log)
        if found:
            return f"{word} {''.join(found.groups()).strip()}"
    last = re.findall(r"^ok \d+ (\S+)", log, re.M)
    return f"{'the end' if outcome else 'silence'} after {last[-1] if last else 'the start'}"


def boot(job, deadline):
    """What failed first, or None. Raises TimeoutError at the deadline."""
    parent = os.getppid()
    heard = {"length": 0, "at": time.monotonic()}

    def watch(guest):
        now = time.monotonic()
        if len(guest.log) > heard["length"]:
            heard.update(length=len(guest.log), at=now)
            if NOT_OK.search(guest.log):
                raise Ended
        if now > deadline or os.getppid() != parent:
            raise TimeoutError
        if now - heard["at"] > job["quiet"]:
            raise Ended

    guest = machine.Machine(job["image"], cpus=job["cpus"], timeout=0)
    outcome = None
    try:
        outcome = guest.run(watch)
    except Ended:
        pass
    if outcome and outcome.code == machine.PASS:
        return None
    return first_failure(guest.log, outcome)


def read_jobs(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.endswith("\n")]


def main(path, seconds):
    deadline, done = time.monotonic() + float(seconds), 0
    while done < len(read_jobs(path)) and deadline - time.monotonic() > LEAST_SECONDS:
        job, began = read_jobs(path)[done], time.monotonic()
        done += 1
        try:
            by = boot(job, deadline)
        except TimeoutError:
            break
        by = by and f"{by} (-smp {job['cpus']})"
        print(json.dumps({"id": job["id"], "by": by,
                          "seconds": round(time.monotonic() - began)}), flush=True)
    return 0


if __name__ == "__main__":
    machine.exit_on_signals()
    sys.exit(main(*sys.argv[1:]))
