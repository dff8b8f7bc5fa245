#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run plans on Linux, the oracle: what passes here is what the kernel has to match.

    run_on_linux.py --base DIR... --work DIR [--plan FILE]... [--only NAME]... [-v]

Each test runs under chroot in the root filesystem that an image would get, in the conditions the
kernel's harness gives: stdin on /dev/null, output into a pipe, no terminal, umask 022, a fixed
environment. As an ordinary user it does the same inside a user namespace.

Lines of the plan that begin with `#linux:` name tests for which Linux cannot be the judge:
    #linux: differs NAME REASON    run, result shown, neither passed nor failed
    #linux: skip NAME REASON       not run
    #linux: root NAME REASON       not run in a user namespace, only by root itself
    #linux: terminals NAME REASON  not run where no pseudo-terminals of its own can be mounted
    #linux: mounts NAME REASON     the same for anything that has to be mounted, e.g. /proc
Exit status: 0 when no test failed.
"""
import argparse
import contextlib
import ctypes
import os
import resource
import select
import shutil
import signal
import stat
import subprocess
import sys
import time

sys.dont_write_bytecode = True  # nothing is left behind in the folders of others
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tools"))
import mkcpio  # noqa: E402  (its folder had to be named first)

NAMESPACE = "USER_TEST_NAMESPACE"
BUSYBOX = "/bin/busybox"
ENVIRONMENT = {"PATH": "/bin:/sbin:/usr/bin:/usr/sbin", "HOME": "/"}
OUTPUT_LIMIT = 64 * 1024
CLONE_NEWNS = 0x20000  # of <linux/sched.h>
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 1 << 18  # of <linux/mount.h>
DEVICES = {  # name: (major, minor, mode)
    "null": (1, 3, 0o666), "zero": (1, 5, 0o666), "full": (1, 7, 0o666),
    "random": (1, 8, 0o666), "urandom": (1, 9, 0o666), "console": (5, 1, 0o600),
    "tty": (5, 0, 0o666),
}


class PlanError(Exception):
    """A line that does not follow the grammar."""


class Test:
    """One line of the plan."""

    def __init__(self, name):
        self.name = name
        self.limit = 10.0
        self.expect = "exit:0"
        self.skip = None
        self.command = []


def split_words(line):
    """Words of a plan line: blanks separate, double quotes group, \\" and \\\\ inside quotes."""
    words, word, quoted, i = [], None, False, 0
    while i < len(line):
        c = line[i]
        if quoted and c == "\\":
            if line[i + 1:i + 2] not in ("\"", "\\"):
                raise PlanError("backslash before something else than \" or \\")
            i += 1
            word += line[i]
        elif c == "\"":
            quoted = not quoted
            word = word or ""
        elif not quoted and c in " \t":
            if word is not None:
                words.append(word)
            word = None
        else:
            word = (word or "") + c
        i += 1
    if quoted:
        raise PlanError("unterminated quote")
    if word is not None:
        words.append(word)
    return words


def parse_test(line):
    """A Test from a line that is neither empty nor a comment."""
    words = split_words(line)
    if len(words) < 2 or words[0] != "test":
        raise PlanError("not a test line")
    test = Test(words[1])
    rest = words[2:]
    while rest and rest[0].split("=")[0] in ("limit", "expect", "skip") and "=" in rest[0]:
        key, value = rest.pop(0).split("=", 1)
        if key == "limit":
            test.limit = float(value)
        elif key == "expect":
            test.expect = value
        else:
            test.skip = value
    if not rest:
        raise PlanError("no command")
    test.command = rest
    return test


def read_plan(path):
    """(tests, directives): directives maps a name to (kind, reason)."""
    tests, directives = [], {}
    with open(path, encoding="utf-8") as plan:
        for number, line in enumerate(plan, 1):
            line = line.rstrip("\n")
            try:
                if line.startswith("#linux:"):
                    kind, name, reason = line[len("#linux:"):].split(None, 2)
                    directives[name] = (kind, reason)
                elif line.strip(" \t") and not line.startswith("#"):
                    tests.append(parse_test(line))
            except (PlanError, ValueError) as error:
                raise SystemExit(f"{path}:{number}: {error}: {line}") from error
    unknown = set(directives) - {test.name for test in tests}
    if unknown:
        raise SystemExit(f"{path}: directive for unknown test: {sorted(unknown)}")
    return tests, directives


