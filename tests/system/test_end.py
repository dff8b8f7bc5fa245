# SPDX-License-Identifier: MIT
"""How a machine ends: the words of after=."""
import tempfile
import time

import pytest

import machine

PLAN = "test a /bin/minimal\n"
VERDICT = "# firstlight: verdict="
SAYS = "Firstlight starts by UEFI only"


@pytest.mark.parametrize("words, reason", [
    ("", "guest-shutdown"), ("after=poweroff", "guest-shutdown"), ("after=reboot", "guest-reset"),
])
def test_end_without_an_exit_device(boot, mkimg, words, reason):
    """The report is whole and the machine does what it was told; run.sh has no verdict from it."""
    outcome = boot(mkimg(plan=PLAN, words=words + " report=off"), exit_device=False)
    assert outcome.report.problems == [] and outcome.report.verdict == "PASS"
    assert outcome.reason == reason
    assert outcome.code == machine.NO_VERDICT


def test_halt_stays(boot, mkimg):
    states = []
    outcome = boot(mkimg(plan=PLAN, words="after=halt"), exit_device=False, until=VERDICT,
                   then=lambda running: states.append(running.qmp.command("query-status")))
    assert outcome.report.problems == [] and outcome.report.verdict == "PASS"
    assert states[0]["status"] == "running"
    assert outcome.reason == "host-qmp-quit"


def test_exit_device_tells_the_verdict_instead_of_power_off(boot, mkimg):
    outcome = boot(mkimg(plan=PLAN, words="after=poweroff"))
    assert outcome.status == machine.STATUS_PASS
    assert outcome.code == machine.PASS


@pytest.mark.parametrize("layout", [None, "--iso"], ids=["disk", "iso on a stick"])
def test_started_without_uefi_it_says_so(boot, mkimg, layout):
    """A BIOS runs the first sector: one sentence in text memory, and nothing else happens."""
    texts = []

    def read_screen(running):
        deadline = time.monotonic() + 60
        while SAYS not in "".join(texts[-1:]) and time.monotonic() < deadline:
            time.sleep(1)
            with tempfile.NamedTemporaryFile() as file:
                running.qmp.command("pmemsave", val=0xB8000, size=80 * 25 * 2, filename=file.name)
                texts.append(file.read()[::2].decode("cp437"))

    # The BIOS is silent on the serial line; "" is on every line.
    boot(mkimg(plan=PLAN, layout=layout), firmware="bios-256k.bin", until="", then=read_screen)
    assert SAYS in texts[-1]
