#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""lint.py - check the house style of the whole checkout

Usage: lint.py [--root DIR] [--rule NAME]... [--list] [--comments]

Each rule is one function below, marked with @rule. It gets all sources and yields its findings.
Rules marked with @later_rule are checked only when --rule names them: the tree does not keep them
yet. Exit status 0 only if there are no findings. --comments prints the share of comments of every
file of the kernel, the lowest first.
tests/system/test_lint.py shows each rule a bad example.

Long because a rule is short, and there are many of them.
"""
import argparse
import ast
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys

# The rooms of the kernel, lowest first: a file sees its own room and those to the left of it.
ROOMS = ["shared", "vdso", "lib", "arch", "core", "mm", "plat", "sched", "vm", "fs", "net", "dev",
         "proc", "syscall", "selftest"]
SEES_ALL = {"kernel/main.c"}
LOADER_SEES = ("efi-loader/", "shared/", "kernel/lib/")
C_DIRS = ("shared", "kernel", "efi-loader", "rootfs", "tests")
SKIPPED_DIRS = {".git", "build", "__pycache__", ".pytest_cache"}
FILE_LINES, FUNCTION_LINES, COLUMNS = 500, 70, 100
EXCUSE = "Long because"

# Words that the field has better ones for, in names and comments of the kernel: an expression that
# stands for a whole word or a part of a name, and what to write.
WORDS = {
    "process_join": "process_publish",
    "vm_poke": "vm_write_remote",
    "vm_peek": "vm_read_remote",
    "filemap": "page cache",
    "vm_mappings": "reverse map",
    "forget_everywhere": "TLB shootdown",
    "PTE_KEPT": "PTE_PROTNONE",
    "PTE_SHOWN": "PTE_FILE",
    "vm_io": "user_iter",
    "RUNNER": "deny-write count",
    "fs_place": "fs_struct",
    "floating": "unhashed",
    "is_home": "boot mount",
    "ARCH_WORK_QUIET": "pending flags",
    "tells_switch": "rseq_registered",
    "timer_let_go": "timer_detach",
    "hung_group": "hup_group",
    "adopts": "subreaper",
    "snippet": "user stub",
    "judge": "check",
    "memory for names": "name buffer",
    "what everybody is doing": "task dump",
    "who|whoever": "the caller, the waiter, the owner",
    "somebody|anybody|everybody": "another task, another CPU",
    "nobody": "no reader, no waiter; free",
    "tells": "reports",
    "wants": "requires",
    "patience": "timeout",
    "sched_poke|poke|kicked": "sched_kick",
    "forget|forgets|forgotten": "flush, invalidate",
    "crowded": "number of runnable threads",
    "disclaim|disclaims": "release (a controlling terminal)",
    "awaited": "reaped_by_init",
    "numbered": "pid_link",
}
COMMENT_FLOOR, COMMENT_AIM = 10, 15  # percent of the lines that are not empty: a file, and all

RULES = {}


def rule(function):
    RULES[function.__name__.replace("_", "-")] = function
    return function


def blank(match):
    """The same text with everything but line ends made blank, so that positions stay."""
    return re.sub(r"[^\n]", " ", match.group(0))


COMMENT_OR_STRING = re.compile(
    r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
COMMENT = re.compile(r'(/\*.*?\*/|//[^\n]*)|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
STRING = re.compile(r'/\*.*?\*/|//[^\n]*|("(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\')', re.S)
INCLUDE_LINE = re.compile(r"^[ \t]*#[ \t]*include[^\n]*", re.M)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n\\]|\\.)*(?:\\\n(?:[^\n\\]|\\.)*)*", re.M | re.S)


class Function:
    """A function definition: where it is, and its text without comments and strings."""

    def __init__(self, name, first, last, start, end):
        self.name, self.first, self.last = name, first, last  # lines
        self.start, self.end = start, end  # offsets of the body


class Source:
    """One file, and the views of it that the rules want."""

    def __init__(self, root, path):
        self.path = path
        self.full = os.path.join(root, path)
        with open(self.full, encoding="utf-8", errors="replace") as file:
            self.text = file.read()
        self.lines = self.text.split("\n")
        self.is_c = path.endswith((".c", ".h"))
        self._functions = None
        if self.is_c:
            self.code = COMMENT_OR_STRING.sub(blank, self.text)
            # Comments and names, without strings and the paths of includes.
            self.names = INCLUDE_LINE.sub(blank, STRING.sub(
                lambda m: blank(m) if m.group(1) else m.group(0), self.text))
            self.no_comments = COMMENT.sub(lambda m: blank(m) if m.group(1) else m.group(0),
                                           self.text)

    def line_of(self, offset):
        return self.text.count("\n", 0, offset) + 1

    def functions(self):
        if self._functions is None:
            self._functions = list(self._find_functions())
        return self._functions

    def is_static(self, function):
        """Whether `static` stands in front of it, in the same declaration."""
        before = "\n".join(self.code.split("\n")[:function.first + 3])[:function.start]
        head = re.split(r"[;}]", before)[-1]
        return re.search(r"\bstatic\b", head) is not None

    def _find_functions(self):
        """Definitions at the top level: a brace that opens behind a closing parenthesis."""
        code = DIRECTIVE.sub(blank, self.code)
        depth, head, start, inside = 0, 0, 0, None
        for match in re.finditer(r"[{};]", code):
            at, char = match.start(), match.group(0)
            if char == "{":
                if depth == 0:
                    start, inside = at, code[head:at].strip()
                depth += 1
            elif char == "}":
                depth = max(0, depth - 1)
                if depth == 0:
                    name = re.match(r"[^=]*?(\w+)\s*\([^=]*\)\s*(?:__\w+|\w+)?$", inside or "",
                                    re.S)
                    if name and not re.match(r"(struct|union|enum)\s+\w+$", inside):
                        lead = len(code[head:start]) - len(code[head:start].lstrip())
                        yield Function(name.group(1), self.line_of(head + lead),
                                       self.line_of(at), start, at)
                    head = at + 1
            elif depth == 0:
                head = at + 1


class Tree:
    """Every file that has a style."""

    def __init__(self, root):
        self.root = root
        self.sources = {}
        for folder, folders, files in os.walk(root):
            folders[:] = sorted(d for d in folders if d not in SKIPPED_DIRS)
            for name in sorted(files):
                path = os.path.relpath(os.path.join(folder, name), root)
                if self.has_style(path):
                    self.sources[path] = Source(root, path)

    @staticmethod
    def has_style(path):
        # What tests/programs runs is data: scripts that do odd things on purpose.
        if re.match(r"tests/programs/[^/]+/", path):
            return False
        if path == ".ci/run" or os.path.basename(path) == "Makefile":
            return True
        return path.endswith((".c", ".h", ".S", ".ld", ".def", ".py", ".sh", ".mk", ".md"))

    def c_files(self, *prefixes):
        prefixes = prefixes or tuple(d + "/" for d in C_DIRS)
        return [s for s in self.sources.values() if s.is_c and s.path.startswith(prefixes)]


def room_of(path):
    """The room's place in the order, or None for files that belong to no room."""
    if path.startswith("shared/"):
        return 0
    parts = path.split("/")
    if parts[0] == "kernel" and len(parts) > 2 and parts[1] in ROOMS:
        return ROOMS.index(parts[1])
    return None


INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+"([^"]+)"', re.M)


def includes(source):
    for match in INCLUDE.finditer(source.no_comments):
        yield match.group(1), source.line_of(match.start())


@rule
def include_paths(tree):
    """Includes in quotes are written from the top, and the file is there."""
    for source in tree.c_files():
        for target, line in includes(source):
            if target in tree.sources:
                continue
            beside = os.path.join(os.path.dirname(source.path), target)
            if "/" not in target and beside not in tree.sources:
                continue  # a generated header
            if target.startswith(("shared/", "kernel/", "efi-loader/", "tests/")) and \
                    "gen" in os.path.basename(target):
                continue
            yield source.path, line, f'"{target}" is not a path from the top of the checkout'


@rule
def include_order(tree):
    """No upward include between the rooms; the loader sees its own, shared and kernel/lib."""
    for source in tree.c_files("shared/", "kernel/", "efi-loader/"):
        own = room_of(source.path)
        for target, line in includes(source):
            if source.path.startswith("efi-loader/"):
                if "/" in target and not target.startswith(LOADER_SEES):
                    yield source.path, line, f'the loader does not see "{target}"'
                continue
            if source.path in SEES_ALL or "/" not in target:
                continue
            theirs = room_of(target)
            if theirs is None:
                yield source.path, line, f'"{target}" belongs to no room'
            elif own is not None and theirs > own:
                yield source.path, line, (f"upward include: {ROOMS[own]} does not see "
                                          f"{ROOMS[theirs]}")


