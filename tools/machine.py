#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""machine.py - boot an image in QEMU under OVMF and say what became of it

tools/run.sh is this program's command line; the system tests use its classes.

Exit status: 0 PASS, 1 FAIL, 2 PANIC, 3 no verdict (a hang, a reset, silence, or nothing booted).
PASS needs both: QEMU's status as the debug-exit device sets it, and a complete report on the
serial line (ktap_check.py). Whatever else happens is never a PASS.
"""
import argparse
import ctypes
import json
import os
import re
import select
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import ktap_check  # noqa: E402  (found beside this file)

QEMU = "qemu-system-x86_64"
OVMF = "/usr/share/ovmf/OVMF.fd"
PASS, FAIL, PANIC, NO_VERDICT = 0, 1, 2, 3
NAMES = {PASS: "PASS", FAIL: "FAIL", PANIC: "PANIC", NO_VERDICT: "no verdict"}
# The debug-exit device ends QEMU with (value << 1) | 1; the values are in shared/exitcode.h.
STATUS_PASS, STATUS_FAIL, STATUS_PANIC = 33, 35, 37
PR_SET_PDEATHSIG = 1  # of <linux/prctl.h>
DESKTOPS = ("DISPLAY", "WAYLAND_DISPLAY")  # what says where windows go
ENDING_SIGNALS = (signal.SIGHUP, signal.SIGTERM)

DISKS = {
    "sata": ["-device", "ide-hd,drive=disk"],
    "nvme": ["-device", "nvme,drive=disk,serial=firstlight"],
    "virtio": ["-device", "virtio-blk-pci,drive=disk"],
    "usb": ["-device", "qemu-xhci,id=xhci",
            "-device", "usb-storage,bus=xhci.0,drive=disk,removable=on"],
    "usb-2": ["-device", "usb-ehci,id=ehci",
              "-device", "usb-storage,bus=ehci.0,drive=disk,removable=on"],
    "usb-hub": ["-device", "qemu-xhci,id=xhci", "-device", "usb-hub,bus=xhci.0,port=1",
                "-device", "usb-storage,bus=xhci.0,port=1.2,drive=disk,removable=on"],
    "cdrom": ["-device", "ide-cd,drive=disk"],
    "network": ["-device", "virtio-net-pci,netdev=network"],  # one file, by PXE
}


class EscapeFilter:
    """Takes the terminal control of the firmware out of a stream, across any cuts in it.

    What stays: printable bytes, tab and newline. The kernel prints no other control characters.
    """

    def __init__(self):
        self.state = "text"

    def feed(self, data):
        kept = bytearray()
        for byte in data:
            if self.state == "text":
                if byte == 0x1B:
                    self.state = "escape"
                elif byte >= 0x20 and byte != 0x7F or byte in (0x09, 0x0A):
                    kept.append(byte)
            elif self.state == "escape":
                if byte == 0x5B:  # ESC [ begins a control sequence
                    self.state = "sequence"
                elif not 0x20 <= byte <= 0x2F:  # else one final byte, after any intermediates
                    self.state = "text"
            elif not 0x20 <= byte <= 0x3F:  # the sequence's parameters go on, or it ends here
                self.state = "text"
        return bytes(kept)


class Qmp:
    """QEMU's control channel: commands, and a record of the events."""

    def __init__(self, path):
        self.path = path
        self.events = []
        self.sock = None
        self.lock = threading.Lock()
        self.replies = []
        self.arrived = threading.Condition()
        self.thread = None

    def connect(self, proc, deadline):
        """Whether it answers, before the deadline and while QEMU, the process, runs."""
        while True:
            try:
                self.sock = socket.socket(socket.AF_UNIX)
                self.sock.connect(self.path)
                break
            except OSError:
                self.sock.close()
                if proc.poll() is not None or time.monotonic() > deadline:
                    return False
                time.sleep(0.02)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()
        return self.command("qmp_capabilities") is not None

    def _read(self):
        buffer = b""
        while True:
            try:
                data = self.sock.recv(65536)
            except OSError:
                data = b""
            if not data:
                with self.arrived:
                    self.replies.append(None)
                    self.arrived.notify_all()
                return
            buffer += data
            *lines, buffer = buffer.split(b"\n")
            for line in lines:
                message = json.loads(line)
                with self.arrived:
                    if "event" in message:
                        self.events.append(message)
                    elif "return" in message or "error" in message:
                        self.replies.append(message)
                    self.arrived.notify_all()

    def command(self, name, timeout=60, **arguments):
        """The reply's content, or None where QEMU refused or is gone."""
        request = {"execute": name}
        if arguments:
            request["arguments"] = arguments
        with self.lock, self.arrived:
            if self.replies and self.replies[-1] is None:
                return None
            self.replies.clear()
            try:
                self.sock.sendall(json.dumps(request).encode() + b"\n")
            except OSError:
                return None
            self.arrived.wait_for(lambda: self.replies, timeout)
            reply = self.replies[0] if self.replies else None
            return reply.get("return") if reply else None

    def shutdown_reason(self):
        """Why QEMU ended, in its own word (guest-shutdown, guest-reset, ...), or ''."""
        if self.thread:
            self.thread.join(timeout=10)
        for event in reversed(self.events):
            if event["event"] == "SHUTDOWN":
                return event["data"].get("reason", "")
        return ""


