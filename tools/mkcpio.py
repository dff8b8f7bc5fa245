#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""mkcpio.py - lay directory trees over one another and write them as one cpio archive

Usage: mkcpio.py -o ARCHIVE [--plain] [--busybox FILE] [--base DIR]... [--over DIR]... \
                 [--without PATH]...

The archive is in cpio's newc format. It starts with Debian's merged layout (/bin -> usr/bin and so
on), unless it is --plain; then come busybox with its applets, the base trees and the trees laid
over them, in that order.

Rules of laying over: directories merge; a symlink below that leads to a directory is followed;
anything else is replaced, file by file. A file over a directory that is not empty is an error.
PATHs of the base trees (sources of their programs) stay out.

Promises: the same bytes for the same inputs, from any directory and for any user: entries sorted,
owner 0:0, one fixed time. Base trees lose the write bits of group and others, because those come
from the umask of whoever checked them out; the modes of other trees are kept as they are.
A file of a page or more starts on a page boundary (its name is padded with NULs, which every
reader of newc takes), so that the kernel can map it where it lies.
"""
import argparse
import os
import stat
import subprocess
import sys

PAGE = 4096
NAME_MAX_BYTES = 4096  # including the NULs; readers refuse longer ones
FIXED_TIME = 1767225600  # 2026-01-01 00:00:00 UTC

SKELETON_DIRS = [
    ("dev", 0o755), ("etc", 0o755), ("home", 0o755), ("proc", 0o555), ("root", 0o700),
    ("sys", 0o555), ("tmp", 0o1777), ("usr", 0o755), ("usr/bin", 0o755), ("usr/lib", 0o755),
    ("usr/lib64", 0o755), ("usr/sbin", 0o755), ("var", 0o755), ("var/tmp", 0o1777),
]
SKELETON_LINKS = [("bin", "usr/bin"), ("sbin", "usr/sbin"), ("lib", "usr/lib"),
                  ("lib64", "usr/lib64")]


class TreeError(Exception):
    """Something in the trees cannot be put together; the text says what and where."""


class Node:
    """One entry of the archive."""

    def __init__(self, mode, source=None, target=None, rdev=0, inode=None):
        self.mode = mode  # type and permissions
        self.source = source  # regular file: where its bytes are
        self.target = target  # symlink: where it leads
        self.rdev = rdev
        self.inode = inode  # identity of hard links within one tree, or None

    def is_dir(self):
        return stat.S_ISDIR(self.mode)

    def is_link(self):
        return stat.S_ISLNK(self.mode)


class Overlay:
    """The merged tree: path without leading slash -> Node. The root is ''."""

    def __init__(self):
        self.nodes = {"": Node(stat.S_IFDIR | 0o755)}

    def resolve(self, path, depth=0):
        """The path with every symlink followed, or None where it leads nowhere."""
        if depth > 40:
            return None
        done = ""
        parts = [p for p in path.split("/") if p]
        while parts:
            part = parts.pop(0)
            if part == ".":
                continue
            if part == "..":
                done = os.path.dirname(done)
                continue
            here = f"{done}/{part}" if done else part
            node = self.nodes.get(here)
            if node is None:
                return None
            if node.is_link():
                start = "" if node.target.startswith("/") else done + "/"
                rest = "/".join([start + node.target.lstrip("/")] + parts)
                return self.resolve(rest, depth + 1)
            done = here
        return done

    def has_children(self, path):
        prefix = path + "/"
        return any(name.startswith(prefix) for name in self.nodes)

    def put_dir(self, path, mode, origin):
        """Make a directory, or find the one that is there; returns its true path."""
        there = self.resolve(path)
        if there is not None and self.nodes[there].is_dir():
            return there
        self.nodes.pop(path, None)
        self.nodes[path] = Node(stat.S_IFDIR | mode)
        return path

    def put(self, path, node, origin):
        old = self.nodes.get(path)
        if old is not None and old.is_dir():
            if self.has_children(path):
                raise TreeError(f"{origin}: /{path} is a directory in the trees below this one")
        self.nodes[path] = node

    def add_skeleton(self):
        for path, mode in SKELETON_DIRS:
            self.put_dir(path, mode, "skeleton")
        for path, target in SKELETON_LINKS:
            self.put(path, Node(stat.S_IFLNK | 0o777, target=target), "skeleton")

    def add_busybox(self, binary):
        """The binary, and a symlink for each applet it says that it has."""
        self.put("usr/bin/busybox", Node(stat.S_IFREG | 0o755, source=binary), binary)
        listed = subprocess.run([binary, "--list-full"], capture_output=True, text=True, check=True)
        for applet in sorted(listed.stdout.split()):
            folder, name = os.path.split(applet)
            where = self.resolve(folder)
            if not folder or where is None or name == "busybox":
                continue  # "linuxrc" in the root is for boots without an init
            target = os.path.relpath("usr/bin/busybox", where)
            self.put(f"{where}/{name}", Node(stat.S_IFLNK | 0o777, target=target), binary)

    def add_tree(self, top, keep_modes, without=()):
        if not os.path.isdir(top):
            raise TreeError(f"{top}: not a directory")
        self._add_folder(os.fsencode(top), "", keep_modes, without)

    def _add_folder(self, folder, where, keep_modes, without):
        try:
            entries = sorted(os.scandir(folder), key=lambda e: e.name)
        except OSError as err:
            raise TreeError(f"{os.fsdecode(folder)}: {err.strerror}") from err
        for entry in entries:
            name = os.fsdecode(entry.name)
            path = f"{where}/{name}" if where else name
            if path in without:
                continue
            info = entry.stat(follow_symlinks=False)
            perm = stat.S_IMODE(info.st_mode) if keep_modes else info.st_mode & 0o755
            if entry.is_dir(follow_symlinks=False):
                self._add_folder(entry.path, self.put_dir(path, perm, name), keep_modes, without)
            else:
                self.put(path, make_node(entry, info, perm), os.fsdecode(entry.path))


def make_node(entry, info, perm):
    """The Node for one file of a tree that is no directory."""
    kind = stat.S_IFMT(info.st_mode)
    name = os.fsdecode(entry.path)
    if kind == stat.S_IFLNK:
        return Node(kind | 0o777, target=os.fsdecode(os.readlink(entry.path)))
    inode = (info.st_dev, info.st_ino) if info.st_nlink > 1 else None
    if kind == stat.S_IFREG:
        if info.st_size > 0xFFFFFFFF:
            raise TreeError(f"{name}: larger than 4 GiB, which the archive format cannot hold")
        if not os.access(entry.path, os.R_OK):
            raise TreeError(f"{name}: may not be read by this user")
        return Node(kind | perm, source=name, inode=inode)
    if kind in (stat.S_IFCHR, stat.S_IFBLK):
        return Node(kind | perm, rdev=info.st_rdev, inode=inode)
    if kind == stat.S_IFIFO:
        return Node(kind | perm, inode=inode)
    raise TreeError(f"{name}: a socket cannot be put into an archive")


class Writer:
    """Writes newc entries one after the other and keeps count of the position."""

    def __init__(self, out, time):
        self.out = out
        self.time = time
        self.pos = 0

    def _emit(self, data):
        self.out.write(data)
        self.pos += len(data)

    def _pad4(self):
        self._emit(b"\0" * (-self.pos % 4))

    def entry(self, name, node, inode, nlink, data, size):
        """One entry. `data` is an iterable of chunks, `size` long altogether."""
        raw = os.fsencode(name) + b"\0"
        if len(raw) > NAME_MAX_BYTES:
            raise TreeError(f"/{name}: name longer than {NAME_MAX_BYTES - 1} bytes")
        if stat.S_ISREG(node.mode) and size >= PAGE:
            raw = self._stretch(raw)
        major, minor = (os.major(node.rdev), os.minor(node.rdev)) if node.rdev else (0, 0)
        fields = [inode, node.mode, 0, 0, nlink, self.time, size, 0, 0, major, minor, len(raw), 0]
        self._emit(b"070701" + b"".join(b"%08X" % f for f in fields) + raw)
        self._pad4()
        written = 0
        for chunk in data:
            self._emit(chunk)
            written += len(chunk)
        if written != size:
            raise TreeError(f"/{name}: changed its size while it was being read")
        self._pad4()

    def _stretch(self, raw):
        """The name with as many NULs behind it as bring the data to a page boundary."""
        while (-(self.pos + 110)) % PAGE < len(raw):
            # Not enough room before the boundary, and beyond it the name would be too long:
            # move on by naming the root directory once more.
            self.entry(".", Node(stat.S_IFDIR | 0o755), 1, 2, [], 0)
        return raw.ljust((-(self.pos + 110)) % PAGE, b"\0")

    def finish(self):
        self.entry("TRAILER!!!", Node(0), 0, 1, [], 0)
        self._emit(b"\0" * (-self.pos % 512))


def read_chunks(path):
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            yield chunk


def write_archive(overlay, out, time):
    """All entries, parents before children. Of hard links, the last one carries the data."""
    nodes = overlay.nodes
    order = sorted(nodes, key=lambda path: [os.fsencode(p) for p in path.split("/")])
    links = {}
    for path in order:
        if nodes[path].inode is not None:
            links.setdefault(nodes[path].inode, []).append(path)
    numbers = {}
    writer = Writer(out, time)
    for path in order:
        node = nodes[path]
        group = links.get(node.inode, [path])
        number = numbers.setdefault(group[0], len(numbers) + 1)
        nlink = 2 if node.is_dir() else len(group)
        data, size = [], 0
        if node.is_link():
            data = [os.fsencode(node.target)]
            size = len(data[0])
        elif node.source is not None and path == group[-1]:
            data, size = read_chunks(node.source), os.stat(node.source).st_size
        writer.entry(path or ".", node, number, nlink, data, size)
    writer.finish()


def main():
    usage = " ".join(__doc__.split("\n\n")[1].split()).removeprefix("Usage: ")
    args = argparse.ArgumentParser(usage=usage)
    args.add_argument("-o", dest="output", required=True)
    args.add_argument("--plain", action="store_true")
    args.add_argument("--busybox")
    args.add_argument("--base", action="append", default=[])
    args.add_argument("--over", action="append", default=[])
    args.add_argument("--without", action="append", default=[])
    opts = args.parse_args()
    overlay = Overlay()
    try:
        if not opts.plain:
            overlay.add_skeleton()
        if opts.busybox:
            overlay.add_busybox(opts.busybox)
        for tree in opts.base:
            overlay.add_tree(tree, keep_modes=False, without=opts.without)
        for tree in opts.over:
            overlay.add_tree(tree, keep_modes=True)
        with open(opts.output, "wb") as out:
            write_archive(overlay, out, int(os.environ.get("SOURCE_DATE_EPOCH", FIXED_TIME)))
    except (TreeError, OSError) as err:
        sys.exit(f"mkcpio.py: {err}")


if __name__ == "__main__":
    main()
