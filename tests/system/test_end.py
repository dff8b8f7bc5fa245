# SPDX-License-Identifier: MIT
"""How a machine ends: the words of after=, panics, and what is on the screen."""
import pytest

import machine

PLAN = "test a /bin/minimal\n"
VERDICT = "# firstlight: verdict="


@pytest.mark.parametrize("words, reason", [
    (None, "guest-shutdown"), ("after=poweroff", "guest-shutdown"), ("after=reboot", "guest-reset"),
])
def test_end_without_an_exit_device(boot, mkimg, words, reason):
    """The report is whole and the machine does what it was told; run.sh has no verdict from it."""
    outcome = boot(mkimg(plan=PLAN, words=words), exit_device=False)
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


@pytest.mark.parametrize("after", ["poweroff", "reboot", "halt"])
def test_exit_device_tells_the_verdict(boot, mkimg, after):
    """With the device the verdict goes first, instead of power-off; halt and reboot still hold."""
    outcome = boot(mkimg(plan=PLAN, words=f"after={after}"), until=VERDICT)
    assert outcome.report.problems == []
    if after == "poweroff":
        assert outcome.code == machine.PASS


def test_panic(boot, mkimg):
    """A panic on purpose: registers, a backtrace with names, the flight recorder; status PANIC."""
    outcome = boot(mkimg(plan=PLAN, words="panic=test"))
    assert outcome.code == machine.PANIC
    assert "verdict=PASS" not in outcome.log
    text = outcome.log.lower()
    assert "panic" in text
    for word in ("rip", "rsp", "cr2", "cr3"):
        assert word in text, word
    assert any("+0x" in line for line in outcome.log.splitlines()), "no symbol in the backtrace"
    assert "flight" in text or "recorder" in text


def test_panic_without_an_exit_device_is_no_verdict(boot, mkimg):
    outcome = boot(mkimg(plan=PLAN, words="panic=test"), exit_device=False, until="panic",
                   timeout=60)
    assert outcome.code == machine.NO_VERDICT