def make_root(bases, work):
    """The root filesystem of an image as a directory, freshly made; its path."""
    root = os.path.join(work, "root")
    remove_root(root)
    overlay = mkcpio.Overlay()
    overlay.add_skeleton()
    overlay.add_busybox(os.path.realpath(BUSYBOX))
    for base in bases:
        overlay.add_tree(base, keep_modes=False)
    os.makedirs(root)
    for path in sorted(overlay.nodes):
        node, place = overlay.nodes[path], os.path.join(root, path)
        if node.is_link():
            os.symlink(node.target, place)
            os.utime(place, (mkcpio.FIXED_TIME, mkcpio.FIXED_TIME), follow_symlinks=False)
            continue
        if node.is_dir():
            os.makedirs(place, exist_ok=True)
        else:
            shutil.copyfile(node.source, place)
        os.chmod(place, stat.S_IMODE(node.mode))
        os.utime(place, (mkcpio.FIXED_TIME, mkcpio.FIXED_TIME))
    for name, (major, minor, mode) in DEVICES.items():
        make_device(os.path.join(root, "dev", name), name, mode, os.makedev(major, minor))
    os.mkdir(os.path.join(root, "dev/pts"))
    os.symlink("pts/ptmx", os.path.join(root, "dev/ptmx"))
    os.symlink("/proc/self/fd", os.path.join(root, "dev/fd"))
    os.symlink("/proc/self/fd/0", os.path.join(root, "dev/stdin"))
    return root


def remove_root(root):
    """What the plan before left, in a namespace with the host's devices on top of files."""
    for name in DEVICES:
        node = os.path.join(root, "dev", name)
        if os.environ.get(NAMESPACE) and os.path.exists(node) and not os.path.isfile(node):
            subprocess.run(["umount", "-l", node], check=True)  # a task may be left that has it
    if os.path.exists(root):
        shutil.rmtree(root)


def make_device(node, name, mode, number):
    """A device node; inside a user namespace, where none can be made, the host's own."""
    if os.environ.get(NAMESPACE):
        with open(node, "w", encoding="ascii"):
            pass
        subprocess.run(["mount", "--bind", f"/dev/{name}", node], check=True)
    else:
        os.mknod(node, stat.S_IFCHR | mode, number)
        os.chmod(node, mode)


def mount_terminals(root):
    """In the child: its own pseudo-terminals and /proc, in a mount namespace that ends with it."""
    libc = ctypes.CDLL(None, use_errno=True)
    point, proc = (os.path.join(root, name).encode() for name in ("dev/pts", "proc"))
    options = b"newinstance,ptmxmode=0666,mode=0620"
    if (libc.unshare(CLONE_NEWNS) or libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None)
            or libc.mount(b"devpts", point, b"devpts", 0, options)
            or not os.path.ismount(proc)
            and libc.mount(b"/proc", proc, None, MS_BIND | MS_REC, None)):
        raise OSError(ctypes.get_errno(), "devpts and /proc cannot be mounted")


def can_mount_terminals(root):
    """Whether mount_terminals works here: not in a plain chroot, whose root is no mount point."""
    pid = os.fork()
    if pid == 0:
        try:
            mount_terminals(root)
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitpid(pid, 0)[1] == 0


def prepare_child(root, stdin, output, terminals):
    """In the child, before exec: the conditions of the harness."""
    os.setsid()
    if terminals:
        mount_terminals(root)
    os.dup2(stdin, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.closerange(3, 256)
    os.chroot(root)
    os.chdir("/")
    os.umask(0o022)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_STACK, (8 << 20, resource.RLIM_INFINITY))
    for number in range(1, signal.NSIG):
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            try:
                signal.signal(number, signal.SIG_DFL)
            except (OSError, ValueError):
                pass


def reap_orphans(spare):
    """As process 1 does: what has ended and nobody waits for goes, but for our own child."""
    with contextlib.suppress(ChildProcessError):
        while True:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if not ended or ended.si_pid == spare:
                return
            os.waitpid(ended.si_pid, 0)