@rule
def header_cycles(tree):
    """No header includes itself, however far round."""
    graph = {s.path: [t for t, _ in includes(s) if t in tree.sources] for s in tree.c_files()
             if s.path.endswith(".h")}
    state = {}

    def visit(path, trail):
        state[path] = "open"
        for target in graph.get(path, []):
            if state.get(target) == "open":
                cycle = trail[trail.index(target):] if target in trail else []
                yield path, 1, "header cycle: " + " -> ".join(cycle + [target])
            elif target not in state:
                yield from visit(target, trail + [target])
        state[path] = "done"

    for path in sorted(graph):
        if path not in state:
            yield from visit(path, [path])


@rule
def extern_in_c(tree):
    """Declarations live in headers."""
    for source in tree.c_files():
        if source.path.endswith(".c"):
            for match in re.finditer(r"\bextern\b", source.code):
                yield source.path, source.line_of(match.start()), "extern in a .c file"


@rule
def if_in_body(tree):
    """A function body is not cut up by the preprocessor."""
    for source in tree.c_files():
        for function in source.functions():
            for match in re.finditer(r"^[ \t]*#[ \t]*(if|ifdef|ifndef|else|elif)\b", source.code,
                                     re.M):
                if function.start < match.start() < function.end:
                    yield (source.path, source.line_of(match.start()),
                           f"#{match.group(1)} inside {function.name}")


@rule
def function_casts(tree):
    """No cast to a function pointer."""
    cast = re.compile(r"\(\s*[A-Za-z_][\w\s*]*\(\s*\*\s*\)\s*\([^()]*\)\s*\)\s*[A-Za-z_&(]")
    for source in tree.c_files():
        for match in cast.finditer(source.code):
            before = source.code[:match.start()].rstrip()
            if not before.endswith("sizeof"):
                yield source.path, source.line_of(match.start()), "cast to a function pointer"


@rule
def typedefs(tree):
    """Structures are written as such."""
    for source in tree.c_files():
        for match in re.finditer(r"\btypedef\s+(struct|union)\b", source.code):
            yield source.path, source.line_of(match.start()), f"typedef of a {match.group(1)}"


@rule
def bare_minus_one(tree):
    """Errors have names. (Programs under tests/ follow libc's conventions.)"""
    for source in tree.c_files("shared/", "kernel/", "efi-loader/"):
        for match in re.finditer(r"\breturn\s+-\s*1\s*;", source.code):
            yield source.path, source.line_of(match.start()), "returns a bare -1"


@rule
def long_files(tree):
    """A file over 500 lines says why."""
    for source in tree.sources.values():
        if not source.path.endswith(".md") and len(source.lines) > FILE_LINES + 1:
            if EXCUSE not in source.text:
                yield source.path, 1, f"{len(source.lines) - 1} lines without '{EXCUSE}'"


