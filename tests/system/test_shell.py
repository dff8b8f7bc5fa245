# SPDX-License-Identifier: MIT
"""The shell on the serial line, as a person uses it: keys go in, text comes out.

One machine is booted for all the tests of a kind, and each test leaves it at a prompt.
"""
import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import tempfile
import termios
import time

import pytest

import machine
from conftest import BUILD, has_ended, hear_hangup, machine_of, open_terminal, run, tool

PLAN = "test hello /bin/t/hello\n"
PROMPT_ANYWHERE = r"firstlight:\S*# "  # behind what a program drew last
PROMPT = "^" + PROMPT_ANYWHERE
CTRL_C, CTRL_D, CTRL_Z, CTRL_U, CTRL_W, CTRL_BACKSLASH, CTRL_BRACKET = (
    b"\x03", b"\x04", b"\x1a", b"\x15", b"\x17", b"\x1c", b"\x1d")


class Serial:
    """A machine whose serial line is ours."""

    def __init__(self, image, cpus=1):
        self.folder = tempfile.TemporaryDirectory(prefix="firstlight-shell-")
        boot = machine.Machine(image, cpus=cpus, accel="tcg")
        args = boot.arguments(os.path.join(self.folder.name, "qmp"))
        self.proc = machine.start(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL)
        self.filter = machine.EscapeFilter()
        self.log = ""
        self.seen = 0  # of the log: what came before it has been expected already

    def _more(self, seconds):
        if not select.select([self.proc.stdout], [], [], max(seconds, 0))[0]:
            return True
        data = os.read(self.proc.stdout.fileno(), 65536)
        self.log += self.filter.feed(data).decode("utf-8", "replace")
        return bool(data)

    def expect(self, pattern, seconds=20):
        """Wait for the pattern behind what was expected last; gives the match."""
        deadline = time.monotonic() + seconds
        while True:
            found = re.compile(pattern, re.M).search(self.log, self.seen)
            if found:
                self.seen = found.end()
                return found
            left = deadline - time.monotonic()
            assert left > 0 and self._more(left), (
                f"waited for {pattern!r} behind:\n{self.log[self.seen:]}\n--- all:\n{self.log}")

    def send(self, keys):
        self.proc.stdin.write(keys if isinstance(keys, bytes) else keys.encode())
        self.proc.stdin.flush()

    def command(self, text, pattern=None, seconds=20):
        """A line, typed at the prompt; then, behind its echo, the pattern, and the next prompt."""
        self.send(text + "\r")
        self.expect(re.escape(text) + r"\s*\n")
        found = self.expect(pattern, seconds) if pattern else None
        self.expect(PROMPT, seconds)
        return found

    def start(self, text):
        """A line that starts something that goes on. What `on` stands for says so, by when it has
        the terminal: this comes back then."""
        line = re.sub(r"\bon;", "echo st''arted >&2;", text, count=1)
        assert line != text
        self.send(line + "\r")
        self.expect(re.escape(line) + r"\s*\n")
        self.expect("^started$")

    def silence(self, seconds=2, limit=30):
        """Wait until nothing has come for so long."""
        begin, deadline = len(self.log), time.monotonic() + limit
        while select.select([self.proc.stdout], [], [], seconds)[0]:
            assert self._more(0) and time.monotonic() < deadline, (
                f"it goes on:\n{self.log[begin:]}")

    def end(self, seconds=20):
        """QEMU's exit status, once the machine has switched itself off."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self._more(0.5) and self.proc.poll() is None:
            pass
        return self.proc.wait(max(1.0, deadline - time.monotonic()))

    def stop(self):
        self.proc.kill()
        self.proc.wait()
        self.folder.cleanup()


@pytest.fixture(scope="module", params=[1, 2], ids=["1cpu", "2cpus"])
def shell_machine(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shell")
    (folder / "plan").write_text(PLAN)
    done = run(tool("mkimg.sh"), "-b", BUILD, "-o", folder / "image", "-p", folder / "plan",
               "-c", "after=shell")
    assert done.returncode == 0, done.stderr
    serial = Serial(str(folder / "image"), cpus=request.param)
    try:
        serial.expect("verdict=PASS", 90)
        serial.expect(PROMPT, 30)
        yield serial
    finally:
        serial.stop()


@pytest.fixture
def shell(shell_machine):
    """At a prompt, whatever the test before did."""
    yield shell_machine
    shell_machine.send(CTRL_C)
    shell_machine.send("echo at-a-pro''mpt\r")
    shell_machine.expect("at-a-prompt")
    shell_machine.expect(PROMPT)


def test_echo(shell):
    shell.command("echo one two", "^one two$")
    shell.command("tty", "^/dev/(ttyS0|console)$")


def test_is_its_terminal(shell):
    shell.command("test -t 0 && test -t 1 && echo yes", "^yes$")
    shell.command("echo through >/dev/tty", "^through$")
    shell.command("stty", "speed 115200 baud")


def test_line_editing_of_the_kernel(shell):
    shell.start("(on; cat)")
    shell.send(b"axy\x7f\x7fbc\r")
    shell.expect("^abc$")
    shell.send(b"two words" + CTRL_W + b"parts\r")
    shell.expect("^two parts$")
    shell.send(b"gone" + CTRL_U + b"here\r")
    shell.expect("^here$")
    shell.send(CTRL_D)
    shell.expect(PROMPT)


def test_interrupt(shell):
    shell.start("(on; sleep 1000)")
    shell.send(CTRL_C)
    shell.expect(r"\^C")
    shell.expect(PROMPT)
    shell.command("echo status $?", "^status 130$")


def test_interrupt_a_busy_pipeline(shell):
    shell.start("yes | (on; cat >/dev/null)")  # the last of the group says so: all are there
    shell.send(CTRL_C)
    shell.expect(PROMPT)
    shell.command("echo status $?", "^status 130$")


def test_quit_key(shell):
    shell.start("(on; sleep 1000)")
    shell.send(CTRL_BACKSLASH)
    shell.expect(PROMPT)
    shell.command("echo status $?", "^status 131$")


def test_stop_and_continue(shell):
    shell.start("(on; while echo tick; do sleep 0.1; done)")
    shell.expect("^tick$")
    shell.send(CTRL_Z)
    shell.expect("Stopped")
    shell.expect(PROMPT)
    shell.command("jobs", r"Stopped +\(.*sleep 0.1")
    shell.silence()
    shell.send("fg\r")
    shell.expect("^tick$")  # the terminal was its own again before it went on
    shell.send(CTRL_C)
    shell.expect(PROMPT)
    shell.command("jobs; echo no mo''re", "no more")
    assert "sleep" not in shell.log[shell.log.rindex("jobs; echo"):].split("no more")[0][25:]


def test_background(shell):
    shell.command("sleep 1 & wait; echo wai''ted", "waited")
    shell.send("cat &\r")
    shell.expect("cat &\\s*\n")
    shell.expect(PROMPT)
    shell.command("until grep -q 'State:.T' /proc/$!/status; do :; done")
    shell.command("jobs", r"Stopped \(tty input\) +cat")
    shell.command("kill %1; wait %1; echo ki''lled", "killed")


def test_history(shell):
    shell.command("echo first-line", "^first-line$")
    shell.send(b"\x1b[A\r")
    shell.expect("^first-line$")
    shell.expect(PROMPT)


def test_long_output(shell):
    shell.command("seq 20000 | tail -n 1", "^20000$", 30)
    shell.send("seq 2000\r")
    shell.expect(PROMPT, 60)
    numbers = re.findall(r"^\d+$", shell.log[shell.log.rindex("seq 2000"):], re.M)
    assert numbers == [str(n) for n in range(1, 2001)]


def test_fast_typing(shell):
    """Input as fast as the line brings it arrives whole."""
    lines = [f"line {n:04} " + "x" * 40 for n in range(200)]
    shell.start("stty -echo; on; cat >/tmp/t; stty echo; wc /tmp/t")
    shell.send("".join(line + "\r" for line in lines))
    shell.send(CTRL_D)
    size = sum(len(line) + 1 for line in lines)
    shell.expect(rf"200 +600 +{size} /tmp/t", 30)
    shell.expect(PROMPT)


@pytest.mark.parametrize("before", ["", "sleep 2\r"], ids=["at-the-prompt", "ahead"])
def test_paste(shell, before):
    """4 KiB of commands at once, read at the prompt or kept while a program runs: all are done."""
    lines = "".join(f"echo {'x' * 20} {n:04} >>/tmp/pasted\r" for n in range(100))
    assert len(lines) > 4096
    shell.command("rm -f /tmp/pasted")
    shell.send(before + lines + "echo pas''ted\r")
    shell.expect("^pasted$", 60)
    shell.expect(PROMPT)
    shell.command("wc -l /tmp/pasted; sort -c /tmp/pasted && echo in or''der",
                  r"^100 /tmp/pasted\s+^in order$")


@pytest.mark.parametrize("name, said, status", [
    ("SEGV", "Segmentation fault", 139), ("ABRT", "Aborted", 134), ("TERM", "Terminated", 143),
    ("KILL", "Killed", 137)])
def test_end_by_signal(shell, name, said, status):
    shell.command(f"sh -c 'kill -{name} $$'; echo status $?", rf"^{said}\s+^status {status}$")


def test_editor(shell):
    """An editor in raw mode that asks for the size of the window, and is stopped meanwhile."""
    shell.send("stty rows 24 cols 80; vi /tmp/edited\r")
    shell.expect(r"- /tmp/edited 1/1")
    shell.send("ihello worldd\x7f")
    time.sleep(0.5)
    shell.send("\x1b")
    shell.expect(r"- /tmp/edited \[Modified\] 1/1")
    shell.send(CTRL_Z)
    shell.expect(r"Stopped.* vi /tmp/edited")
    shell.send("fg\r")
    shell.expect("hello world")
    shell.send(":wq\r")
    shell.expect(PROMPT_ANYWHERE)
    shell.command("cat /tmp/edited", "^hello world$")
    shell.command("stty | grep -c icanon", "^0$")  # what is not said is as it should be


def test_pager(shell):
    shell.send("stty rows 10 cols 80; seq 100 | less\r")
    shell.expect(r"^9\s+standard input")
    shell.send(" ")
    shell.expect("^18$")
    shell.send("q")
    shell.expect(PROMPT_ANYWHERE)


def test_top(shell):
    shell.send("top -d 1\r")
    shell.expect("Load average", 10)
    shell.expect("Load average", 10)  # drawn again
    shell.send("q")
    shell.expect(PROMPT_ANYWHERE)


def test_trap_and_limits(shell):
    shell.start("trap 'echo cau''ght' INT; (on; sleep 1000)")
    shell.send(CTRL_C)
    shell.expect("caught")
    shell.command("trap - INT; (ulimit -t 1; while :; do :; done); echo status $?",
                  r"status (137|152)")


def test_pause_key(shell):
    shell.start("(on; while echo tick; do sleep 0.1; done)")
    shell.expect("^tick$")
    shell.send(b"\x13")
    shell.silence()
    shell.seen = len(shell.log)
    shell.send(b"\x11")
    shell.expect("^tick$")
    shell.send(CTRL_C)
    shell.expect(PROMPT)


def threads(serial, patterns):
    """What the key lists, once all of the patterns are there: programs take their time."""
    for _ in range(20):
        begin = len(serial.log)
        serial.send(CTRL_BRACKET)
        serial.expect(r"threads: \d+ of programs", 30)
        text = serial.log[begin:]
        missing = [pattern for pattern in patterns if not re.search(pattern, text)]
        if not missing:
            return text
        time.sleep(0.5)
    raise AssertionError(f"no {missing} in:\n{text}")


def test_attention_key(shell):
    shell.start("(on; sleep 1000)")
    threads(shell, [r"\d+ sleep: sleeps; parent \d+, group \d+, session \d+",
                    r"from \w+ sched_block\+0x"])
    shell.send(CTRL_C)
    shell.expect(PROMPT)


LOAD = """
for i in 1 2 3 4 5; do while :; do :; done & done
sh -c 'sleep 0 & exec sleep 1001' &
sleep 1002 & kill -STOP $!
cat /dev/zero | dd bs=64k of=/dev/null 2>/dev/null &
sleep 1003 | wc -c &
"""


def test_attention_key_under_load(mkimg):
    """Four processors, more programs than that, in every state: all are listed, twice."""
    serial = Serial(mkimg(plan=PLAN, words="after=shell").path, cpus=4)
    try:
        serial.expect(PROMPT, 90)
        for line in LOAD.strip().split("\n"):
            serial.send(line + "\r")
            serial.expect(PROMPT)
        for _ in range(2):
            text = threads(serial, [
                r"\d+ \w+: runs; parent", r"\d+ sleep: sleeps; parent",
                r"\d+ \w+: stopped; parent", r"\d+ \w+: ended, not waited for; parent",
                r"from 0{8}\w+ in ring 3", "wc: sleeps; parent", "pipe_read",
                r"(?s)(?:sh: (?:runs|waits for a processor);.*){5}",
                *(rf"processor {number}: (?:runs \d+|lists this)" for number in range(4))])
            count = int(re.search(r"threads: (\d+) of programs", text).group(1))
            assert len(re.findall(r"\d+ \S+: [\w, ]+; parent", text)) == count
        serial.send("exit\r")  # it warns of the stopped one
        serial.expect(PROMPT)
        serial.send("exit\r")
        assert serial.end() == 0
    finally:
        serial.stop()


def test_window_size(shell):
    shell.command("stty rows 33 cols 111; stty size", "^33 111$")


def test_leave(mkimg):
    serial = Serial(mkimg(plan=PLAN, words="after=shell").path)
    try:
        serial.expect(PROMPT, 90)
        serial.send("sleep 1000 & exit 5\r")
        serial.expect("shell: ended with status 5")
        assert serial.end() == 0
    finally:
        serial.stop()


def test_bash(mkimg, tmp_path):
    """Debian's bash with its libraries: it is preferred, and has job control."""
    listed = run("ldd", "/bin/bash").stdout
    for path in ["/bin/bash", *re.findall(r"/lib\S+", listed)]:
        place = tmp_path / "tree" / "usr" / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(open(path, "rb").read())
        place.chmod(0o755)
    serial = Serial(mkimg(plan=PLAN, words="after=shell", trees=[tmp_path / "tree"]).path, cpus=2)
    try:
        serial.expect("on the serial line", 90)
        serial.expect(PROMPT, 30)
        serial.command("echo ${BASH_VERSION%%.*}; set -o | grep monitor", r"^\d\nmonitor\s+on$")
        # By sh: bash itself takes no notice of Ctrl-C if the program that it waits for ends by
        # itself at that moment, on Linux as here.
        serial.start("sh -c 'on; while echo tick; do sleep 0.1; done'")
        serial.expect("^tick$")
        serial.send(CTRL_Z)
        serial.expect(r"\[1\]\+ +Stopped +sh -c 'echo st")
        serial.send("fg\r")
        serial.expect("^tick$")
        serial.send(CTRL_C)
        serial.expect(PROMPT)
        serial.command("(sleep 0.1; echo from behind) & wait", "^from behind$")
        serial.command("echo first", "^first$")
        serial.send(b"\x12fir")  # searched for, found, changed at its beginning, done
        time.sleep(0.5)
        serial.send(b"\x01\x1bf -e\r")
        serial.expect("^first$")
        serial.expect(PROMPT)
        serial.command("bash -c 'kill -SEGV $$'", "Segmentation fault")
        serial.send("exit 0\r")
        serial.expect("shell: ended with status 0")
        assert serial.end() == 0
    finally:
        serial.stop()