def start(arguments, **more):
    """A Popen that does not outlive this process, however this process ends.

    The kernel kills the child when its parent ends, by SIGKILL even; a parent that has ended before
    the child could ask for that is found by its number.
    """
    parent, libc = os.getpid(), ctypes.CDLL(None)

    def bind_to_parent():
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)

    return subprocess.Popen(arguments, preexec_fn=bind_to_parent, **more)


def exit_on_signals():
    """A closed terminal and a request to end leave by SystemExit, through every `finally`: what was
    started is ended, temporary files go. What the caller has ignored (nohup) stays ignored."""
    def leave(number, frame):
        for other in ENDING_SIGNALS:
            signal.signal(other, signal.SIG_IGN)  # one is enough: the clean-up is not cut short
        sys.exit(NO_VERDICT)

    for number in ENDING_SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, leave)


def _private_dir():
    """A directory of this user's own for what is remembered between runs, or None."""
    base = os.environ.get("XDG_RUNTIME_DIR") or "/tmp"
    path = os.path.join(base, f"firstlight-{os.getuid()}")
    try:
        os.makedirs(path, mode=0o700, exist_ok=True)
        info = os.lstat(path)
    except OSError:
        return None
    mine = stat.S_ISDIR(info.st_mode) and info.st_uid == os.getuid()
    return path if mine and not info.st_mode & 0o077 else None


def _prove_kvm():
    """Whether OVMF, started under KVM, runs after two seconds and has spoken within ten."""
    with tempfile.TemporaryDirectory(prefix="firstlight-kvm-") as folder:
        path = os.path.join(folder, "qmp")
        args = [QEMU, "-nodefaults", "-display", "none", "-machine", "q35", "-accel", "kvm",
                "-cpu", "max", "-m", "128M", "-bios", OVMF, "-serial", "stdio",
                "-qmp", f"unix:{path},server=on,wait=off"]
        proc = start(args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                     stderr=subprocess.DEVNULL)
        try:
            time.sleep(2)
            qmp = Qmp(path)
            if proc.poll() is not None or not qmp.connect(proc, time.monotonic() + 2):
                return False
            spoken = bool(select.select([proc.stdout], [], [], 8)[0])
            state = qmp.command("query-status") or {}
            return spoken and proc.poll() is None and state.get("status") == "running"
        finally:
            proc.kill()
            proc.wait()


