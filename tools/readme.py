#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""readme.py - the reading order in kernel/README.md, made from the sources

Usage: readme.py [--check] [--root DIR]

The order is that of KERNEL_SRCS in kernel/kernel.mk; what a file is for is the first sentence of
the comment that opens it. Everything between the two marks in kernel/README.md is written anew.
--check writes nothing and fails if the text is not what it would be.
"""
import argparse
import os
import re
import sys

BEGIN = "<!-- reading order: written by tools/readme.py -->"
END = "<!-- end of the reading order -->"
TITLES = {
    "arch": "Power-on and the processor", "lib": "Pure code", "core": "Core", "mm": "Memory",
    "plat": "The PC", "sched": "Threads", "vm": "Address spaces", "fs": "Files", "net": "Sockets",
    "dev": "Devices", "proc": "Programs", "syscall": "System calls", "selftest": "Self-test",
}


def sources(root):
    """The kernel's sources in their order, without `kernel/`."""
    with open(os.path.join(root, "kernel/kernel.mk"), encoding="utf-8") as file:
        text = file.read()
    listed = re.search(r"^KERNEL_SRCS := (.*?[^\\])\n", text, re.M | re.S)
    return [word.removeprefix("kernel/") for word in listed.group(1).split() if word != "\\"]


def summary(root, path):
    """The first sentence of the comment behind the licence; None if there is no comment."""
    with open(os.path.join(root, "kernel", path), encoding="utf-8") as file:
        text = file.read()
    opening = re.match(r"/\* SPDX[^\n]*\n+/\*(.*?)\*/", text, re.S)
    if not opening:
        return None
    lines = [re.sub(r"^\s*\*", "", line).strip() for line in opening.group(1).split("\n")]
    paragraph = re.split(r"\n\n", "\n".join(lines).strip())[0]
    text = re.sub(r"^\S+\.[cS] - ", "", " ".join(paragraph.split()))
    sentence = re.match(r".*?[.](?=\s|$)", text)
    found = (sentence.group(0) if sentence else text).rstrip(".")
    first = found.split()[0]
    return found[0].lower() + found[1:] if first[1:].islower() or len(first) == 1 else found


def reading_order(root):
    """The text between the marks, and the files that say nothing of themselves."""
    lines, silent, group = [], [], None
    for path in sources(root):
        room = path.split("/")[0]
        if room in TITLES and room != group:
            group = room
            lines += ["", f"### {TITLES[room]}", "", "| file | what |", "|---|---|"]
        what = summary(root, path)
        if what is None:
            silent.append(path)
        lines.append(f"| `{path}` | {(what or '').replace('|', chr(92) + '|')} |")
    return "\n".join(lines).strip("\n"), silent


def main():
    parser = argparse.ArgumentParser(usage="readme.py [--check] [--root DIR]")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--root", default=os.path.join(os.path.dirname(__file__), ".."))
    args = parser.parse_args()
    path = os.path.join(args.root, "kernel/README.md")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if BEGIN not in text or END not in text:
        sys.exit(f"readme.py: {path} has no marks; put these two lines around the list:\n"
                 f"{BEGIN}\n{END}")
    order, silent = reading_order(args.root)
    for name in silent:
        print(f"readme.py: kernel/{name}: its first comment, after the licence, should say what "
              "it is for", file=sys.stderr)
    head, tail = text.split(BEGIN)[0], text.split(END)[1]
    new = f"{head}{BEGIN}\n\n{order}\n\n{END}{tail}"
    if args.check and (new != text or silent):
        sys.exit("readme.py: kernel/README.md is not up to date; `tools/readme.py` writes it")
    if not args.check and new != text:
        with open(path, "w", encoding="utf-8") as file:
            file.write(new)
    sys.exit(1 if silent else 0)


if __name__ == "__main__":
    main()