@rule
def long_functions(tree):
    """A function over 70 lines says why, in or directly above it."""
    for source in tree.c_files():
        for function in source.functions():
            length = function.last - function.first + 1
            near = "\n".join(source.lines[max(0, function.first - 12):function.last])
            if length > FUNCTION_LINES and EXCUSE not in near:
                yield (source.path, function.first,
                       f"{function.name} has {length} lines without '{EXCUSE}'")


ASM = re.compile(r"\b(?:asm|__asm__|__asm)\b(?:\s+(?:volatile|__volatile__|goto|inline))*\s*\(")


def asm_instructions(strings):
    """The instructions in an asm template; labels, prefixes and directives are none."""
    text = strings.replace("\\n", "\n").replace("\\t", " ").replace(";", "\n")
    for line in text.split("\n"):
        line = re.sub(r"^\s*(?:[\w.%=]+:\s*)*", "", line).strip()
        if line and not line.startswith(".") and line not in ("rep", "repe", "repne", "lock"):
            yield line


@rule
def long_asm(tree):
    """No inline assembly longer than one instruction; more belongs in a .S file."""
    for source in tree.c_files("shared/", "kernel/", "efi-loader/"):
        for match in ASM.finditer(source.no_comments):
            rest = source.no_comments[match.end():]
            template = re.match(r'\s*((?:"(?:\\.|[^"\\])*"\s*|[A-Z_0-9]+\s*(?:\([^()]*\))?\s*)*)',
                                rest)
            strings = "".join(re.findall(r'"((?:\\.|[^"\\])*)"', template.group(1)))
            if len(list(asm_instructions(strings))) > 1:
                yield (source.path, source.line_of(match.start()),
                       "inline assembly of more than one instruction")


@rule
def spdx(tree):
    """Every source file begins with its licence."""
    for source in tree.sources.values():
        if source.path.endswith(".md"):
            continue
        if not any("SPDX-License-Identifier: MIT" in line for line in source.lines[:2]):
            yield source.path, 1, "no SPDX line at the top"


@rule
def room_cards(tree):
    """Every header opens with a card: its name, what it is for; and with #pragma once."""
    for source in tree.c_files():
        if not source.path.endswith(".h"):
            continue
        name = re.escape(os.path.basename(source.path))
        if not re.search(rf"^ \* (?:[\w./-]*/)?{name} - \S", "\n".join(source.lines[:6]), re.M):
            yield source.path, 1, "no card: ' * room/name.h - what it is' belongs at the top"
        if "#pragma once" not in source.text:
            yield source.path, 1, "no #pragma once"


@rule
def columns(tree):
    """100 columns, where clang-format does not see to it."""
    for source in tree.sources.values():
        if source.path.endswith((".S", ".py", ".sh", ".ld", ".def")):
            for number, line in enumerate(source.lines, 1):
                if len(line.expandtabs(8)) > COLUMNS:
                    yield source.path, number, f"more than {COLUMNS} columns"


@rule
def blanks(tree):
    """No blanks at the end of a line; one line end at the end of a file."""
    for source in tree.sources.values():
        for number, line in enumerate(source.lines, 1):
            if line != line.rstrip() and not source.path.endswith(".md"):
                yield source.path, number, "blanks at the end of the line"
        if source.text and (not source.text.endswith("\n") or source.text.endswith("\n\n")):
            yield source.path, len(source.lines), "the file should end with one line end"


def make_variables(tree):
    """The plain assignments of the kernel's make fragments: name -> value."""
    found = {}
    for source in tree.sources.values():
        if source.path.startswith("kernel/") and source.path.endswith(".mk"):
            text = re.sub(r"(?m)^[ \t]*#.*$", "", source.text).replace("\\\n", " ")
            for name, value in re.findall(r"(?m)^(\w+)[ \t]*[:?+]?=(.*)$", text):
                found[name] = (found.get(name, "") + " " + value).strip()
    return found


