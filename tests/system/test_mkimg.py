# SPDX-License-Identifier: MIT
"""mkimg.sh: what is on the image, the same bytes every time, and clear words when it cannot be."""
import json
import os
import re
import shlex
import shutil
import struct
import time
import uuid

import pytest

from conftest import BUILD, ESP, INSTALL_SECONDS, SBIN, TOP, Image, esp_offset, run, tool

PAGE = 4096


@pytest.fixture
def build(tmp_path):
    """A build directory of the test's own, with a small stand-in for the kernel."""
    folder = tmp_path / "build"
    with open(os.path.join(BUILD, "efi/BOOTX64.EFI"), "rb") as file:
        loader = file.read()
    for name, data in (("kernel/kernel.elf", b"kernel" * 1000), ("efi/BOOTX64.EFI", loader),
                       ("efi/BOOTIA32.EFI", b"sentence"),
                       ("user/rootfs/usr/bin/t/named", b"named"),
                       ("user/rootfs/usr/bin/t/other", b"other"),
                       ("user/rootfs/usr/bin/minimal", b"minimal")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    (folder / "user/rootfs/usr/bin/minimal").chmod(0o775)  # as a umask of 002 would have it
    return folder


def make(build, out, *args, **more):
    return run(tool("mkimg.sh"), "-b", build, "-o", out, *args, **more)


def archive(image, folder):
    """The rootfs of an image as {path: (mode, nlink, data offset, data)} and its raw bytes."""
    raw = Image(image).read("rootfs.cpio")
    (folder / "rootfs.cpio").write_bytes(raw)
    found, at = {}, 0
    while True:
        assert raw[at:at + 6] == b"070701"
        field = [int(raw[at + 6 + 8 * n:at + 14 + 8 * n], 16) for n in range(13)]
        name = raw[at + 110:at + 110 + field[11]].rstrip(b"\0").decode()
        start = (at + 110 + field[11] + 3) & ~3
        assert field[2] == 0 and field[3] == 0, "owner"
        if name == "TRAILER!!!":
            return found, raw
        assert field[11] <= PAGE
        found[name] = (field[1], field[4], start, raw[start:start + field[6]])
        at = (start + field[6] + 3) & ~3


def clusters(volume):
    """How many clusters a FAT volume has and of how many bytes, by the formula of Microsoft's
    specification, "Determination of FAT type when mounting the volume"."""
    size, per_cluster, reserved, fats = struct.unpack_from("<HBHB", volume, 11)
    total, per_fat = struct.unpack_from("<II", volume, 32)
    assert volume[17:19] == bytes(2) and volume[22:24] == bytes(2), "not FAT32"
    return (total - reserved - fats * per_fat) // per_cluster, size * per_cluster


def check_volume(volume, folder):
    """Whole in the eyes of fsck, and FAT32 for all that count: Microsoft asks for a distance of
    16 clusters to where FAT16 ends."""
    path = folder / "volume"
    path.write_bytes(volume)
    checked = run("fsck.vfat", "-n", "-v", path, env=SBIN)
    assert checked.returncode == 0, checked.stdout
    assert "32 bit entries" in checked.stdout
    assert clusters(volume)[0] >= 65525 + 16


def test_layout_of_the_disk(build, tmp_path):
    image = tmp_path / "a.img"
    (tmp_path / "trace=file").touch()  # no pattern for file names, even where one fits
    done = make(build, image, "-c", "after=halt trace=*", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    disk = image.read_bytes()
    boot_flag, kind, first, count = disk[446], disk[450], *struct.unpack("<II", disk[454:462])
    assert (boot_flag, kind, first, count) == (0, 0xEE, 1, len(disk) // 512 - 1), "protective MBR"
    assert disk[462:512] == bytes(48) + b"\x55\xaa"
    assert disk[512:520] == disk[-512:-504] == b"EFI PART"
    checked = run("sgdisk", "-v", image, env=SBIN)  # of other authors than the table itself
    assert checked.returncode == 0 and "No problems found" in checked.stdout, checked.stdout
    part, = json.loads(run("sfdisk", "-J", image, env=SBIN).stdout)["partitiontable"]["partitions"]
    assert part["type"] == str(ESP).upper()
    assert part["start"] * 512 == 1 << 20, "what the README says to mtools"
    volume = disk[1 << 20:(1 << 20) + part["size"] * 512]
    # mkfs.vfat leaves out what is no whole cluster
    assert 0 <= part["size"] - struct.unpack_from("<I", volume, 32)[0] < 8
    check_volume(volume, tmp_path)
    assert clusters(volume)[1] == 4096, "firmware reads small ones slowly"
    assert len(disk) == 262 << 20, "the smallest that is FAT32 then"
    listed = Image(image).mtool("mdir", "-/", "-b", "::").decode().split()
    assert sorted(listed) == ["::/EFI/", "::/EFI/BOOT/", "::/EFI/BOOT/BOOTIA32.EFI",
                              "::/EFI/BOOT/BOOTX64.EFI", "::/firstlight/", "::/firstlight/boot.cfg",
                              "::/firstlight/checksums", "::/firstlight/full.plan",
                              "::/firstlight/kernel.elf", "::/firstlight/quick.plan",
                              "::/firstlight/rootfs.cpio", "::/firstlight/soak.plan"]
    config = Image(image).read("boot.cfg").decode().splitlines()
    assert config[0].startswith("#") and config[1:] == ["after=halt", "trace=*"]
    assert b"FIRSTLIGHT" in Image(image).mtool("mlabel", "-s", "::")


def test_disks_that_differ_have_other_numbers(build, tmp_path):
    """Two sticks in one machine are told apart by them."""
    def numbers(image):
        table = json.loads(run("sfdisk", "-J", image, env=SBIN).stdout)["partitiontable"]
        serial = struct.unpack_from("<I", image.read_bytes(), esp_offset(image) + 67)[0]
        return {table["id"], table["partitions"][0]["uuid"], serial}

    make(build, tmp_path / "a.img")
    make(build, tmp_path / "b.img", "-c", "x=1")
    seen = numbers(tmp_path / "a.img") | numbers(tmp_path / "b.img")
    assert len(seen) == 6
    assert all(uuid.UUID(n).version == 4 for n in seen if isinstance(n, str))


def test_image_is_sparse(build, tmp_path):
    make(build, tmp_path / "a.img")
    info = os.stat(tmp_path / "a.img")
    assert info.st_blocks * 512 < info.st_size / 4


def test_checksums_are_those_of_cksum(build, tmp_path):
    make(build, tmp_path / "a.img")
    image = Image(tmp_path / "a.img")
    for name in ("kernel.elf", "rootfs.cpio"):
        (tmp_path / name).write_bytes(image.read(name))
    told = image.read("checksums").decode()
    assert told == run("cksum", "kernel.elf", "rootfs.cpio", cwd=tmp_path).stdout


def test_plan_is_copied_as_it_is(build, tmp_path):
    (tmp_path / "p").write_bytes(b"test a /bin/minimal\r\n\xff")
    make(build, tmp_path / "a.img", "-p", tmp_path / "p")
    assert Image(tmp_path / "a.img").read("plan.txt") == b"test a /bin/minimal\r\n\xff"


def test_bare_is_the_volume_alone(build, tmp_path):
    assert make(build, tmp_path / "disk").returncode == 0
    assert make(build, tmp_path / "bare", "--bare").returncode == 0
    disk, bare = (tmp_path / "disk").read_bytes(), (tmp_path / "bare").read_bytes()
    check_volume(bare, tmp_path)
    start = esp_offset(tmp_path / "disk")
    assert len(disk) - len(bare) == start + (1 << 20)
    changed = bytearray(disk[start:start + len(bare)])
    for sector in (0, 6):  # and its copy: where the volume begins is the only difference
        assert struct.unpack_from("<I", changed, sector * 512 + 28)[0] == start // 512
        changed[sector * 512 + 28:sector * 512 + 32] = bytes(4)
    assert bare == changed


def test_iso_has_the_volume_once(build, tmp_path):
    assert make(build, tmp_path / "a.img").returncode == 0
    done = make(build, tmp_path / "a.iso", "--iso")
    assert done.returncode == 0, done.stderr
    iso = (tmp_path / "a.iso").read_bytes()
    assert iso[32769:32774] == b"CD001" and b"FIRSTLIGHT" in iso[32768:32768 + 72]
    start = esp_offset(tmp_path / "a.iso")
    catalogue, = struct.unpack_from("<I", iso, 17 * 2048 + 71)
    entry = iso[catalogue * 2048:][:64]
    assert (entry[0], entry[1], entry[30:32]) == (1, 0xEF, b"\x55\xaa"), "for UEFI"
    assert (entry[32], entry[33]) == (0x88, 0), "bootable, no emulation"
    count, block = struct.unpack_from("<HI", entry, 38)
    assert block * 2048 == start, "CD and stick lead to one volume"
    assert count <= 1, "UEFI specification, 13.3.2.1: it reaches to the end of the medium"
    checked = run("sgdisk", "-v", tmp_path / "a.iso", env=SBIN)
    assert checked.returncode == 0 and "No problems found" in checked.stdout, checked.stdout
    size, = struct.unpack_from("<I", iso, start + 32)
    check_volume(iso[start:start + size * 512], tmp_path)
    for name in ("kernel.elf", "rootfs.cpio", "boot.cfg", "checksums"):
        assert Image(tmp_path / "a.iso").read(name) == Image(tmp_path / "a.img").read(name)
    assert len(iso) < 262 << 20


def efi_sections(raw):
    """{name: bytes} of a PE file, by its section table."""
    at, = struct.unpack_from("<I", raw, 0x3C)
    count, optional = struct.unpack_from("<H12xH", raw, at + 6)
    headers = [struct.unpack_from("<8sIIII", raw, at + 24 + optional + 40 * i)
               for i in range(count)]
    return {name.rstrip(b"\0").decode(): raw[offset:offset + min(used, size)]
            for name, used, _, size, offset in headers}


def test_one_file_has_the_boot_directory(build, tmp_path):
    assert make(build, tmp_path / "a.img").returncode == 0
    done = make(build, tmp_path / "a.efi", "--efi")
    assert done.returncode == 0, done.stderr
    loader = efi_sections((build / "efi/BOOTX64.EFI").read_bytes())
    one = efi_sections((tmp_path / "a.efi").read_bytes())
    held = one.pop(".bootdir")
    assert one == loader
    (tmp_path / "held.cpio").write_bytes(held)
    assert run("bsdtar", "-xf", "held.cpio", cwd=tmp_path).returncode == 0
    for name in ("kernel.elf", "rootfs.cpio", "boot.cfg", "checksums"):
        assert (tmp_path / name).read_bytes() == Image(tmp_path / "a.img").read(name)


def test_test_programs_that_the_plan_names(build, tmp_path):
    """Those of /bin/t weigh more than all the rest: a user's stick needs none of them."""
    plan = tmp_path / "plan"
    plan.write_text("test a /bin/sh -c '/bin/t/named x; /bin/t/missing'\n")
    assert make(build, tmp_path / "a.img").returncode == 0
    assert make(build, tmp_path / "b.img", "-p", plan).returncode == 0
    names = [{name for name in archive(tmp_path / image, tmp_path)[0]
              if f"{name}/".startswith("usr/bin/t/")} for image in ("a.img", "b.img")]
    assert names == [set(), {"usr/bin/t", "usr/bin/t/named"}]


@pytest.mark.parametrize("layout", [[], ["--bare"], ["--iso"], ["--efi"]],
                         ids=["disk", "bare", "iso", "efi"])
def test_same_bytes_from_anywhere_by_anyone(build, tmp_path, layout):
    tree = tmp_path / "tree"
    for name in ("b", "a", "c/d"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(name)
    plan = tmp_path / "plan"
    plan.write_text("test a /a\n")
    done = make(build, tmp_path / "1.img", "-r", tree, "-p", plan, "-c", "x=1", *layout)
    assert done.returncode == 0, done.stderr
    time.sleep(2.1)  # FAT counts in steps of two seconds
    # another order of creation, other times, another directory, umask, time zone and locale
    other = tmp_path / "elsewhere" / "tree"
    for name in ("c/d", "a", "b"):
        (other / name).parent.mkdir(parents=True, exist_ok=True)
        (other / name).write_text(name)
        os.utime(other / name, (1, 1))
    done = run("bash", "-c", f"umask 077; {shlex.quote(tool('mkimg.sh'))} -b ../build "
                             f"-o ../2.img -r tree -p ../plan -c x=1 {' '.join(layout)}",
               cwd=tmp_path / "elsewhere",
               env=dict(os.environ, TZ="Asia/Kolkata", LC_ALL="C.UTF-8"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "1.img").read_bytes() == (tmp_path / "2.img").read_bytes()


def test_needs_no_root(build, tmp_path):
    """As nobody, with nothing writable but the target's directory. Who isn't root does it so."""
    home = tmp_path / "nobody"
    home.mkdir()
    somebody = {}
    if os.getuid() == 0:
        somebody = {"user": 65534, "group": 65534, "extra_groups": []}
        os.chown(home, 65534, 65534)
        for folder in (tmp_path, *tmp_path.parents):
            if not os.stat(folder).st_mode & 1:
                os.chmod(folder, os.stat(folder).st_mode | 0o111)
    make(build, tmp_path / "root.img")
    # The checkout itself may lie where nobody has no business, such as in root's home.
    for part in ("tools", "rootfs"):
        shutil.copytree(os.path.join(TOP, part), tmp_path / "checkout" / part)
    done = run(tmp_path / "checkout/tools/mkimg.sh", "-b", build, "-o", home / "a.img",
               env=dict(os.environ, TMPDIR=str(home)), **somebody)
    assert done.returncode == 0, done.stderr
    assert (home / "a.img").read_bytes() == (tmp_path / "root.img").read_bytes()


def test_archive_is_read_by_cpio_and_bsdtar(build, tmp_path):
    make(build, tmp_path / "a.img")
    found, _ = archive(tmp_path / "a.img", tmp_path)
    names = sorted(found)
    with open(tmp_path / "rootfs.cpio", "rb") as file:
        listed = run("cpio", "-t", "--quiet", stdin=file)
    assert listed.returncode == 0 and listed.stderr == ""
    assert sorted(set(listed.stdout.split("\n")) - {""}) == names
    listed = run("bsdtar", "-tf", tmp_path / "rootfs.cpio")
    assert listed.returncode == 0 and listed.stderr == ""
    assert sorted({n.removesuffix("/") for n in listed.stdout.split("\n")} - {""}) == names


def test_large_files_start_on_pages(build, tmp_path):
    tree = tmp_path / "tree"
    tree.mkdir()
    for number in range(150):  # names of many lengths bring every kind of remainder
        (tree / ("n" * (1 + number % 90) + str(number))).write_bytes(b"x" * (PAGE + number * 7))
    for number in range(40):  # and these end so late in a page that the next name has no room in it
        (tree / ("z" * 90 + f"{number:02}")).write_bytes(b"x" * (PAGE + 3850 + 4 * number))
    make(build, tmp_path / "a.img", "-r", tree)
    found, _ = archive(tmp_path / "a.img", tmp_path)
    large = [entry for entry in found.values() if len(entry[3]) >= PAGE and entry[0] >> 12 == 8]
    assert len(large) > 150
    assert all(entry[2] % PAGE == 0 for entry in large)


def test_base_is_debians_layout_with_debians_busybox(build, tmp_path):
    make(build, tmp_path / "a.img")
    found, _ = archive(tmp_path / "a.img", tmp_path)
    for link in ("bin", "sbin", "lib", "lib64"):
        assert found[link][0] == 0o120777 and found[link][3] == b"usr/" + link.encode()
    assert found["tmp"][0] == 0o41777
    assert {"dev", "proc", "sys", "etc", "root", "home", "var"} <= set(found)
    path = run("dpkg-query", "-L", "busybox-static").stdout.split()
    path = next(p for p in path if p.endswith("/bin/busybox"))
    assert found["usr/bin/busybox"][3] == open(path, "rb").read()
    assert found["usr/bin/sh"][3] == b"busybox"
    assert found["usr/sbin/ifconfig"][3] == b"../bin/busybox"
    assert found["usr/bin/minimal"][0] == 0o100755 and found["usr/bin/minimal"][3] == b"minimal"


def test_trees_are_laid_over(build, tmp_path):
    low, high = tmp_path / "low", tmp_path / "high"
    for path, text in ((low / "bin/tool", "low"), (low / "opt/keep", "low"),
                       (low / "etc/motd", "low"), (high / "etc/motd", "high"),
                       (high / "usr/bin/sh", "my shell"), (high / "tmp/file", "t"),
                       (low / "real/x", "x"), (high / "alias/y", "y")):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (low / "alias").symlink_to("real")
    os.link(low / "opt/keep", low / "opt/also")
    (high / "opt/script").parent.mkdir(parents=True)
    (high / "opt/script").write_text("s")
    (high / "opt/script").chmod(0o4751)
    done = make(build, tmp_path / "a.img", "-r", low, "-r", high)
    assert done.returncode == 0, done.stderr
    found, _ = archive(tmp_path / "a.img", tmp_path)
    assert found["usr/bin/tool"][3] == b"low", "followed /bin"
    assert found["bin"][0] == 0o120777
    assert found["etc/motd"][3] == b"high"
    assert found["usr/bin/sh"][0] >> 12 == 8 and found["usr/bin/sh"][3] == b"my shell"
    assert found["usr/bin/busybox"][3] != b"my shell"
    assert found["real/y"][3] == b"y" and found["alias"][0] >> 12 == 10
    assert found["tmp"][0] == 0o41777, "a merged directory keeps its mode"
    assert found["opt/script"][0] == 0o104751
    assert [found[n][1] for n in ("opt/keep", "opt/also")] == [2, 2]
    assert [found[n][3] for n in ("opt/also", "opt/keep")] == [b"", b"low"], "the last has the data"


def test_packages_are_installed(build, tmp_path, network):
    """With what they depend on and what their scripts make; once made, without the network."""
    cache = os.path.join(TOP, BUILD, "debian")
    os.makedirs(cache, exist_ok=True)
    (build / "debian").symlink_to(cache)
    (tmp_path / "tree/usr/bin").mkdir(parents=True)
    (tmp_path / "tree/usr/bin/less").write_text("mine")
    packages = ["-d", "bash less", "-r", tmp_path / "tree"]
    done = make(build, tmp_path / "a.img", *packages, timeout=INSTALL_SECONDS)
    assert done.returncode == 0, done.stderr
    found, raw = archive(tmp_path / "a.img", tmp_path)
    assert found["usr/bin/less"][3] == b"mine", "trees of -r win"
    assert found["etc/alternatives/awk"][3] == b"/usr/bin/mawk"
    assert found["usr/bin/awk"][3] == b"/etc/alternatives/awk"
    assert found["usr/bin/bash"][3][:4] == b"\x7fELF" and found["etc/ld.so.cache"][3]
    status = found["var/lib/dpkg/status"][3]
    assert b"\nPackage: libtinfo6\nStatus: install ok installed\n" in status
    assert found["usr/bin/sh"][3] == b"dash" and "usr/bin/busybox" in found
    away = dict(os.environ, http_proxy="http://127.0.0.1:9", https_proxy="http://127.0.0.1:9")
    done = make(build, tmp_path / "b.img", *packages, env=away)
    assert done.returncode == 0, done.stderr
    assert archive(tmp_path / "b.img", tmp_path)[1] == raw
    done = make(build, tmp_path / "c.img", "-d", "less no-such-package", timeout=INSTALL_SECONDS)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "no package 'no-such-package'" in done.stderr and not (tmp_path / "c.img").exists()


@pytest.mark.parametrize("args, words", [
    (["-d", "less"], ["package lists of trixie", "127.0.0.1:9", "network", "MIRROR=URL"]),
    (["-d", "less ../x"], ["'../x' is no name of a package"]),
    (["-d", " "], ["-d needs names"]),
    ([], ["--release says what -d installs"]),
    (["-d", "less", "--release", "-x"], ["'-x' is no name of a release"]),
])
def test_says_why_packages_are_not_there(build, tmp_path, args, words):
    done = make(build, tmp_path / "a.img", "--release", "trixie", *args,
                env=dict(os.environ, MIRROR="http://127.0.0.1:9/debian"))
    assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
    assert all(word in done.stderr for word in words), done.stderr
    assert not (tmp_path / "a.img").exists()


@pytest.mark.parametrize("mib", [243, 300, 520])
def test_large_trees_fit(build, tmp_path, mib):
    """What is free then is what is promised, whatever the size of the clusters."""
    tree = tmp_path / "tree"
    tree.mkdir()
    with open(tree / "large", "wb") as file:
        file.truncate(mib << 20)
    done = make(build, tmp_path / "a.img", "-r", tree)
    assert done.returncode == 0, done.stderr
    image = Image(tmp_path / "a.img")
    with open(image.path, "rb") as file:
        file.seek(esp_offset(image.path))
        assert clusters(file.read(512))[0] >= 65525 + 16
    free = re.search(r"([\d ]+) bytes free", image.mtool("mdir", "::").decode()).group(1)
    assert 8 << 20 <= int(free.replace(" ", "")) < (11 << 20) + (mib << 20) // 50
    os.unlink(image.path)


MISSING = {
    "kernel": ("kernel/kernel.elf", ["kernel", "kernel.elf", "make image"]),
    "loader": ("efi/BOOTX64.EFI", ["loader", "BOOTX64.EFI", "make image"]),
    "loader of 32 bits": ("efi/BOOTIA32.EFI", ["BOOTIA32.EFI", "make image"]),
    "programs": ("user/rootfs", ["programs", "user/rootfs", "make image"]),
}


@pytest.mark.parametrize("name", MISSING)
def test_says_what_is_missing(build, tmp_path, name):
    path, words = MISSING[name]
    if (build / path).is_dir():
        shutil.rmtree(build / path)
    else:
        (build / path).unlink()
    done = make(build, tmp_path / "a.img")
    assert done.returncode == 1
    assert all(word in done.stderr for word in words), done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "a.img").exists()


@pytest.mark.parametrize("args, words", [
    (["-r", "/nowhere"], "/nowhere"),
    (["-p", "/nowhere"], "/nowhere"),
    (["-p"], "-p needs a value"),
    (["-x"], "unknown argument '-x'"),
    (["a.img"], "unknown argument 'a.img'"),
    (["-o", "/nowhere/a.img"], "/nowhere"),
])
def test_says_what_is_wrong(build, tmp_path, args, words):
    done = run(tool("mkimg.sh"), "-b", build, "-o", tmp_path / "a.img", *args)
    assert done.returncode == 1
    assert words in done.stderr
    assert not (tmp_path / "a.img").exists()


@pytest.mark.parametrize("kind", ["fifo", "directory"])
def test_only_a_file_is_replaced(build, tmp_path, kind):
    """A device's name would be a file's from then on."""
    path = tmp_path / "target"
    os.mkfifo(path) if kind == "fifo" else path.mkdir()
    done = make(build, path)
    assert done.returncode == 1 and "not a file" in done.stderr
    assert not path.is_file() and not list(tmp_path.glob("target*/*"))


def test_a_full_disk_leaves_nothing(build, tmp_path):
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "cp").write_text('#!/bin/sh\nfor last; do :; done\ncase $last in *.tmp.*) '
                               'echo part >"$last"; exit 1 ;; esac\nexec /bin/cp "$@"\n')
    (folder / "cp").chmod(0o755)
    done = make(build, tmp_path / "a.img",
                env=dict(os.environ, PATH=f"{folder}:{os.environ['PATH']}"))
    assert done.returncode != 0
    assert not list(tmp_path.glob("a.img*"))


@pytest.mark.parametrize("answer, words", [
    ("exit 1", "busybox-static is missing"),
    ("echo {folder}/bin/busybox", "is not the file of Debian's package"),
])
def test_busybox_that_is_not_debians(build, tmp_path, answer, words):
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "busybox").write_bytes(b"another")
    (folder / "dpkg-query").write_text("#!/bin/sh\n" + answer.format(folder=tmp_path) + "\n")
    (folder / "dpkg-query").chmod(0o755)
    done = make(build, tmp_path / "a.img",
                env=dict(os.environ, PATH=f"{folder}:{os.environ['PATH']}"))
    assert done.returncode == 1 and words in done.stderr
    assert not (tmp_path / "a.img").exists()


def test_file_over_a_directory_is_refused(build, tmp_path):
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/etc").write_text("no directory")
    done = make(build, tmp_path / "a.img", "-r", tmp_path / "tree")
    assert done.returncode == 1
    assert "etc is a directory" in done.stderr
    assert not (tmp_path / "a.img").exists()


def test_the_built_image_has_what_it_should(tmp_path):
    """The real build, not a stand-in."""
    done = make(BUILD, tmp_path / "a.img")
    assert done.returncode == 0, done.stderr
    found, _ = archive(tmp_path / "a.img", tmp_path)
    assert len(found["usr/bin/minimal"][3]) < 1024
    assert found["etc/firstlight/plan"][3]
    kernel = Image(tmp_path / "a.img").read("kernel.elf")
    assert kernel == open(os.path.join(TOP, BUILD, "kernel/kernel.elf"), "rb").read()
