# SPDX-License-Identifier: MIT
"""Broken files on the boot volume: one sentence that names file and fault, and nothing started."""
import shutil
import struct

import pytest

import machine
from conftest import Image

REFUSED = "firstlight: refused: "
STARTED = "starting the kernel"
PT_LOAD, PF_X, PF_W = 1, 1, 2


def refuse(boot, image, *words, **options):
    """Boot an image that the loader must refuse, with these words in its one sentence."""
    outcome = boot(image, until=REFUSED, **options)
    check_refusal(outcome.log, words)
    assert outcome.code == machine.NO_VERDICT


def check_refusal(log, words):
    """One sentence with all of these words, and nothing was started."""
    sentences = [line for line in log.splitlines() if line.startswith(REFUSED)]
    assert len(sentences) == 1, log
    for word in words:
        assert word in sentences[0]
    assert STARTED not in log and "KTAP version" not in log


def flip(data, offset, bit=1):
    changed = bytearray(data)
    changed[offset] ^= bit
    return bytes(changed)


def program_headers(elf):
    """Offsets of the LOAD headers."""
    start, = struct.unpack_from("<Q", elf, 32)
    size, count = struct.unpack_from("<HH", elf, 54)
    offsets = [start + n * size for n in range(count)]
    return [at for at in offsets if struct.unpack_from("<I", elf, at)[0] == PT_LOAD]


def write_and_execute(elf):
    changed = bytearray(elf)
    at = program_headers(elf)[0]
    flags, = struct.unpack_from("<I", elf, at + 4)
    struct.pack_into("<I", changed, at + 4, flags | PF_W | PF_X)
    return bytes(changed)


def overlap(elf):
    changed = bytearray(elf)
    first, second = program_headers(elf)[:2]
    changed[second + 16:second + 32] = elf[first + 16:first + 32]  # virtual, physical address
    return bytes(changed)


def outside(elf):
    changed = bytearray(elf)
    struct.pack_into("<Q", changed, program_headers(elf)[-1] + 8, len(elf))  # offset in the file
    return bytes(changed)


