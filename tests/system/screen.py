# SPDX-License-Identifier: MIT
"""What is on a machine's screen: taken from QEMU as pixels, and read back as text with the font."""
import importlib.util
import os
import tempfile
from collections import Counter

from conftest import TOP

FONT = "/usr/share/consolefonts/Unifont-APL8x16.psf.gz"
WIDTH, HEIGHT = 8, 16


def _glyphs():
    """Bitmap of 16 bytes -> character, from the same font and reader as the kernel's build."""
    spec = importlib.util.spec_from_file_location("mkfont", os.path.join(TOP, "tools/mkfont.py"))
    mkfont = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(mkfont)
    return {bytes(bitmap): chr(char) for char, bitmap in mkfont.font_read(FONT).items()
            if 0x20 <= char < 0x7F}


class Screen:
    """One picture of the screen."""

    def __init__(self, running):
        """Ask a running machine (Machine, with its control channel) for it."""
        with tempfile.NamedTemporaryFile(suffix=".ppm") as file:
            running.qmp.command("screendump", filename=file.name)
            data = file.read()
        magic, size, depth, pixels = data.split(b"\n", 3)
        assert (magic, depth) == (b"P6", b"255")
        self.width, self.height = map(int, size.split())
        self.pixels = pixels

    def pixel(self, x, y):
        at = 3 * (y * self.width + x)
        return tuple(self.pixels[at:at + 3])

    def colours(self, top, bottom):
        """How often each colour occurs in these rows, the most frequent first."""
        rows = self.pixels[3 * self.width * top:3 * self.width * bottom]
        return Counter(zip(rows[0::3], rows[1::3], rows[2::3])).most_common()

    def _cell(self, column, top, glyphs):
        rows = []
        for y in range(top, top + HEIGHT):
            at = 3 * (y * self.width + column * WIDTH)
            rows.append(self.pixels[at:at + 3 * WIDTH])
        ground = rows[0][:3]  # no letter reaches the upper left corner of its cell
        pattern = bytes(sum((row[3 * x:3 * x + 3] != ground) << (7 - x) for x in range(WIDTH))
                        for row in rows)
        return glyphs.get(pattern, "\ufffd")

    def text(self):
        """The lines of text; what is no letter of the font comes out as U+FFFD."""
        glyphs = _glyphs()
        lines = []
        for top in range(0, self.height - HEIGHT + 1, HEIGHT):
            cells = (self._cell(column, top, glyphs) for column in range(self.width // WIDTH))
            lines.append("".join(cells).rstrip())
        return lines
