#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write the ELF corpus: small executables with the layouts that loaders get wrong.

    corpus.py CHECK.BIN OUTDIR    write the files
    corpus.py --plan              print their plan lines

CHECK.BIN is check.S as flat code. Each file below carries it with a table of what must hold in
memory once the file is loaded. Linux decides what that is: where two segments share a page, the
later one has it; the rest of a segment's last file page shows the file, unless bss begins there.
"""
import os
import struct
import sys

PAGE = 4096
R, W, X = 4, 2, 1
LOAD, STACK = 1, 0x6474E551
EXEC, DYN = 2, 3
BASE = 0x400000
GARBAGE = 0xEE  # fills the file wherever no segment says otherwise


class File:
    """One ELF file: segments, contents, table."""

    def __init__(self, name, expect="exit:0", kind=EXEC):
        self.name, self.expect, self.kind = name, expect, kind
        self.headers, self.chunks, self.rows = [], {}, []
        self.code_va = self.entry = None
        self.headers_at = 64
        self.stack_header = True

    def segment(self, va, flags, offset, filesz, memsz=None, align=PAGE, kind=LOAD):
        """A program header; its contents are put by fill() and code()."""
        self.headers.append((kind, flags, offset, va, filesz, memsz or filesz, align))
        return self

    def fill(self, offset, size, value):
        """Bytes of the file."""
        self.chunks[offset] = bytes([value]) * size
        return self

    def code(self, va, offset):
        """Where the checking code lies; the entry point, unless set before."""
        self.code_va, self.code_offset = va, offset
        if self.entry is None:
            self.entry = va
        return self

    def row(self, operation, va, length=0, value=0):
        self.rows.append((operation, va, length, value))
        return self

    def bytes(self, va, length, value):
        return self.row(1, va, length, value)

    def write(self, va, value=0x77):
        return self.row(2, va, 0, value)

    def call(self, va, value):
        return self.row(3, va, 0, value)

    def jump(self, va):
        return self.row(5, va)

    def image(self, check):
        """The file as bytes."""
        headers = list(self.headers)
        if self.stack_header:
            headers.append((STACK, R | W, 0, 0, 0, 0, 16))
        table = b"".join(struct.pack("<QqQQ", op, va - self.code_va if op not in (0, 4) else 0,
                                     length, value)
                         for op, va, length, value in self.rows + [(0, 0, 0, 0)])
        self.chunks[self.code_offset] = check + table
        size = max([offset + filesz for _, _, offset, _, filesz, _, _ in self.headers]
                   + [at + len(data) for at, data in self.chunks.items()]
                   + [self.headers_at + 56 * len(headers)])
        out = bytearray([GARBAGE]) * size
        for at, data in self.chunks.items():
            out[at:at + len(data)] = data
        out[0:64] = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", self.kind, 62, 1,
                                self.entry, self.headers_at, 0, 0, 64, 56, len(headers), 64, 0, 0)
        for i, header in enumerate(headers):
            kind, flags, offset, va, filesz, memsz, align = header
            at = self.headers_at + 56 * i
            out[at:at + 56] = struct.pack("<IIQQQQQQ", kind, flags, offset, va, va, filesz, memsz,
                                          align)
        return bytes(out)


CODE = 0x1000   # usual place of the code in file and image
SIZE = 0x600    # room for the code and its table
RETURN_7 = b"\xb8\x07\x00\x00\x00\xc3"  # mov $7, %eax; ret


def usual(name, expect="exit:0", kind=EXEC, base=BASE):
    """A file with its code in a segment of its own."""
    file = File(name, expect, kind)
    return file.segment(base + CODE, R | X, CODE, SIZE).code(base + CODE, CODE)


def layouts():
    """Files that must load, and show these bytes."""
    data = BASE + 0x10000
    yield usual("plain")
    yield usual("lowest", base=0x10000 - CODE)
    yield usual("far_up", base=0x500000000000)
    # One segment that begins with the headers, as `ld -z noseparate-code` makes it.
    yield File("headers_inside").segment(BASE, R | X, 0, 0x800).code(BASE + 0x200, 0x200)
    yield headers_behind()
    yield (usual("odd_start").segment(data + 0x123, R | W, 0x2123, 0x100)
           .fill(0x2123, 0x100, 0x31).bytes(data + 0x123, 0x100, 0x31).write(data + 0x123))
    # What else lies in the first and last page of the file shows, as long as there is no bss.
    yield (usual("page_shows_file").segment(data + 0x800, R, 0x2800, 0x10)
           .fill(0x2800, 0x10, 0x32).fill(0x2700, 0x100, 0x33).fill(0x2810, 0x7f0, 0x34)
           .bytes(data + 0x800, 0x10, 0x32).bytes(data + 0x700, 0x100, 0x33)
           .bytes(data + 0x810, 0x7f0, 0x34))
    yield (usual("bss_in_file_page").segment(data, R | W, 0x2000, 0x100, 0x500)
           .fill(0x2000, 0x100, 0x35).fill(0x2100, 0xf00, GARBAGE)
           .bytes(data, 0x100, 0x35).bytes(data + 0x100, 0xf00, 0).write(data + 0xfff))
    yield (usual("bss_many_pages").segment(data + 0xf0, R | W, 0x20f0, 0x20, 0x8000)
           .fill(0x20f0, 0x20, 0x36).fill(0x2110, 0x1000, GARBAGE)
           .bytes(data + 0xf0, 0x20, 0x36).bytes(data + 0x110, 0x7fe0, 0).write(data + 0x80ef))
    yield (usual("bss_at_border").segment(data, R | W, 0x2000, PAGE, 3 * PAGE)
           .fill(0x2000, PAGE, 0x37).fill(0x3000, PAGE, GARBAGE)
           .bytes(data, PAGE, 0x37).bytes(data + PAGE, 2 * PAGE, 0).write(data + 2 * PAGE))
    yield (usual("bss_only").segment(data, R | W, 0, 0, 3 * PAGE)
           .bytes(data, 3 * PAGE, 0).write(data + PAGE))
    yield (usual("bss_only_odd").segment(data + 0x678, R | W, 0x678, 0, 2 * PAGE)
           .bytes(data + 0x678, 2 * PAGE, 0).write(data + 0x678 + 2 * PAGE - 1))
    yield two_bss(usual("bss_twice"), data)
    yield many(usual("many_loads"), data)
    yield shared_file_page(File("shared_file_page"))
    yield shared_page(File("shared_page"))
    yield gaps(usual("gaps"), data)
    for align in (0, 1, 0x10000, 0x200000):
        yield (usual(f"align_{align:x}").segment(data, R, 0x2000, 0x10, align=align)
               .fill(0x2000, 0x10, 0x38).bytes(data, 0x10, 0x38))
    no_stack = usual("no_stack_header")
    no_stack.stack_header = False
    yield no_stack
    backwards = File("backwards").segment(BASE + 0x8000, R | W, 0x2000, 0x10)
    yield (backwards.segment(BASE + CODE, R | X, CODE, SIZE).code(BASE + CODE, CODE)
           .fill(0x2000, 0x10, 0x39).bytes(BASE + 0x8000, 0x10, 0x39).write(BASE + 0x8000))


def headers_behind():
    """Program headers at the end of the file, in no segment: AT_PHDR has nothing to point at."""
    file = usual("headers_behind")
    file.headers_at = 0x2000
    return file


def two_bss(file, data):
    """Two data segments with bss each, the second behind the first's."""
    file.segment(data, R | W, 0x2000, 0x10, 0x2800).fill(0x2000, 0x10, 0x41)
    file.segment(data + 0x3000, R | W, 0x3000, 0x10, 0x1800).fill(0x3000, 0x10, 0x42)
    file.bytes(data, 0x10, 0x41).bytes(data + 0x10, 0x27f0, 0)
    return file.bytes(data + 0x3000, 0x10, 0x42).bytes(data + 0x3010, 0x17f0, 0)


