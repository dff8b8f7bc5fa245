# SPDX-License-Identifier: MIT
"""The commands: what make does, what deps.sh asks for, how large things are."""
import os
import re
import struct
import subprocess

import pytest

from conftest import BUILD, TOP, run, tool

KIB = 1024


def test_help_is_what_make_alone_says():
    alone = run("make", "-C", TOP, "--no-print-directory")
    asked = run("make", "-C", TOP, "--no-print-directory", "help")
    assert alone.returncode == 0 and alone.stdout == asked.stdout
    for word in ("make run", "make test", "make image", "make debug", "make lint", "make bench",
                 "make fuzz"):
        assert word in asked.stdout


def test_other_flags_build_anew(tmp_path):
    """The same B with another CC or O leaves no old object behind."""
    def build(*flags):
        target = f"{tmp_path}/kernel/kernel.elf"
        done = run("make", "-C", TOP, f"B={tmp_path}", "-j2", *flags, target, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        objects = [os.path.join(folder, name) for folder, _, names in os.walk(tmp_path / "kernel")
                   for name in names if name.endswith(".o")]
        assert len(objects) > 20
        return {path: os.stat(path).st_mtime_ns for path in objects}

    first = build("CC=gcc", "O=-O2")
    again = build("CC=gcc", "O=-O2")
    assert again == first, "nothing changed, so nothing is to be built"
    other = build("CC=gcc", "O=-Os")
    stale = [path for path in first if other.get(path) == first[path] and "font" not in path]
    assert stale == []


def test_kernel_and_loader_are_small(tmp_path):
    stripped = tmp_path / "kernel"
    subprocess.run(["strip", "-s", "-o", stripped, f"{BUILD}/kernel/kernel.elf"], check=True)
    assert stripped.stat().st_size <= 640 * KIB
    assert os.stat(f"{BUILD}/efi/BOOTX64.EFI").st_size <= 96 * KIB


def test_loader_is_fit_for_strict_firmware():
    """NX_COMPAT is said because it is true: no section is both writable and executable."""
    with open(f"{BUILD}/efi/BOOTX64.EFI", "rb") as file:
        image = file.read()
    pe = struct.unpack_from("<I", image, 0x3C)[0]
    assert image[pe:pe + 4] == b"PE\0\0"
    nsections, size = struct.unpack_from("<H", image, pe + 6)[0], \
        struct.unpack_from("<H", image, pe + 20)[0]
    assert struct.unpack_from("<H", image, pe + 24 + 70)[0] & 0x100
    flags = [struct.unpack_from("<I", image, pe + 24 + size + 40 * n + 36)[0]
             for n in range(nsections)]
    assert any(one & 0x20000000 for one in flags)
    assert not [one for one in flags if one & 0xA0000000 == 0xA0000000]


def test_debug_stops_at_the_kernels_entry_with_symbols(tmp_path):
    """`make debug`, with gdb's part of the conversation from a file."""
    script = tmp_path / "script"
    script.write_text("continue\ninfo registers rip\nhbreak selftest_run\ncontinue\nbacktrace\n"
                      "info line selftest_run\nloader 0x10000000\ninfo address efi_main\n"
                      "info line efi_main\nmonitor quit\n")
    done = run(tool("debug.sh"), BUILD, env=dict(os.environ, GDB_SCRIPT=str(script)))
    text = done.stdout + done.stderr
    assert re.search(r"0xffffffff80000[0-9a-f]{3} <kernel_entry>", text), text
    assert re.search(r"#0 +selftest_run", text), text
    assert 'of "kernel/selftest/run.c"' in text, text
    assert re.search(r'of "efi-loader/main.c" starts at address 0x1000[0-9a-f]{4} ', text), text


@pytest.fixture
def fake(tmp_path):
    """deps.sh among false commands: fake(uid=..., installed=[...], **scripts) -> outcome, calls."""
    def call(*groups, uid=0, installed=(), scripts=None):
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        calls = tmp_path / "calls"
        calls.write_text("")
        answer = "".join(f"installed {name}\\n" for name in installed)
        commands = {"id": f"echo {uid}", "dpkg-query": f"printf '{answer}'",
                    "apt-get": f'echo "apt-get $*" >>{calls}', "apt-cache": "exit 0",
                    **(scripts or {})}
        for name in ("bash", "env", "sh"):
            if not (folder / name).exists():
                (folder / name).symlink_to(f"/bin/{name}" if name != "env" else "/usr/bin/env")
        for name, text in commands.items():
            (folder / name).write_text(f"#!/bin/sh\n{text}\n")
            (folder / name).chmod(0o755)
        done = run("/bin/bash", tool("deps.sh"), *groups, env={"PATH": str(folder)})
        return done, calls.read_text().splitlines()

    return call


def test_deps_are_quiet_when_all_is_there(fake):
    done, calls = fake("run", installed=["qemu-system-x86", "ovmf", "python3"])
    assert (done.returncode, done.stdout, done.stderr, calls) == (0, "", "", [])


def test_deps_installs_what_is_missing_as_root(fake):
    done, calls = fake("run", installed=["ovmf"])
    assert done.returncode == 0
    assert len(calls) == 1 and "install --no-install-recommends" in calls[0]
    assert "qemu-system-x86" in calls[0] and "python3" in calls[0] and "ovmf" not in calls[0]


def test_deps_reads_the_package_lists_where_there_are_none(fake):
    done, calls = fake("run", scripts={"apt-cache": "exit 100"})
    assert done.returncode == 0
    assert "update" in calls[0] and "install" in calls[1]


def test_deps_without_root_prints_one_line_and_stops(fake):
    done, calls = fake("run", uid=1000)
    assert done.returncode != 0 and calls == []
    lines = [line for line in done.stderr.splitlines() if "apt-get install" in line]
    assert lines == ["    apt-get install -y --no-install-recommends qemu-system-x86 ovmf python3"]


def test_deps_uses_sudo_where_it_can(fake):
    done, calls = fake("run", uid=1000, scripts={"sudo": '[ "$1" = -v ] || exec "$@"'})
    assert done.returncode == 0 and "install" in calls[0]


def test_deps_failure_of_apt_is_failure(fake):
    done, _ = fake("run", scripts={"apt-get": "exit 100"})
    assert done.returncode != 0


def test_deps_elsewhere_than_debian(fake):
    done, calls = fake("run", scripts={"dpkg-query": "exit 1"})
    assert done.returncode == 0 and calls  # nothing known to be installed: asks for all


def test_deps_knows_its_groups(fake):
    done, calls = fake("nonsense")
    assert done.returncode != 0 and "nonsense" in done.stderr and calls == []