def test_shell_script():
    """tools/shell.py in a terminal: size and name arrive, keys go through, the modes come back."""
    ours, theirs = open_terminal()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 31, 99, 0, 0))
    before = termios.tcgetattr(theirs)
    # Programs believe these two before they ask the terminal, and the readline that newer pytests
    # load puts 80 and 24 there.
    env = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    proc = subprocess.Popen([tool("shell.py"), "-b", BUILD], stdin=theirs, stdout=theirs,
                            env=dict(env, TERM="xterm-color"))
    seen = b""

    def until(pattern, seconds):
        nonlocal seen
        deadline = time.monotonic() + seconds
        while not re.search(pattern, seen):
            assert time.monotonic() < deadline, (pattern, seen)
            if select.select([ours], [], [], 0.2)[0]:
                seen += os.read(ours, 4096)

    try:
        until(rb"firstlight:\S*# ", 90)
        os.write(ours, b"stty size; (echo $TERM; sleep 1000)\r")
        until(rb"31 99\r\nxterm-color\r\n", 20)
        os.write(ours, CTRL_C + b"exit\r")
        until(rb"shell: ended", 20)
        assert proc.wait(20) == 0
        assert termios.tcgetattr(theirs) == before
    finally:
        proc.kill()
        proc.wait()
        os.close(ours)
        os.close(theirs)