def kvm_works():
    """Whether KVM can run OVMF here. Tried once, then remembered until the machine restarts."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        boot = file.read().strip()
    folder = _private_dir()
    note = folder and os.path.join(folder, f"kvm-{boot}")
    if note and os.path.exists(note):
        with open(note, encoding="ascii") as file:
            return file.read() == "yes"
    works = _prove_kvm()
    if note:
        with open(f"{note}.{os.getpid()}", "w", encoding="ascii") as file:
            file.write("yes" if works else "no")
        os.replace(file.name, note)
    return works


class Outcome:
    """What became of a machine."""

    def __init__(self, status, log, reason, errors, timed_out, where=""):
        self.status = status  # QEMU's exit status; None where it had to be killed
        self.log = log  # the serial line as text, without escape sequences
        self.reason = reason  # QMP's word for why QEMU ended
        self.errors = errors  # what QEMU itself had to say
        self.timed_out = timed_out
        self.where = where  # and what its processors did then
        self.report = ktap_check.check(log)
        self.code, self.message = self._judge()

    def _judge(self):
        problems = self.report.problems
        if self.timed_out is not None:
            return NO_VERDICT, (f"no verdict within {self.timed_out:g} s; the machine was stopped"
                                f"{self.where}")
        if self.status == STATUS_PANIC:
            return PANIC, "the kernel panicked; its last words are above"
        if self.status in (STATUS_PASS, STATUS_FAIL):
            expected = "PASS" if self.status == STATUS_PASS else "FAIL"
            if problems:
                return NO_VERDICT, (f"the machine said {expected}, but its report is not "
                                    f"complete: {problems[0]}")
            if self.report.verdict != expected:
                return NO_VERDICT, (f"the machine said {expected}, its report "
                                    f"{self.report.verdict}")
            names = self.report.failed_names
            failed = f"{len(names)} failed: {', '.join(names)}" if names else "none failed"
            good = sum(r.passed and not r.skipped for r in self.report.results)
            return (PASS if expected == "PASS" else FAIL), f"{good} tests passed, {failed}"
        if self.status == 0:
            what = {"guest-reset": "reset itself (a reboot or a triple fault)",
                    "guest-shutdown": "was switched off"}.get(self.reason, "ended")
            return NO_VERDICT, f"the machine {what} without telling a verdict"
        said = self.errors.strip().splitlines()
        detail = f": {said[-1]}" if said else ""
        return NO_VERDICT, f"QEMU ended with status {self.status}{detail}"


    def tell_by_report(self):
        """For a machine that a person ends: its verdict is that of its report, if that is whole."""
        if self.status == 0 and not self.report.problems:
            self.code = PASS if self.report.verdict == "PASS" else FAIL
            self.message = "the window was closed; the verdict is that of the report"


class Machine:
    """One virtual machine. `run` boots it and waits for its end."""

    def __init__(self, image, memory="256M", cpus=1, timeout=300.0, disk="sata", accel="auto",
                 exit_device=True, firmware=OVMF, bootindex=1, keep=False, extra=(), stream=None):
        self.image = image
        self.memory = memory + "M" if memory.isdigit() else memory
        self.cpus = cpus
        self.timeout = timeout  # seconds; 0 waits for ever
        self.disk = disk
        self.accel = accel  # "kvm", "tcg" or "auto"
        self.exit_device = exit_device
        self.firmware = firmware  # a file for -bios, or None where `extra` brings flash
        self.bootindex = bootindex  # of the image, among other disks that `extra` may bring
        self.keep = keep  # the image is written to, and a reset does not end the machine
        self.extra = list(extra)
        self.stream = stream  # gets the filtered serial line as it comes, in bytes
        self.qmp = self.deadline = None

    def _accelerator(self):
        if "-icount" in self.extra:
            return "tcg"
        if self.accel == "auto":
            return "kvm" if kvm_works() else "tcg"
        return self.accel

    def _medium(self):
        """What the machine starts from."""
        image = os.path.abspath(self.image).replace(",", ",,")
        *before, device = DISKS[self.disk]
        if self.disk == "network":
            folder, name = os.path.split(image)
            medium = ["-netdev", f"user,id=network,tftp={folder},bootfile={name}"]
        else:  # a snapshot: the image itself is not written to
            medium = ["-drive", f"if=none,id=disk,format=raw,file={image}" +
                      ("" if self.keep else ",snapshot=on")]
        return medium + before + [f"{device},bootindex={self.bootindex}"]

    def arguments(self, qmp_path):
        """QEMU's command line. Whatever `extra` says comes last and wins."""
        args = [QEMU, "-nodefaults", "-no-user-config", "-display", "none",
                *([] if self.keep else ["-no-reboot"]),
                # Nodes of NUMA bring their own memory, and QEMU takes no other beside.
                "-machine", "q35" + ("" if "-numa" in self.extra else ",memory-backend=ram"),
                "-m", self.memory,
                # Not reserved in advance: a guest may have more memory than this machine.
                "-object", f"memory-backend-ram,id=ram,size={self.memory},reserve=off",
                "-smp", str(self.cpus), *(["-bios", self.firmware] if self.firmware else []),
                "-chardev", "stdio,id=serial0,signal=off",
                "-qmp", f"unix:{qmp_path},server=on,wait=off", *self._medium()]
        if self.exit_device:
            args += ["-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"]
        for option, values in (("-accel", [self._accelerator()] if "-accel" not in self.extra
                                else []), ("-cpu", ["max"]), ("-vga", ["std"]),
                               ("-serial", ["chardev:serial0"])):
            if option not in self.extra and values:
                args += [option] + values
        return args + self.extra

    def run(self, during=None):
        """Boot. `during(machine)` is called again and again while it runs, with machine.log."""
        with tempfile.TemporaryDirectory(prefix="firstlight-") as folder:
            path = os.path.join(folder, "qmp")
            with open(os.path.join(folder, "errors"), "w+b") as errors:
                proc = start(self.arguments(path), stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=errors)
                where = ""
                try:
                    timed_out = self._follow(proc, path, during)
                    if timed_out is not None:
                        where = self._where()
                finally:
                    if proc.poll() is None:
                        proc.kill()
                    status = proc.wait()
                reason = self.qmp.shutdown_reason() if self.qmp else ""
                errors.seek(0)
                said = errors.read().decode("utf-8", "replace")
            return Outcome(None if timed_out is not None else status, self.log, reason, said,
                           timed_out, where)

    def _where(self):
        """Where each processor is, so that a machine that died in silence tells something."""
        text = self.qmp and self.qmp.command("human-monitor-command",
                                             **{"command-line": "info registers -a"})
        found = re.findall(r"RIP=([0-9a-f]+) RFL=([0-9a-f]+).*HLT=(\d)", text or "")
        return "".join(f"; {i}: {'halted ' if hlt == '1' else ''}at {rip}"
                       f"{'' if int(flags, 16) & 0x200 else ', interrupts off'}"
                       for i, (rip, flags, hlt) in enumerate(found))

    def extend(self, seconds):
        """The machine may run so long from now on; 0 for ever. `during` may call it."""
        self.timeout = seconds
        self.deadline = time.monotonic() + seconds if seconds else None

    def _follow(self, proc, qmp_path, during):
        """Read the serial line to its end. Returns the limit if that was reached, else None."""
        self.extend(self.timeout)
        filtered, raw = EscapeFilter(), bytearray()
        self.log = ""
        self.qmp = Qmp(qmp_path)
        answer = time.monotonic() + 60
        if not self.qmp.connect(proc, min(answer, self.deadline or answer)):
            self.qmp = None
        while True:
            left = 0.2 if during else 1.0
            if self.deadline is not None:
                left = min(left, self.deadline - time.monotonic())
                if left <= 0:
                    return self.timeout
            ready = select.select([proc.stdout], [], [], left)[0]
            if ready:
                data = os.read(proc.stdout.fileno(), 65536)
                if not data:
                    return self._wait_end(proc)
                text = filtered.feed(data)
                raw += text
                self.log = raw.decode("utf-8", "replace")
                if self.stream:
                    self.stream.write(text)
                    self.stream.flush()
            if during:
                during(self)

    def _wait_end(self, proc):
        """The serial line is closed; QEMU itself follows at once, or is late."""
        left = 10.0
        if self.deadline is not None:
            left = max(0.1, min(left, self.deadline - time.monotonic()))
        try:
            proc.wait(left)
        except subprocess.TimeoutExpired:
            return self.timeout
        return None


