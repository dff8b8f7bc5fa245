#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Print a plan of argument lists: short ones, long ones, a page border at every place of a string.

Most lines have 62 arguments of 64 bytes, and one more of a length that differs from line to line:
it moves all the others by a byte. Program `args` checks every argument by what it says of itself.
"""


def argument(length):
    """What tests/user/start/args.c takes: the length, a colon, and that many letters."""
    return f"{length}:" + "".join(chr(ord("a") + k % 26) for k in range(length))


def main():
    """One line of growing arguments, one of two long ones, and sixty-four."""
    print("test args-many /bin/t/args", *map(argument, range(16)))
    print("test args-long /bin/t/args", *map(argument, (1900, 1, 2000, 0)))
    fixed = " ".join([argument(60)] * 62)
    for pad in range(64):
        print(f"test args-{pad:02} /bin/t/args {fixed} {argument(pad)}")


if __name__ == "__main__":
    main()