def many(file, data):
    """Forty segments of one page each, from one page of the file, apart by a page."""
    for i in range(40):
        va = data + 2 * PAGE * i + 0x10 * i
        file.segment(va, R | (W if i % 2 else 0), 0x2000 + 0x10 * i, 0x10)
        file.fill(0x2000 + 0x10 * i, 0x10, 0x80 + i)
        if i % 8 == 1:
            file.write(va)
            file.bytes(va + 1, 15, 0x80 + i)
        elif i % 4 == 0:
            file.bytes(va, 16, 0x80 + i)
    return file


def shared_file_page(file):
    """Text and data in one page of the file, two pages in memory: a write reaches one alone."""
    data = BASE + 0x5000
    file.segment(BASE, R | X, 0, 0x900).code(BASE + 0x200, 0x200)
    file.chunks[0x8f0] = RETURN_7
    file.segment(data + 0x900, R | W, 0x900, 0x100, 0x100).fill(0x900, 0x100, 0x51)
    file.call(BASE + 0x8f0, 7).bytes(data + 0x900, 0x100, 0x51)
    file.bytes(data + 0x8f0, 1, RETURN_7[0])      # the text, seen through the data's page
    for i in range(6):
        file.write(data + 0x8f0 + i, 0xcc)        # spoiled there ...
    return file.call(BASE + 0x8f0, 7)             # ... and whole here


