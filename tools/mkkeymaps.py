#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""mkkeymaps.py - the keyboard layouts of Debian's console data, as one file for the kernel

Usage: mkkeymaps.py -o OUTPUT [-d DIRECTORY] [-l LOADKEYS]

DIRECTORY holds layouts as package console-data brings them (/usr/share/keymaps/i386); LOADKEYS, of
package kbd, reads them, so that their language is known in one place only. OUTPUT is a row of
records, sorted by name: struct keymap_record of kernel/lib/keyboard.h.

A layout is left out if it cannot type all of ASCII without a switch to another script: nobody could
type a command with it. A dead key types its accent at once. The same data gives the same bytes.
"""
import argparse
import os
import re
import struct
import subprocess
import sys

KEYS, NAME_BYTES, LETTER = 128, 32, 0x8000
PLAIN, SHIFT, ALTGR, SHIFT_ALTGR = 0, 1, 2, 3  # Linux's tables of these modifiers, and our levels
MAGIC, TABLES = b"bkeymap", 256
# Types of <linux/keyboard.h>: KT_LATIN, KT_SPEC, KT_DEAD, KT_LETTER. A value whose type is none of
# Linux's 16 is a character, xored with 0xf000.
LATIN, SPEC, DEAD, ALPHA, NTYPES = 0, 2, 4, 11, 16
ENTER = 1  # K_ENTER
ACCENTS = "`´^~\"¸"  # K_DGRAVE and so on
OTHER = "mac-usb-"  # keyboards with other key codes
ASCII = set(range(0x20, 0x7F)) | {0x0D}


class Problem(Exception):
    """What is wrong with the input, in words."""


def character(symbol):
    """What the kernel's table has for this key symbol of Linux; 0: nothing that is text."""
    kind, value = symbol >> 8, symbol & 0xFF
    if kind >= NTYPES:
        code = symbol ^ 0xF000
        return code if code < LETTER else 0
    if kind == LATIN:
        return value
    if kind == ALPHA:
        return value | LETTER
    if kind == SPEC and value == ENTER:
        return 0x0D
    if kind == DEAD and value < len(ACCENTS):
        return ord(ACCENTS[value])
    return 0


def tables_read(data):
    """The tables of a binary keymap, by their modifiers."""
    if data[:len(MAGIC)] != MAGIC or len(data) < len(MAGIC) + TABLES:
        raise Problem("loadkeys wrote no binary keymap")
    present = [n for n in range(TABLES) if data[len(MAGIC) + n]]
    at, tables = len(MAGIC) + TABLES, {}
    for number in present:
        tables[number] = struct.unpack_from(f"<{KEYS}H", data, at)
        at += 2 * KEYS
    if at != len(data):
        raise Problem(f"a binary keymap of {len(data)} bytes instead of {at}")
    return tables


def levels_make(tables):
    """Four levels of characters."""
    empty = (0x0200,) * KEYS
    levels = [[character(symbol) for symbol in tables.get(level, empty)]
              for level in (PLAIN, SHIFT, ALTGR, SHIFT_ALTGR)]
    # A letter that Linux keeps as a character of its own is one as well: é beside É.
    for low, high in ((PLAIN, SHIFT), (ALTGR, SHIFT_ALTGR)):
        for key in range(KEYS):
            small, large = (chr(levels[n][key] & ~LETTER) for n in (low, high))
            if small != large and small.upper() == large:
                levels[low][key] |= LETTER
                levels[high][key] |= LETTER
    return levels


def is_usable(levels):
    return ASCII <= {code & ~LETTER for level in levels for code in level}


def record_make(name, levels):
    return struct.pack(f"<{NAME_BYTES}s{4 * KEYS}H", name.encode(), *sum(levels, []))


def layouts_of(directory):
    """Name -> file. The same name in two folders would be a choice nobody has made."""
    found = {}
    for folder, _, names in sorted(os.walk(directory)):
        for file in sorted(names):
            name = re.fullmatch(r"(.+)\.k?map(\.gz)?", file)
            if not name or len(name[1].encode()) >= NAME_BYTES or name[1].startswith(OTHER):
                continue
            if name[1] in found:
                raise Problem(f"two layouts are called {name[1]}")
            found[name[1]] = os.path.join(folder, file)
    return found


def records_make(directory, loadkeys):
    env = dict(os.environ, LOADKEYS_KEYMAP_PATH=directory, LC_ALL="C")
    for name, path in sorted(layouts_of(directory).items()):
        # Some layouts of the package are for other hardware or broken: loadkeys refuses them.
        done = subprocess.run([loadkeys, "-q", "-u", "-b", path], capture_output=True, check=False,
                              env=env, cwd=directory)
        if done.returncode == 0 and done.stdout:
            levels = levels_make(tables_read(done.stdout))
            if is_usable(levels):
                yield record_make(name, levels)


def main(argv):
    parser = argparse.ArgumentParser(prog="mkkeymaps.py", description=__doc__.split("\n")[0])
    parser.add_argument("-o", dest="output", required=True)
    parser.add_argument("-d", dest="directory", default="/usr/share/keymaps/i386")
    parser.add_argument("-l", dest="loadkeys", default="loadkeys")
    opts = parser.parse_args(argv)
    try:
        data = b"".join(records_make(opts.directory, opts.loadkeys))
        if not data:
            raise Problem(f"no layout in {opts.directory}: package console-data brings them")
    except (Problem, OSError) as err:
        print(f"mkkeymaps.py: {err}", file=sys.stderr)
        return 1
    with open(opts.output + ".new", "wb") as file:
        file.write(data)
    os.replace(opts.output + ".new", opts.output)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