DAMAGE = {  # found by the checksums
    "kernel.elf, last bit of the middle": ("kernel.elf", lambda d: flip(d, len(d) // 2)),
    "kernel.elf, first bit": ("kernel.elf", lambda d: flip(d, 0)),
    "kernel.elf, one byte short": ("kernel.elf", lambda d: d[:-1]),
    "kernel.elf, half": ("kernel.elf", lambda d: d[:len(d) // 2]),
    "kernel.elf, one byte more": ("kernel.elf", lambda d: d + b"\0"),
    "rootfs.cpio, one bit": ("rootfs.cpio", lambda d: flip(d, len(d) // 3, 0x80)),
    "rootfs.cpio, last byte": ("rootfs.cpio", lambda d: flip(d, len(d) - 1)),
    "rootfs.cpio, half": ("rootfs.cpio", lambda d: d[:len(d) // 2]),
}
BAD_KERNEL = {  # with checksums that fit: the loader has to see it by itself
    "text": lambda d: b"this is no kernel\n" * 1000,
    "half": lambda d: d[:len(d) // 2],
    "header alone": lambda d: d[:64],
    "less than a header": lambda d: d[:40],
    "class of 32 bits": lambda d: flip(d, 4, 3),
    "another machine": lambda d: d[:18] + struct.pack("<H", 183) + d[20:],
    "segment outside the file": outside,
    "headers outside the file": lambda d: d[:32] + struct.pack("<Q", len(d)) + d[40:],
    "writable and executable": write_and_execute,
    "overlapping segments": overlap,
    "entry outside": lambda d: d[:24] + struct.pack("<Q", 0x1000) + d[32:],
}


BAD_SUMS = {
    "empty": (b"", "checksums", "kernel.elf"),
    "words": (b"these are not numbers\n", "checksums", "line 1"),
    "binary": (bytes(range(256)), "checksums", "line 1"),
    "one file only": (b"1 2 rootfs.cpio\n", "checksums", "kernel.elf"),
    "too large a number": (b"99999999999 1 kernel.elf\n", "checksums", "line 1"),
}


def test_missing_checksums_are_a_warning(boot, mkimg):
    image = mkimg(plan="test a /bin/minimal\n")
    image.remove("checksums")
    outcome = boot(image)
    assert outcome.code == machine.PASS
    assert "warning: checksums: not found" in outcome.log


BAD_CONFIG = {
    "blank in a word": (b"after=halt now\n", "line 1"),
    "no key": (b"# comment\n=halt\n", "line 2"),
    "binary": (b"after=\x00\xff\n", "line 1"),
    "long word": (b"trace=" + b"x" * 300 + b"\n", "line 1"),
    "too much": (b"after=halt\n" * 5000, "boot.cfg"),
}


def all_cases():
    """Every image that the loader refuses: name -> (file, change of its bytes, words said)."""
    cases = {f"damaged {name}": (file, change, [file, "damaged"])
             for name, (file, change) in DAMAGE.items()}
    for name in ("kernel.elf", "rootfs.cpio"):
        cases[f"empty {name}"] = (name, lambda d: b"", [name, "empty"])
        cases[f"missing {name}"] = (name, None, [name, "not found"])
    for name, change in BAD_KERNEL.items():
        cases[f"kernel.elf with fitting checksums: {name}"] = ("kernel.elf", change,
                                                               ["kernel.elf"])
    for name, (data, *words) in BAD_SUMS.items():
        cases[f"checksums: {name}"] = ("checksums", lambda d, data=data: data, words)
    for name, (data, word) in BAD_CONFIG.items():
        cases[f"boot.cfg: {name}"] = ("boot.cfg", lambda d, data=data: data, ["boot.cfg", word])
    return cases


CASES = all_cases()
BATCH = 18  # disks on one machine
BATCHES = [list(CASES)[n:n + BATCH] for n in range(0, len(CASES), BATCH)]


def break_image(image, name, folder):
    file, change, _ = CASES[name]
    if change is None:
        image.remove(file)
    else:
        image.write(file, change(image.read(file)))
    if "fitting checksums" in name:
        image.refresh_checksums(folder)


@pytest.mark.parametrize("names", BATCHES, ids=[f"batch{n}" for n in range(len(BATCHES))])
def test_refusals(boot, mkimg, tmp_path, names):
    """One machine with a disk for each case, and a good one at the end of the boot order.

    The firmware tries them in turn. So besides each sentence this shows that a refusal leaves
    nothing behind: after all of them, the last disk boots and passes.
    """
    good = mkimg(plan="test a /bin/minimal\n")
    extra = []
    for number, name in enumerate(names):
        image = Image(tmp_path / f"bad{number}.img")
        shutil.copyfile(good.path, image.path)
        break_image(image, name, tmp_path)
        extra += ["-drive", f"if=none,id=bad{number},format=raw,readonly=on,file={image.path}",
                  "-device", f"virtio-blk-pci,drive=bad{number},bootindex={number + 1}"]
    outcome = boot(good, extra=extra, bootindex=len(names) + 1)
    parts = outcome.log.split("BdsDxe: starting ")[1:]
    assert len(parts) == len(names) + 1
    for name, part in zip(names, parts):
        print(f"case: {name}")  # shown when the next line fails
        check_refusal(part, CASES[name][2])
    assert outcome.code == machine.PASS


def test_unknown_word_in_the_config_is_told(boot, mkimg):
    image = mkimg(plan="test a /bin/minimal\n")
    image.write("boot.cfg", b"aftr=halt\n")
    outcome = boot(image)
    assert outcome.code == machine.PASS
    assert "'aftr=halt' is not understood" in outcome.log


@pytest.mark.parametrize("data", [None, b"", b"\r\n  # \xc3\xa4\r\n\r\n"],
                         ids=["missing", "empty", "comment"])
def test_config_without_words_means_defaults(boot, mkimg, data):
    image = mkimg(plan="test a /bin/minimal\n")
    if data is None:
        image.remove("boot.cfg")
    else:
        image.write("boot.cfg", data)
    outcome = boot(image)
    assert outcome.code == machine.PASS
    assert ("boot.cfg: not found, defaults are used" in outcome.log) == (data is None)


BAD_ROOTFS = {  # with checksums that fit: the kernel has to see it by itself
    "half": lambda d: d[:len(d) // 2],
    "no trailer": lambda d: d[:d.rindex(b"TRAILER!!!") - 110],
    "text": lambda d: b"this is no archive\n" * 1000,
    "magic of an entry": lambda d: flip(d, d.index(b"070701", 200)),
    "size of an entry": lambda d: d[:54] + b"FFFFFFFF" + d[62:],
    "one byte": lambda d: b"0",
}


@pytest.mark.parametrize("name", BAD_ROOTFS)
def test_bad_rootfs_with_fitting_checksums(boot, mkimg, tmp_path, name):
    """Refused by the loader, or a verdict that is no PASS; in words, and not by falling silent."""
    image = mkimg(plan="test a /bin/minimal\n")
    image.write("rootfs.cpio", BAD_ROOTFS[name](image.read("rootfs.cpio")))
    image.refresh_checksums(tmp_path)
    outcome = boot(image, until=REFUSED)
    told = [line for line in outcome.log.splitlines()
            if "rootfs" in line and not line.startswith("firstlight: read")]
    assert told
    assert outcome.code in (machine.FAIL, machine.PANIC) or \
        any(line.startswith(REFUSED + "rootfs.cpio: ") for line in told)


def test_rootfs_larger_than_memory(boot, mkimg, tmp_path):
    tree = tmp_path / "tree"
    tree.mkdir()
    with open(tree / "large", "wb") as file:
        file.truncate(100 << 20)
    refuse(boot, mkimg(trees=[tree]), "rootfs.cpio", "do not fit", memory="64M")


def test_no_boot_directory(boot, mkimg):
    """The volume has the loader and nothing else."""
    image = mkimg()
    for name in ("kernel.elf", "rootfs.cpio", "boot.cfg", "checksums", "*.plan"):
        image.remove(name)
    image.remove_directory()
    refuse(boot, image, "\\firstlight", "no volume")