def expand(variables, name, depth=0):
    """A variable's words, with the variables in them expanded, too."""
    if depth > 8:
        return []
    words = []
    for word in variables.get(name, "").split():
        inner = re.fullmatch(r"\$[({](\w+)[)}]", word)
        words += expand(variables, inner.group(1), depth + 1) if inner else [word]
    return words


@rule
def reading_order(tree):
    """kernel/README.md lists every source of the kernel, in the order of KERNEL_SRCS."""
    readme, make = tree.sources.get("kernel/README.md"), tree.sources.get("kernel/kernel.mk")
    if readme is None or make is None:
        yield "kernel", 1, "kernel/README.md or kernel/kernel.mk is missing"
        return
    told = []
    for path in re.findall(r"(?<![\w/.-])((?:[\w-]+/)*[\w-]+\.[cS])\b", readme.text):
        path = path if path.startswith("kernel/") else "kernel/" + path
        if path in tree.sources and path not in told:
            told.append(path)
    built = [path for path in expand(make_variables(tree), "KERNEL_SRCS") if path in tree.sources]
    for path in sorted(tree.sources):
        if path.startswith("kernel/") and path.endswith((".c", ".S")) and \
                os.path.basename(path) != "offsets.c":  # makes a header, is not linked
            if path not in told:
                yield "kernel/README.md", 1, f"{path} is not in the reading order"
            if path not in built:
                yield "kernel/kernel.mk", 1, f"{path} is not built"
    for left, right in zip([p for p in told if p in built], [p for p in built if p in told]):
        if left != right:
            yield "kernel/README.md", 1, f"{left} where kernel.mk has {right}"
            break


def find_words(tree, words):
    """Where one of the words stands, by itself or as a part of a name between underscores."""
    for pattern, better in words.items():
        for source in tree.c_files("kernel/"):
            for match in re.finditer(rf"(?<![A-Za-z])(?:{pattern})(?![A-Za-z])", source.names):
                yield (source.path, source.line_of(match.start()),
                       f"'{match.group(0)}': write {better}")


@rule
def words(tree):
    """Names and comments of the kernel use the field's words."""
    yield from find_words(tree, WORDS)


@rule
def static_names(tree):
    """No two static functions of the kernel share a name: a backtrace shows nothing else."""
    seen = {}
    for source in sorted(tree.c_files("kernel/"), key=lambda s: s.path):
        for function in source.functions():
            if source.path.endswith(".c") and source.is_static(function):
                first = seen.setdefault(function.name, source.path)
                if first != source.path:
                    yield source.path, function.first, f"{function.name} is in {first}, too"


# A declaration at the top of a body, with or without a value.
DECLARATION = re.compile(r"\s*(?:(?:const|volatile|static|struct|enum|union|unsigned|signed)\s+)*"
                         r"\w+[\s*]+\w+\s*(?:[=,\[]|$)")
HELD = re.compile(r"\s*ASSERT\s*\(.*_is_held\w*\s*\(", re.S)


@rule
def locked_asserts(tree):
    """A function whose name ends in _locked opens with the assertion that a lock is held."""
    for source in tree.c_files("kernel/"):
        for function in source.functions():
            if not function.name.endswith("_locked"):
                continue
            statements = source.code[function.start + 1:function.end].split(";")
            while statements and DECLARATION.match(statements[0]) and \
                    not re.match(r"\s*(?:return|goto)\b", statements[0]):
                statements.pop(0)
            if not statements or not HELD.match(statements[0]):
                yield source.path, function.first, f"{function.name} does not assert its lock"


def comment_shares(tree):
    """(percent, path) for each .c file of the kernel."""
    for source in tree.c_files("kernel/"):
        if source.path.endswith(".c"):
            codes = source.no_comments.split("\n")
            pairs = [(text, code) for text, code in zip(source.lines, codes)
                     if text.strip() and "SPDX-License-Identifier" not in text]
            commented = sum(text != code for text, code in pairs)
            yield 100 * commented // max(1, len(pairs)), source.path


