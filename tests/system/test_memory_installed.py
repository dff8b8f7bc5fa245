# SPDX-License-Identifier: MIT
"""The result `memory-installed`: the modules that SMBIOS lists against the memory map."""
import struct

import machine
import pytest

PLAN = "test one /bin/minimal\n"


def module(size, handle):
    """A structure of type 17 with no strings, as SMBIOS 2.3 has it."""
    body = struct.pack("<HHHHHBBBBBHHBBBB", 0x1000, 0xFFFE, 64, 64, size, 9, 0, 0, 0, 0x1A, 0, 0,
                       0, 0, 0, 0)
    return struct.pack("<BBH", 17, 4 + len(body), handle) + body + b"\0\0"


@pytest.fixture
def tables(tmp_path):
    """Options of QEMU that put these structures in place of its own of that type."""

    def options(*structures):
        words = []
        for i, data in enumerate(structures):
            path = tmp_path / f"structure-{i}"
            path.write_bytes(data)
            words += ["-smbios", f"file={path}"]
        return words

    return options


@pytest.mark.parametrize("entry", ["32", "64"], ids=["SMBIOS 2", "SMBIOS 3"])
def test_all_there(boot, mkimg, entry):
    outcome = boot(mkimg(plan=PLAN), extra=["-machine", f"smbios-entry-point-type={entry}"])
    assert outcome.code == machine.PASS, outcome.message
    assert outcome.report.result("memory-installed").passed
    assert "SMBIOS: 1 modules, 256 MiB; memory map: 25" in outcome.log


def test_module_that_is_not_in_the_map(boot, mkimg, tables):
    """Two of 256 MiB are listed, the map has one."""
    outcome = boot(mkimg(plan=PLAN), extra=tables(module(256, 0x1101), module(256, 0x1102)))
    assert outcome.code == machine.FAIL, outcome.message
    assert outcome.report.failed_names == ["memory-installed"]
    assert "SMBIOS: 2 modules, 512 MiB; memory map: 25" in \
        outcome.report.result("memory-installed").note


def test_module_of_unknown_size(boot, mkimg, tables):
    """No proof of anything: skipped, with the reason."""
    outcome = boot(mkimg(plan=PLAN), extra=tables(module(256, 0x1101), module(0xFFFF, 0x1102)))
    assert outcome.code == machine.PASS, outcome.message
    result = outcome.report.result("memory-installed")
    assert result.skipped and "does not tell the size of a module" in result.note


def test_no_module_is_listed(boot, mkimg, tables):
    outcome = boot(mkimg(plan=PLAN), extra=tables(module(0, 0x1101)))
    assert outcome.code == machine.PASS, outcome.message
    assert outcome.report.result("memory-installed").skipped
