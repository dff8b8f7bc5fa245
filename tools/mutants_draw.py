# SPDX-License-Identifier: MIT
"""mutants_draw.py - the changes of one line that mutants.py makes, in the order of a seed"""
import fnmatch
import hashlib
import os
import random
import re

import lint

SKIPPED_ROOMS = ("kernel/selftest/",)
# What only speaks, or only fails where the kernel is wrong already.
SKIPPED_LINES = re.compile(r"\b(ASSERT\w*|static_assert|_Static_assert|klog\w*|log_\w+|panic\w*|"
                           r"PANIC|BUG|case|default|goto|__asm__|asm)\b")
ERRORS = ("EINVAL", "EPERM", "EACCES", "ENOENT", "EFAULT", "ESRCH", "EBUSY", "EAGAIN", "ENOMEM",
          "EBADF", "ENOTDIR", "EEXIST")


def matching(text, start):
    """The offset behind the parenthesis that closes the one at `start`; None if the line ends."""
    depth = 0
    for at in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        if depth == 0:
            return at + 1
    return None


def negate(code):
    """if (x) -> if (!(x))"""
    for match in re.finditer(r"\b(?:if|while) (\()", code):
        end = matching(code, match.start(1))
        if end:
            yield match.start(1), end, "(!\0)"  # \0: what stood there


def exchange(pattern, table):
    """An operator that puts table[found] in the place of what the pattern's group found."""
    def apply(code):
        for match in re.finditer(pattern, code):
            if match.group(1) in table:
                yield match.start(1), match.end(1), table[match.group(1)]
    return apply


def off_by_one(code):
    """x + 1 -> x, x - 1 -> x, and a number that is one more."""
    for match in re.finditer(r" [+-] 1(?![\w.])", code):
        yield match.start(), match.end(), ""
    for match in re.finditer(r"(?<![\w.\[\"'])(\d+)(?=[uUlL]*\b)(?![\w.])", code):
        if not re.search(r"<<\s*$|[+-] $", code[:match.start()]):
            yield match.start(1), match.end(1), str(int(match.group(1)) + 1)


def remove_statement(code):
    """A call or an assignment on a line of its own."""
    match = re.match(r"\s*([a-z_][\w>.\[\]-]*(?:\(.*\)| [+|&-]?= .*|\+\+|--));$", code)
    if match and not re.match(r"\s*(return|break|continue|else|do)\b", code):
        yield match.start(1), match.end(1), "(void)0"


def drop_flag(code):
    """a | FLAG -> a, a & ~FLAG -> a, a |= FLAG -> nothing added."""
    for match in re.finditer(r" \| [A-Z][A-Z0-9_]+\b(?!\()", code):
        yield match.start(), match.end(), ""
    for match in re.finditer(r" & ~[A-Z][A-Z0-9_]+\b(?!\()", code):
        yield match.start(), match.end(), ""


def return_early(code):
    """return x -> return 0."""
    match = re.search(r"\breturn ((?!0;|true;|false;|NULL;)[^;]+);", code)
    if match:
        yield match.start(1), match.end(1), "0"


def swap_error(code):
    """-EINVAL -> -EPERM, and so on."""
    for match in re.finditer(r"-(E[A-Z]{3,})\b", code):
        if match.group(1) in ERRORS:
            other = ERRORS[(ERRORS.index(match.group(1)) + 1) % len(ERRORS)]
            yield match.start(1), match.end(1), other


OPERATORS = {
    "negate condition": negate,
    "equal": exchange(r"(==|!=)", {"==": "!=", "!=": "=="}),
    "border": exchange(r"(?<![<>\-=])([<>]=?)(?![<>=])",
                       {"<": "<=", ">": ">=", "<=": "<", ">=": ">"}),
    "and, or": exchange(r"(&&|\|\|)", {"&&": "||", "||": "&&"}),
    "plus, minus": exchange(r"(?<=\w|\)) ([+-])(?= )", {"+": "-", "-": "+"}),
    "off by one": off_by_one,
    "remove statement": remove_statement,
    "drop flag": drop_flag,
    "return early": return_early,
    "true, false": exchange(r"\b(true|false)\b", {"true": "false", "false": "true"}),
    "error": swap_error,
}


class Mutant:
    """One changed line."""

    def __init__(self, source, function, line, operator, before, after):
        self.file, self.line, self.operator = source.path, line, operator
        self.function = function.name
        self.before, self.after = before, after
        text = f"{source.path}\0{hashlib.sha256(source.text.encode()).hexdigest()}\0{line}\0{after}"
        self.id = hashlib.sha256(text.encode()).hexdigest()[:16]

    def record(self, verdict, by, seconds):
        return {"id": self.id, "file": self.file, "line": self.line, "operator": self.operator,
                "before": self.before.strip(), "after": self.after.strip(), "verdict": verdict,
                "by": by, "seconds": round(seconds)}

    def __str__(self):
        return f"{self.file}:{self.line} ({self.operator})"


def changed(name, code, text):
    """The line `text` after each change of the operator. `code` is the same, strings blanked."""
    for start, end, new in OPERATORS[name](code):
        after = text[:start] + new.replace("\0", text[start:end]) + text[end:]
        if after != text:
            yield after


def mutants_of(source):
    """{line: mutants}: every change of every line inside a function."""
    found, code = {}, source.code.split("\n")
    for function in source.functions():
        first, last = source.line_of(function.start) + 1, source.line_of(function.end)
        for number in range(first, last):
            text = source.lines[number - 1]
            if SKIPPED_LINES.search(text):
                continue
            changes = [Mutant(source, function, number, name, text, after) for name in OPERATORS
                       for after in changed(name, code[number - 1].rstrip(), text)]
            if changes:
                found[number] = changes
    return found


def drawn(root, seed, pattern):
    """All mutants in the order of the seed: lines are drawn evenly, then one change of each."""
    sources = []
    for folder, _, files in sorted(os.walk(os.path.join(root, "kernel"))):
        for name in sorted(files):
            path = os.path.relpath(os.path.join(folder, name), root)
            if name.endswith(".c") and not path.startswith(SKIPPED_ROOMS) and \
                    fnmatch.fnmatch(path, pattern):
                sources.append(lint.Source(root, path))
    lines = [changes for source in sources for _, changes in sorted(mutants_of(source).items())]
    chance = random.Random(seed)
    chance.shuffle(lines)
    for changes in lines:
        yield chance.choice(changes)