def collect(pid, pipe, limit):
    """(outcome, output): waits for the child at most `limit` seconds."""
    if os.getpid() == 1:
        signal.signal(signal.SIGCHLD, lambda *_: reap_orphans(pid))
        reap_orphans(pid)
    try:
        return collect_while(pid, pipe, limit)
    finally:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def collect_while(pid, pipe, limit):
    """The same, with orphans looked after."""
    deadline = time.monotonic() + limit
    output, killed, reaped = bytearray(), False, None
    while True:
        left = deadline - time.monotonic()
        if left <= 0 and not killed:
            os.kill(pid, signal.SIGKILL)
            killed = True
        ready, _, _ = select.select([pipe], [], [], max(0.0, min(left, 0.2)) if not killed else 1)
        data = os.read(pipe, 65536) if ready else b""
        output += data
        if reaped is None:
            done, status = os.waitpid(pid, os.WNOHANG)
            reaped = status if done else None
        if reaped is not None and not data:
            break
    if killed:
        return "limit", bytes(output)
    if os.WIFSIGNALED(reaped):
        return "signal:" + signal.Signals(os.WTERMSIG(reaped)).name, bytes(output)
    return f"exit:{os.WEXITSTATUS(reaped)}", bytes(output)


def run_test(test, root, terminals=False):
    """(outcome, output) of one test."""
    reader, writer = os.pipe()
    # The tree's own node: a program may change the mode of what it has open.
    null = os.open(os.path.join(root, "dev/null"), os.O_RDONLY)
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        try:
            prepare_child(root, null, writer, terminals)
            os.execve(test.command[0], test.command, ENVIRONMENT)
        except OSError as error:
            os.write(2, f"cannot start: {error}\n".encode())
        os._exit(127)
    os.close(writer)
    os.close(null)
    try:
        return collect(pid, reader, test.limit)
    finally:
        os.close(reader)


def show_output(output):
    """The last lines a test printed."""
    for line in output.decode("utf-8", "backslashreplace").splitlines()[-8:]:
        print(f"#: {line}")


def enter_namespace():
    """An ordinary user starts again as root of a namespace of its own."""
    if os.geteuid() != 0:
        os.environ[NAMESPACE] = "1"
        os.execvp("unshare", ["unshare", "-rm", sys.executable] + sys.argv)


def run_plan(path, root, args, counts):
    """Runs one plan, adds to the counts."""
    tests, directives = read_plan(path)
    terminals = can_mount_terminals(root)
    for test in tests:
        if args.only and test.name not in args.only:
            continue
        kind, reason = directives.get(test.name, (None, None))
        if (test.skip or kind == "skip" or (kind == "root" and os.environ.get(NAMESPACE))
                or (kind in ("terminals", "mounts") and not terminals)):
            counts["skipped"] += 1
            print(f"skip   {test.name}: {test.skip or reason}")
            continue
        begin = time.monotonic()
        outcome, output = run_test(test, root, terminals)
        verdict = "passed" if outcome == test.expect else "failed"
        if kind == "differs":
            verdict = "not comparable"
        counts[verdict] += 1
        if verdict != "passed" or args.v:
            print(f"{verdict:6} {test.name}: {outcome}, expected {test.expect}"
                  f" ({time.monotonic() - begin:.2f} s){' - ' + reason if reason else ''}")
            show_output(output)


def main():
    """Runs the plans, prints one line a test and the totals."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", action="append", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--plan", action="append")
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("-v", action="store_true")
    args = parser.parse_args()

    enter_namespace()
    counts = {"passed": 0, "failed": 0, "skipped": 0, "not comparable": 0}
    for plan in args.plan or [None]:
        root = make_root(args.base, args.work)  # anew: a plan starts with a clean file system
        run_plan(plan or os.path.join(root, "etc/firstlight/plan"), root, args, counts)
    print(f"user-linux: {counts['passed']} passed, {counts['failed']} failed"
          f" ({counts['not comparable']} not comparable, {counts['skipped']} skipped)")
    return 1 if counts["failed"] or not counts["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