def shared_page(file):
    """Two segments in one page of memory: the later one has it, and here it is the code."""
    file.segment(BASE, R, 0, 0x200)
    return file.segment(BASE + 0x200, R | X, 0x200, 0x700).code(BASE + 0x200, 0x200)


def gaps(file, data):
    """Segments far apart, each reached through other page tables."""
    for i, va in enumerate((data, 0x40000000, 0x8000000000, 0x10000000000)):
        file.segment(va, R | W, 0x2000 + PAGE * i, 8).fill(0x2000 + PAGE * i, 8, 0x61 + i)
        file.bytes(va, 8, 0x61 + i).write(va)
    return file


def deaths():
    """Files that must load and then end by a signal."""
    segv = "signal:SIGSEGV"
    data = BASE + 0x10000
    for name, entry in (("null", 0), ("unmapped", 0x30000000), ("data", data),
                        ("top", 0x7ffffffff000), ("noncanonical", 0x800000000000),
                        ("sign", 0x8000000000000000), ("kernel", 0xffffffff80000000),
                        ("hole_end", 0xffff7fffffffffff)):
        file = usual(f"entry_{name}", segv).segment(data, R | W, 0x2000, 0x10)
        file.entry = entry
        yield file.fill(0x2000, 0x10, 0x90)
    yield usual("write_text", segv).write(BASE + CODE + SIZE - 1)
    yield (usual("write_rodata", segv).segment(data, R, 0x2000, 0x10)
           .fill(0x2000, 0x10, 1).write(data))
    for name, flags in (("data", R | W), ("rodata", R)):
        file = usual(f"exec_{name}", segv).segment(data, flags, 0x2000, 16)
        yield file.fill(0x2000, 16, 0xc3).jump(data)
    yield (usual("exec_bss", segv).segment(data, R | W, 0x2000, 16, 2 * PAGE)
           .fill(0x2000, 16, 0xc3).jump(data + PAGE))
    yield (usual("read_gap", segv).segment(data, R, 0x2000, 16).fill(0x2000, 16, 1)
           .bytes(data + PAGE, 1, 0))
    # In one page of memory the later segment has its way, also where it takes a right away.
    taken = File("shared_page_taken", segv).segment(BASE, R | X, 0, 0x900)
    yield taken.segment(BASE + 0x900, R, 0x900, 0x10).code(BASE + 0x200, 0x200)


def movable():
    """Position-independent files: the kernel chooses the base."""
    yield usual("pie_plain", kind=DYN, base=0)
    yield (usual("pie_bss", kind=DYN, base=0).segment(0x3010, R | W, 0x2010, 0x10, 0x3000)
           .fill(0x2010, 0x10, 0x71).fill(0x2020, 0xfe0, GARBAGE)
           .bytes(0x3010, 0x10, 0x71).bytes(0x3020, 0x2ff0, 0).write(0x600f))
    yield (usual("pie_gap", kind=DYN, base=0).segment(0x40000000, R | W, 0x2000, 0x10)
           .fill(0x2000, 0x10, 0x72).bytes(0x40000000, 0x10, 0x72))
    yield usual("pie_own_base", kind=DYN, base=0x10000000)
    big = File("pie_align", kind=DYN).segment(0, R | X, 0, 0x800, align=0x200000)
    yield big.code(0x200, 0x200).row(4, 0, 0x1fffff, 0x200)
    dead = usual("pie_gap_read", "signal:SIGSEGV", DYN, 0).segment(0x40000000, R, 0x2000, 0x10)
    yield dead.fill(0x2000, 0x10, 0).bytes(0x20000000, 1, 0)


def corpus():
    """Every file."""
    for group in (layouts, deaths, movable):
        yield from group()


def main():
    """See the top."""
    if sys.argv[1:] == ["--plan"]:
        for file in corpus():
            expect = "" if file.expect == "exit:0" else f"expect={file.expect} "
            print(f"test elf-{file.name.replace('_', '-')} {expect}/bin/t/elf/{file.name}")
        return
    with open(sys.argv[1], "rb") as code:
        check = code.read()
    os.makedirs(sys.argv[2], exist_ok=True)
    for file in corpus():
        path = os.path.join(sys.argv[2], file.name)
        with open(path, "wb") as out:
            out.write(file.image(check))
        os.chmod(path, 0o755)


if __name__ == "__main__":
    main()
