# SPDX-License-Identifier: MIT
"""The lines of a plan, and what its `#linux:` lines say (run_on_linux.py lists them)."""
import re

ENVIRONMENT = {"PATH": "/bin:/sbin:/usr/bin:/usr/sbin", "HOME": "/"}
CAPABILITIES = {  # of <linux/capability.h>
    "cap_dac_read_search": 2, "cap_setgid": 6, "cap_setuid": 7, "cap_ipc_lock": 14,
    "cap_sys_chroot": 18, "cap_sys_admin": 21, "cap_sys_nice": 23, "cap_sys_time": 25,
    "cap_mknod": 27}
NO_JUDGE = {"differs", "skip"}
RIGHTS = {"users", "mounts", "terminals", "niceness"} | set(CAPABILITIES)
NEEDS = RIGHTS | {"root", "processor", "ipv6"}


class PlanError(Exception):
    """A line that does not follow the grammar."""


class Test:
    """One line of the plan."""

    def __init__(self, name):
        self.name = name
        self.limit = 10.0
        self.expect = "exit:0"
        self.skip = None
        self.skip_code = 0
        self.user = 0
        self.environment = dict(ENVIRONMENT)
        self.command = []

    def passes(self, outcome):
        """'passed', 'failed', or 'skipped' by its exit status."""
        if self.skip_code and outcome == f"exit:{self.skip_code}":
            return "skipped"
        return "passed" if outcome == self.expect else "failed"


def split_words(line):
    """Words of a plan line: blanks separate, quotes group; \\" and \\\\ inside double quotes."""
    words, word, quoted, i = [], None, "", 0
    while i < len(line):
        c = line[i]
        if quoted == '"' and c == "\\":
            if line[i + 1:i + 2] not in ("\"", "\\"):
                raise PlanError("backslash before something else than \" or \\")
            i += 1
            word += line[i]
        elif c in (quoted or "'\""):
            quoted = "" if quoted else c
            word = word or ""
        elif not quoted and c in " \t":
            if word is not None:
                words.append(word)
            word = None
        else:
            word = (word or "") + c
        i += 1
    if quoted:
        raise PlanError("unterminated quote")
    if word is not None:
        words.append(word)
    return words


def parse_test(line):
    """A Test from a line that is neither empty nor a comment."""
    words = split_words(line)
    if len(words) < 2 or words[0] != "test":
        raise PlanError("not a test line")
    test = Test(words[1])
    rest = words[2:]
    while rest and re.match(r"(limit|expect|skip|skipcode|user|env)=", rest[0]):
        key, value = rest.pop(0).split("=", 1)
        if key == "limit":
            test.limit = float(value)
        elif key == "expect":
            test.expect = value
        elif key == "skipcode":
            test.skip_code = int(value)
        elif key == "user":
            test.user = int(value)
        elif key == "env":
            name, value = value.split("=", 1)
            test.environment[name] = value
        else:
            test.skip = value
    if not rest:
        raise PlanError("no command")
    test.command = rest
    return test


def needs_of(kind):
    """What a test with a directive of that kind, or none, needs: a set of names."""
    return set() if kind is None or kind in NO_JUDGE else set(kind.split(","))


def read_plan(path):
    """(tests, directives): directives maps a name to (kind, reason)."""
    tests, directives = [], {}
    with open(path, encoding="utf-8") as plan:
        for number, line in enumerate(plan, 1):
            line = line.rstrip("\n")
            try:
                if line.startswith("#linux:"):
                    kind, name, reason = line[len("#linux:"):].split(None, 2)
                    if needs_of(kind) - NEEDS:
                        raise PlanError(f"'{kind}' is no directive")
                    directives[name] = (kind, reason)
                elif line.strip(" \t") and not line.startswith("#"):
                    tests.append(parse_test(line))
            except (PlanError, ValueError) as error:
                raise SystemExit(f"{path}:{number}: {error}: {line}") from error
    unknown = set(directives) - {test.name for test in tests}
    if unknown:
        raise SystemExit(f"{path}: directive for unknown test: {sorted(unknown)}")
    return tests, directives
