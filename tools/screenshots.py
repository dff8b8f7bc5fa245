#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""screenshots.py - pictures of the screen, from machines that really run

Usage: screenshots.py [-b BUILD] [-o DIRECTORY] [NAME...]

Each picture is a boot in QEMU with a screen of 1360 by 768; what is on the serial line says when it
is taken. PNG with a palette, some kilobytes each. Exit status 0 only if all were taken.
"""
import argparse
import os
import struct
import subprocess
import sys
import tempfile
import time
import zlib

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import machine  # noqa: E402  (found beside this file)

TOP = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
SCREEN = ["-vga", "none", "-device", "VGA,xres=1360,yres=768"]
SECONDS_TO_DRAW = 3  # on a slow host: the serial line is ahead of the screen

GOOD = """test shell expect=exit:3 /bin/sh -c "exit 3"
test sort /bin/sh -c "seq 1000 | sort -r | sort -n | tail -1"
test checksum /bin/sh -c "cat /bin/busybox | sha256sum"
test pipes /bin/sh -c "echo one two three | tr ' ' '\\\\n' | wc -l"
"""
# Name: (plan, or the one that every image has; what the serial line says when it is taken; seconds
# later)
PICTURES = {
    "progress": (GOOD + "test a-long-test limit=30 /bin/sleep 20\n" +
                 GOOD.replace("test ", "test later-"), " pipes # time=", 5),
    "pass": (None, "verdict=PASS", SECONDS_TO_DRAW),
    "fail": (GOOD + 'test memory limit=1 /bin/sleep 5\ntest compiler /bin/sh -c "exit 2"\n',
             "verdict=FAIL", SECONDS_TO_DRAW),
}


def png(data):
    """A PPM picture as PNG: at most 256 colours, each pixel a byte."""
    magic, size, depth, pixels = data.split(b"\n", 3)
    assert (magic, depth) == (b"P6", b"255")
    width, height = map(int, size.split())
    colours = {}
    indices = bytes(colours.setdefault(pixels[i:i + 3], len(colours))
                    for i in range(0, len(pixels), 3))
    rows = b"".join(b"\0" + indices[y * width:(y + 1) * width] for y in range(height))

    def chunk(kind, content):
        return (struct.pack(">I", len(content)) + kind + content +
                struct.pack(">I", zlib.crc32(kind + content)))

    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) +
            chunk(b"PLTE", b"".join(colours)) + chunk(b"IDAT", zlib.compress(rows, 9)) +
            chunk(b"IEND", b""))


def take(build, folder, name):
    """The picture of that name as PNG; raises RuntimeError if the machine never came so far."""
    plan, until, seconds = PICTURES[name]
    paths = {kind: os.path.join(folder, f"{name}.{kind}") for kind in ("plan", "img", "ppm")}
    taken_at = []

    arguments = ["-b", build, "-o", paths["img"], "-c", "after=halt"]
    if plan:
        with open(paths["plan"], "w", encoding="ascii") as file:
            file.write(plan)
        arguments += ["-p", paths["plan"]]
    subprocess.run([os.path.join(TOP, "tools/mkimg.sh"), *arguments], check=True,
                   stdout=subprocess.DEVNULL)

    def during(running):
        if until not in running.log:
            return
        if not taken_at:
            taken_at.append(time.monotonic() + seconds)
        elif time.monotonic() > taken_at[0]:
            running.qmp.command("screendump", filename=paths["ppm"])
            running.qmp.command("quit")

    outcome = machine.Machine(paths["img"], timeout=240, exit_device=False,
                              extra=SCREEN).run(during)
    if not os.path.exists(paths["ppm"]):
        raise RuntimeError(f"no picture of {name}: {outcome.message}")
    with open(paths["ppm"], "rb") as file:
        return png(file.read())


def main():
    args = argparse.ArgumentParser(usage=__doc__.split("\n")[2].partition("Usage: ")[2])
    args.add_argument("-b", dest="build", default=os.path.join(TOP, "build"))
    args.add_argument("-o", dest="output", default=os.path.join(TOP, "docs"))
    args.add_argument("names", nargs="*", metavar="NAME")
    opts = args.parse_args()
    os.makedirs(opts.output, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="firstlight-") as folder:
        for name in opts.names or PICTURES:
            picture = take(opts.build, folder, name)
            path = os.path.join(opts.output, f"{name}.png")
            with open(path, "wb") as file:
                file.write(picture)
            print(f"{path}: {len(picture)} bytes")


if __name__ == "__main__":
    try:
        main()
    except (RuntimeError, KeyError, subprocess.CalledProcessError) as err:
        sys.exit(f"screenshots.py: {type(err).__name__}: {err}")