class Parser(argparse.ArgumentParser):
    """argparse ends with status 2 on a wrong option; here that number means PANIC."""

    def error(self, message):
        print(f"{os.path.basename(self.prog)}: {message} (--help tells more)", file=sys.stderr)
        sys.exit(NO_VERDICT)


def parse_arguments(argv):
    own, extra = argv, []
    if "--" in argv:
        own, extra = argv[:argv.index("--")], argv[argv.index("--") + 1:]
    parser = Parser(prog="tools/run.sh", formatter_class=argparse.RawDescriptionHelpFormatter,
                    usage="tools/run.sh [-m MEM] [-s CPUS] [-t SECONDS] IMAGE [-- QEMU ARGS]",
                    description="Boot an image in QEMU under OVMF and show its serial line.",
                    epilog="exit status: 0 PASS, 1 FAIL, 2 PANIC, 3 no verdict")
    parser.add_argument("-m", dest="memory", default="256M", help="memory (256M)")
    parser.add_argument("-s", dest="cpus", type=int, default=1, help="processors (1)")
    parser.add_argument("-t", dest="timeout", type=float, default=300.0,
                        help="seconds until the machine is stopped; 0: never (300)")
    parser.add_argument("-d", dest="disk", choices=sorted(DISKS), default="sata",
                        help="how the image is attached (sata); network: "
                        "a file of mkimg.sh --efi, by PXE")
    parser.add_argument("-a", dest="accel", choices=["auto", "kvm", "tcg"], default="auto",
                        help="auto: KVM if it can be proved to work (auto)")
    parser.add_argument("-l", dest="log", help="write the serial line to this file, too")
    parser.add_argument("-w", dest="window", action="store_true",
                        help="show the screen in a window; the machine stays until it is closed")
    parser.add_argument("image", metavar="IMAGE")
    return parser.parse_args(own), extra