@rule
def comments(tree):
    """Comments: 10 % of the lines of each .c file of the kernel, 15 % on average (--comments)."""
    shares = sorted(comment_shares(tree))
    for percent, path in shares:
        if percent < COMMENT_FLOOR:
            yield path, 1, f"comments in {percent} % of the lines, not {COMMENT_FLOOR} %"
    average = sum(percent for percent, _ in shares) / max(1, len(shares))
    if shares and average < COMMENT_AIM - 0.5:
        yield "kernel", 1, f"comments: {average:.1f} % of the lines on average, not {COMMENT_AIM} %"


@rule
def form(tree):
    """clang-format has nothing to change. Version 14 decides; others differ in details."""
    tool = shutil.which("clang-format-14") or shutil.which("clang-format")
    config = os.path.join(tree.root, ".clang-format")
    paths = [s.path for s in tree.c_files()]
    if not paths or not os.path.exists(config):
        return
    if tool is None:
        yield ".clang-format", 1, "clang-format is missing; 'tools/deps.sh lint' installs it"
        return
    version = subprocess.run([tool, "--version"], capture_output=True, text=True, check=True)
    if "version 14." not in version.stdout:
        print(f"lint: the form of C files is not checked: {version.stdout.strip()} is not 14")
        return
    jobs = os.cpu_count() or 1
    parts = [paths[i::jobs] for i in range(jobs) if paths[i::jobs]]

    def run(part):
        return subprocess.run([tool, "--dry-run", "-Werror"] + part, cwd=tree.root,
                              capture_output=True, text=True, check=False).stderr

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        text = "".join(pool.map(run, parts))
    seen = set()
    for path, line in re.findall(r"^([^\s:]+):(\d+):\d+: error:", text, re.M):
        if path not in seen:
            seen.add(path)
            yield path, int(line), "clang-format would change this file from here on"


@rule
def shell(tree):
    """shellcheck has nothing to say."""
    scripts = [s.path for s in tree.sources.values()
               if s.path.endswith(".sh") or s.path == ".ci/run"]
    if not scripts:
        return
    if shutil.which("shellcheck") is None:
        yield "tools", 1, "shellcheck is missing; 'tools/deps.sh lint' installs it"
        return
    done = subprocess.run(["shellcheck", "-f", "gcc"] + scripts, cwd=tree.root,
                          capture_output=True, text=True, check=False)
    for line in done.stdout.splitlines():
        path, number, _, text = line.split(":", 3)
        yield path, int(number), text.strip()


@rule
def python(tree):
    """Every Python file compiles."""
    for source in tree.sources.values():
        if source.path.endswith(".py"):
            try:
                ast.parse(source.text, source.path)
            except SyntaxError as err:
                yield source.path, err.lineno or 1, f"does not compile: {err.msg}"


def main():
    top = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    args = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    args.add_argument("--root", default=top)
    args.add_argument("--rule", action="append", help="only this rule; again for more")
    args.add_argument("--list", action="store_true", help="name the rules")
    args.add_argument("--comments", action="store_true", help="the share of comments of each file")
    opts = args.parse_args()
    if opts.list:
        for name, function in RULES.items():
            print(f"{name:16} {function.__doc__}")
        return 0
    for name in opts.rule or []:
        if name not in RULES:
            args.error(f"no rule '{name}'; --list names them")
    tree = Tree(os.path.realpath(opts.root))
    if opts.comments:
        shares = sorted(comment_shares(tree))
        for percent, path in shares:
            print(f"{percent:3} % {path}")
        print(f"{sum(p for p, _ in shares) // max(1, len(shares)):3} % on average")
        return 0
    failed = 0
    chosen = opts.rule or list(RULES)
    for name in chosen:
        findings = list(RULES[name](tree))
        failed += bool(findings)
        for path, line, text in findings:
            print(f"{path}:{line}: {name}: {text}")
    print(f"lint: {len(tree.sources)} files, {len(chosen) - failed} rules passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
