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

    def __init__(self, running, device=None):
        """Ask a running machine (Machine, with its control channel) for it; of several displays
        for the one whose device has that id."""
        with tempfile.NamedTemporaryFile(suffix=".ppm") as file:
            running.qmp.command("screendump", filename=file.name,
                                **({"device": device} if device else {}))
            data = file.read()
        magic, size, depth, pixels = data.split(b"\n", 3)
        assert (magic, depth) == (b"P6", b"255")
        self.data = data  # the whole picture, as PPM
        self.width, self.height = map(int, size.split())
        self.pixels = pixels

    def pixel(self, x, y):
        at = 3 * (y * self.width + x)
        return tuple(self.pixels[at:at + 3])

    def colours(self, top, bottom):
        """How often each colour occurs in these rows, the most frequent first."""
        rows = self.pixels[3 * self.width * top:3 * self.width * bottom]
        return Counter(zip(rows[0::3], rows[1::3], rows[2::3])).most_common()

    def _cell(self, left, top, scale, glyphs):
        rows = []
        for y in range(top, top + HEIGHT * scale, scale):
            at = 3 * (y * self.width + left)
            rows.append(self.pixels[at:at + 3 * WIDTH * scale])
        ground = rows[0][:3]  # no letter reaches the upper left corner of its cell
        step = 3 * scale
        pattern = bytes(sum((row[step * x:step * x + 3] != ground) << (7 - x)
                            for x in range(WIDTH)) for row in rows)
        return glyphs.get(pattern, "\ufffd")

    def _read(self, scale, glyphs):
        lines = []
        for top in range(0, self.height - HEIGHT * scale + 1, HEIGHT * scale):
            lefts = range(0, self.width - WIDTH * scale + 1, WIDTH * scale)
            lines.append("".join(self._cell(x, top, scale, glyphs) for x in lefts).rstrip())
        return lines

    def text(self):
        """The lines of text; what is no letter of the font comes out as U+FFFD.

        On large screens the letters are larger: the scale under which more of them can be read.
        """
        glyphs = _glyphs()
        return max((self._read(scale, glyphs) for scale in (1, 2, 3)),
                   key=lambda lines: sum(c.isalnum() for line in lines for c in line))