@pytest.mark.parametrize("args, word", [
    (["-m", "1Q"], "-m 1Q"), (["-d", "No-Package"], "'No-Package'"), (["-s", "x"], "'x'")])
def test_shell_script_says_why_in_one_line(args, word):
    done = subprocess.run([tool("shell.py"), "-b", BUILD, *args], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 3 and done.stderr.count("\n") == 1, done.stderr
    assert word in done.stderr


def close_terminal(proc, ours):
    os.close(ours)


def send(number):
    return lambda proc, ours: proc.send_signal(number)


@pytest.mark.parametrize("end", [
    close_terminal, send(signal.SIGHUP), send(signal.SIGTERM), send(signal.SIGKILL)],
    ids=["closed terminal", "HUP", "TERM", "KILL"])
@pytest.mark.parametrize("leader", [True, False], ids=["its terminal", "another's"])
def test_shell_script_leaves_no_machine(tmp_path, end, leader):
    """However tools/shell.py ends, its machine ends with it, and so do its files. Where the closed
    terminal is not its own, no signal comes: it finds out by reading."""
    ours, theirs = open_terminal()

    def begin():
        hear_hangup()
        if leader:
            fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)

    proc = subprocess.Popen(
        [tool("shell.py"), "-b", BUILD], stdin=theirs, stdout=theirs, stderr=theirs,
        env=dict(os.environ, TMPDIR=str(tmp_path)), start_new_session=True, preexec_fn=begin)
    os.close(theirs)
    closed = end is close_terminal
    try:
        qemu = machine_of(proc)
        if closed and not leader:  # keys are read from the kernel's start on
            seen = b""
            while b"firstlight" not in seen:
                assert select.select([ours], [], [], 90)[0]
                seen += os.read(ours, 4096)
        end(proc, ours)
        assert has_ended(qemu)
        assert proc.wait(20) != 0
        if end is not close_terminal and proc.returncode == -signal.SIGKILL:
            return  # its files cannot go then
        assert not list(tmp_path.glob("firstlight-shell-*"))
    finally:
        proc.kill()
        proc.wait()
        if not closed:
            os.close(ours)