def main(argv):
    opts, extra = parse_arguments(argv)
    if not os.path.isfile(opts.image):
        print(f"run.sh: {opts.image} is not there; 'make image' or tools/mkimg.sh makes images",
              file=sys.stderr)
        return NO_VERDICT
    if not os.path.isfile(OVMF):
        print(f"run.sh: {OVMF} is not there; 'tools/deps.sh run' installs it", file=sys.stderr)
        return NO_VERDICT
    if opts.window:  # without a device that ends the machine with the verdict
        if "-display" not in extra and not any(map(os.environ.get, DESKTOPS)):
            print("run.sh: -w needs a desktop to open a window on, and neither DISPLAY nor "
                  "WAYLAND_DISPLAY is set; without -w the report is shown here, and "
                  "'make screenshots' takes pictures", file=sys.stderr)
            return NO_VERDICT
        extra = ["-display", "gtk"] + extra
    machine = Machine(opts.image, opts.memory, opts.cpus, opts.timeout, opts.disk, opts.accel,
                      exit_device=not opts.window, extra=extra, stream=sys.stdout.buffer)
    outcome = machine.run()
    if opts.window:
        outcome.tell_by_report()
    if opts.log:
        with open(opts.log, "w", encoding="utf-8") as file:
            file.write(outcome.log)
    if outcome.log and not outcome.log.endswith("\n"):
        print(flush=True)
    if outcome.errors.strip():
        print(outcome.errors.strip(), file=sys.stderr)
    print(f"run.sh: {NAMES[outcome.code]}: {outcome.message}", file=sys.stderr)
    return outcome.code


if __name__ == "__main__":
    exit_on_signals()
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        print("run.sh: stopped", file=sys.stderr)
        sys.exit(NO_VERDICT)
    except Exception as err:  # pylint: disable=broad-except  -- 1 would mean FAIL
        print(f"run.sh: {type(err).__name__}: {err}", file=sys.stderr)
        sys.exit(NO_VERDICT)
