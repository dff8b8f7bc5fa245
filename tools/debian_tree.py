#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""debian_tree.py - a tree in which Debian packages are installed, made without root and kept

Usage: debian_tree.py [-b BUILD] [--release NAME] PACKAGE...

Prints the directory of the tree. It holds the packages (ONE|OTHER where releases have other names),
all that they depend on, not what they only recommend, and what Debian calls essential (a shell,
coreutils, dpkg, ...), set up by their own scripts: alternatives, users, caches and links are those
of an installed system.

How: apt chooses and downloads, with lists and a status of its own below BUILD/debian/RELEASE. The
essential packages are unpacked, dpkg runs in them by chroot, in a user namespace where there can be
one, and installs everything. As only one user exists there, chown succeeds and does nothing.
Left out of the tree are documentation, translations and what no two runs have in common (logs,
caches, keys that were drawn).

Promises: the same versions give the same tree, for any user; a tree that is there needs no network;
a run that was cut short leaves no half tree. Newer versions: remove BUILD/debian/RELEASE/lists.
MIRROR=URL names another archive than this machine's.
"""
import argparse
import contextlib
import fcntl
import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.dirname(HERE)
DEFAULT_MIRROR = "http://deb.debian.org/debian"
KEYS = ["/usr/share/keyrings/debian-archive-keyring." + ending for ending in ("pgp", "gpg")]
DATE = "1767225600"  # 2026-01-01 00:00:00 UTC, where a script of a package writes a date
INSTALL_SECONDS = 1800  # the scripts of one tree; downloads have limits of apt's
MERGED = "usr-is-merged"  # else apt takes a package that merges, and Perl with it

# apt of this machine with its proxies, but without its archives, pins, hooks and state.
APT_CONFIG = """\
#clear APT::Update;
#clear DPkg;
#clear Acquire::IndexTargets::deb::DEP-11;
#clear Acquire::IndexTargets::deb::DEP-11-icons-small;
#clear Acquire::IndexTargets::deb::DEP-11-icons;
#clear Acquire::IndexTargets::deb::DEP-11-icons-hidpi;
#clear APT::NeverAutoRemove;
APT::Architecture "amd64";
#clear APT::Architectures;
APT::Architectures {{ "amd64"; }};
APT::Install-Recommends "false";
APT::Install-Suggests "false";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "2";
Acquire::http::Timeout "30";
Acquire::https::Timeout "30";
Dir::Etc "{base}/etc";
Dir::State "{base}";
Dir::State::Lists "{base}/lists";
Dir::State::Status "{base}/status";
Dir::State::extended_states "{base}/extended_states";
Dir::Cache "{base}/cache";
Dir::Cache::Archives "{base}/debs";
Dir::Log "{base}";
"""

# No owner but root exists in the tree, nor in the archive that is made of it.
KEEP_OWNER = """\
int chown(const char *path, unsigned user, unsigned group);
int lchown(const char *path, unsigned user, unsigned group);
int fchown(int fd, unsigned user, unsigned group);
int fchownat(int dir, const char *path, unsigned user, unsigned group, int flags);
int chown(const char *path, unsigned user, unsigned group)
{ (void)path; (void)user; (void)group; return 0; }
int lchown(const char *path, unsigned user, unsigned group)
{ (void)path; (void)user; (void)group; return 0; }
int fchown(int fd, unsigned user, unsigned group)
{ (void)fd; (void)user; (void)group; return 0; }
int fchownat(int dir, const char *path, unsigned user, unsigned group, int flags)
{ (void)dir; (void)path; (void)user; (void)group; (void)flags; return 0; }
"""

# In the tree, but not by chroot, as root of the namespace. It is not named: root of a namespace may
# not get through the directories of other users. What cannot be mounted is no error:
# few scripts look at /proc, and a device is a file where none can be had.
DEVICES = """\
for device in null zero full random urandom tty; do
    : >dev/$device && chmod 666 dev/$device
    mount --bind /dev/$device dev/$device 2>/dev/null ||
        { rm -f dev/$device && cp -a /dev/$device dev/$device 2>/dev/null; } ||
        { [ $device = tty ] || : >dev/$device; }
done
mount -t proc proc proc 2>/dev/null
"""
ENTER = DEVICES + """\
hostname firstlight 2>/dev/null
exec chroot . /bin/sh /.build/setup.sh
"""

# Inside. dpkg does not sort by Pre-Depends what it is given at once, so the essential packages,
# which are unpacked already, come first and without that check, as in every bootstrap.
SETUP = """\
set -e
export LD_PRELOAD=/.build/keep_owner.so
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C HOME=/root TZ=UTC
export DEBIAN_FRONTEND=noninteractive DEBCONF_NONINTERACTIVE_SEEN=true
export SOURCE_DATE_EPOCH={date} PYTHONHASHSEED=0
umask 022
cd /.build/debs
exec </dev/null
dpkg --force-unsafe-io --force-depends --install {essential}
if [ -n "{others}" ]; then
    dpkg --force-unsafe-io --force-depends --unpack {others}
fi
dpkg --force-unsafe-io --configure --pending
ldconfig
"""

# Of a tree that is set up, as patterns: documentation, translations, and what depends on the day,
# on chance, or on who made it.
LEFT_OUT = ["usr/share/doc/*", "usr/share/man/*", "usr/share/info/*", "usr/share/locale/*",
            "usr/share/lintian", "usr/share/bug", "usr/share/doc-base", "usr/share/menu",
            "usr/share/gtk-doc", "usr/share/help", "var/log/*", "var/cache/*", "var/lib/apt",
            "var/lib/dpkg/*-old", "var/lib/dpkg/lock*", "var/lib/dpkg/triggers/Lock",
            "var/lib/systemd/*", "etc/machine-id", "etc/.pwd.lock", "etc/*-", "tmp/*", "run/*",
            "dev/*", "usr/sbin/policy-rc.d", "etc/ssh/ssh_host_*", ".build"]


class Failure(RuntimeError):
    """What is missing and what to do about it, in one line."""


def run(command, **more):
    """A command's outcome, with its output as text."""
    return subprocess.run(command, check=False, capture_output=True, text=True, errors="replace",
                          stdin=subprocess.DEVNULL, **more)


def need_programs():
    """Says what of this machine is missing."""
    for program, package in (("apt-get", "apt"), ("dpkg-deb", "dpkg"), ("tar", "tar"),
                             ("gcc", "gcc"), ("unshare", "util-linux")):
        if not shutil.which(program):
            raise Failure(f"the program '{program}' is missing; on Debian, package {package} "
                          "has it")


def release_of_host():
    """The name of this machine's release."""
    with contextlib.suppress(OSError), open("/etc/os-release", encoding="utf-8") as file:
        found = re.search(r'^VERSION_CODENAME="?([a-z]+)', file.read(), re.M)
        if found:
            return found.group(1)
    raise Failure("this machine does not say which release of Debian it is; say --release NAME")


def mirror_of_host():
    """Where apt of this machine gets Debian itself from, or Debian's own address."""
    if os.environ.get("MIRROR"):
        return os.environ["MIRROR"]
    shown = run(["apt-get", "indextargets", "--format", "$(ORIGIN) $(LABEL) $(REPO_URI)",
                 "Created-By: Packages"])
    found = re.search(r"^Debian Debian (\S+)", shown.stdout, re.M)
    return found.group(1) if found else DEFAULT_MIRROR


class Archive:
    """The packages of one release, through apt with everything of its own below `base`."""

    def __init__(self, release, base):
        self.release, self.base = release, base
        self.debs = os.path.join(base, "debs")
        self.config = os.path.join(base, "apt.conf")
        self.fresh = False  # the lists were brought by this run
        for name in ("debs/partial", "lists/partial", "cache", "trees",
                     "etc/sources.list.d", "etc/preferences.d", "etc/trusted.gpg.d"):
            os.makedirs(os.path.join(base, name), exist_ok=True)
        keys = [path for path in KEYS if os.path.exists(path)]
        if not keys:
            raise Failure("Debian's keys are missing; 'apt-get install debian-archive-keyring' "
                          "as root brings them")
        self.mirror = mirror_of_host()
        self._write("etc/sources.list", f"deb [signed-by={keys[0]}] {self.mirror} {release} main\n")
        self._write("apt.conf", APT_CONFIG.format(base=base))
        self._write("status", "")

    def _write(self, name, text):
        """Only where it differs: apt compares times of files."""
        path = os.path.join(self.base, name)
        with contextlib.suppress(OSError), open(path, encoding="utf-8") as file:
            if file.read() == text:
                return
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def apt(self, *words):
        """apt-get with this configuration behind the machine's own."""
        return run(["apt-get", "-q", "-y", "-c", self.config, *words],
                   env=dict(os.environ, LC_ALL="C"))

    def update(self):
        """Bring the lists. A release that is not there is told from a network that is not."""
        done = self.apt("update", "-o", "APT::Update::Error-Mode=any")
        if done.returncode == 0:
            self.fresh = True
            return
        said = done.stdout + done.stderr
        if "does not have a Release file" in said or " 404 " in said:
            raise Failure(f"there is no release '{self.release}' at {self.mirror}; 'bookworm' and "
                          "'trixie' are Debian 12 and 13 (--release NAME)")
        raise Failure(f"the package lists of {self.release} could not be brought from "
                      f"{self.mirror}: {last_error(said)}; see to the network, or say MIRROR=URL")

    def have_lists(self):
        """Whether the lists are there."""
        return any(name.endswith(("_Packages", "_Packages.lz4", "_Packages.xz", "_Packages.gz"))
                   for name in os.listdir(os.path.join(self.base, "lists")))

    def choose(self, packages):
        """The file names of all packages that these need, essential ones among them."""
        done = self.apt("--simulate", "install", *packages)
        if done.returncode:
            said = done.stdout + done.stderr
            unknown = re.findall(r"Unable to locate package (\S+)|Package '?([^' ]+)'? has no "
                                 r"installation candidate", said)
            names = " ".join(dict.fromkeys(a or b for a, b in unknown))
            if names:
                raise Failure(f"{self.release} has no package '{names}' in main; 'apt-cache search "
                              "WORD' finds names")
            raise Failure(f"apt finds no way to install {' '.join(packages)}: {last_error(said)}")
        chosen = re.findall(r"^Inst (\S+) \((\S+) .*\[(\w+)\]\)", done.stdout, re.M)
        return sorted(f"{name}_{version.replace(':', '%3a')}_{architecture}.deb"
                      for name, version, architecture in chosen)

    def essential(self):
        """The packages that every other one may count on without naming them."""
        done = run(["apt-cache", "-c", self.config, "dumpavail"], env=dict(os.environ, LC_ALL="C"))
        names = [re.match(r"Package: (\S+)", block) for block in done.stdout.split("\n\n")
                 if "\nEssential: yes\n" in block]
        if not all(names) or not names:
            raise Failure(f"the package lists of {self.release} name no essential packages; remove "
                          f"{self.base}/lists")
        return [name.group(1) for name in names] + [MERGED]

    def download(self, packages):
        """Bring all packages that these need."""
        return self.apt("--download-only", "install", *packages)

    def download_alone(self, meta, pattern):
        """The file of the newest package of that pattern that another, `meta`, depends on."""
        while True:
            if self.have_lists():
                shown = run(["apt-cache", "-c", self.config, "depends", meta]).stdout
                found = pattern.search(shown)
                if found and self._get(found.group(0)):
                    return self._get(found.group(0))
            if self.fresh:
                raise Failure(f"{meta} could not be downloaded from {self.mirror}")
            self.update()

    def _get(self, package):
        """The file of that package alone, downloaded where it is not there; or None."""
        shown = run(["apt-cache", "-c", self.config, "show", "--no-all-versions", package]).stdout
        version = re.search(r"^Version: (\S+)", shown, re.M)
        name = version and f"{package}_{version.group(1).replace(':', '%3a')}_amd64.deb"
        if name and not os.path.exists(os.path.join(self.debs, name)):
            with tempfile.TemporaryDirectory(dir=self.base) as folder:
                run(["apt-get", "-q", "-c", self.config, "download", package], cwd=folder)
                for got in os.listdir(folder):
                    os.replace(os.path.join(folder, got), os.path.join(self.debs, got))
        path = name and os.path.join(self.debs, name)
        return path if path and os.path.exists(path) else None

    def first_known(self, names):
        """That which this release has."""
        known = (name for name in names[:-1]
                 if run(["apt-cache", "-c", self.config, "show", name]).returncode == 0)
        return next(known, names[-1])

    def fetch(self, packages):
        """(files of the essential packages, files of all). Old lists name versions that are gone:
        they are brought anew when a package or a file is not found."""
        if not self.have_lists():
            self.update()
        while True:
            try:
                names = self.essential()
                essential = self.choose(names)
                chosen = [self.first_known(name.split("|")) for name in packages]
                wanted = self.choose(names + chosen)
            except Failure:
                if self.fresh:
                    raise
                self.update()
                continue
            if all(os.path.exists(os.path.join(self.debs, name)) for name in wanted):
                return [name for name in essential if name in wanted], wanted
            done = self.download(names + chosen)
            lost = [name for name in wanted if not os.path.exists(os.path.join(self.debs, name))]
            if lost and self.fresh:
                raise Failure(f"{lost[0]} could not be downloaded from {self.mirror}: "
                              f"{last_error(done.stdout + done.stderr)}")
            if lost:
                self.update()


def last_error(text):
    """The first error that apt names, or the last thing that it said."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line[3:].strip() for line in lines if line.startswith("E: ")]
    return (errors or lines or ["it said nothing"])[-1 if not errors else 0]


def namespaces():
    """The command before one that is to run as root of namespaces of its own: the first of these
    that works here. Root in a container may have none, and does without."""
    spaces = ["--mount", "--pid", "--fork", "--kill-child", "--uts", "--ipc"]
    ways = [["unshare", "--map-root-user", *spaces]]
    if os.geteuid() == 0:
        ways += [["unshare", *spaces], []]
    for way in ways:
        if run([*way, "true"]).returncode == 0:
            return way
    raise Failure("an ordinary user needs user namespaces here, and there are none; "
                  "'sysctl kernel.unprivileged_userns_clone=1' as root allows them, or run "
                  "this as root")


def extract(archive, names, tree):
    """The essential packages' files in Debian's merged layout, enough for dpkg to run there."""
    for folder in ("bin", "sbin", "lib", "lib64"):
        os.makedirs(os.path.join(tree, "usr", folder))
        os.symlink(f"usr/{folder}", os.path.join(tree, folder))
    for name in names:
        # Not dpkg-deb -x: it would replace the links of the merged layout by directories.
        path = os.path.join(archive.debs, name)
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", path], stdout=subprocess.PIPE) as data:
            done = subprocess.run(["tar", "-x", "-p", "--keep-directory-symlink", "--no-same-owner",
                                   "-C", tree], stdin=data.stdout, check=False)
        if data.returncode or done.returncode:
            os.remove(path)  # downloaded anew the next time
            raise Failure(f"{name} could not be unpacked: is the disk full? Try again")


def prepare(archive, essential, wanted, tree):
    """What the scripts find at /.build, and services that do not start."""
    build = os.path.join(tree, ".build")
    os.makedirs(os.path.join(build, "debs"))
    for name in wanted:
        os.link(os.path.join(archive.debs, name), os.path.join(build, "debs", name))
    source = os.path.join(build, "keep_owner.c")
    with open(source, "w", encoding="ascii") as file:
        file.write(KEEP_OWNER)
    done = run(["gcc", "-m64", "-shared", "-fPIC", "-nostdlib", "-O2", "-o",
                os.path.join(build, "keep_owner.so"), source])
    if done.returncode:
        raise Failure(f"gcc failed: {done.stderr.strip()}")
    with open(os.path.join(build, "setup.sh"), "w", encoding="ascii") as file:
        file.write(SETUP.format(
            date=DATE, essential=" ".join(map(shlex.quote, essential)),
            others=" ".join(shlex.quote(name) for name in wanted if name not in essential)))
    policy = os.path.join(tree, "usr/sbin/policy-rc.d")
    with open(policy, "w", encoding="ascii") as file:
        file.write("#!/bin/sh\nexit 101\n")
    os.chmod(policy, 0o755)


def set_up(way, tree, log):
    """Run dpkg in the tree."""
    with open(log, "wb") as out:
        try:
            done = subprocess.run([*way, "/bin/sh", "-c", ENTER], check=False, cwd=tree,
                                  stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                                  timeout=INSTALL_SECONDS)
        except subprocess.TimeoutExpired as err:
            raise Failure(f"the packages' scripts did not end; the log is {log}") from err
    if done.returncode:
        with open(log, encoding="utf-8", errors="replace") as file:
            lines = [line.strip() for line in file if line.strip()]
        errors = [line for line in lines if re.match(r"dpkg: .*\berror\b|E: ", line)]
        raise Failure(f"the packages could not be set up: {(errors or lines[-1:] or ['?'])[0]}; "
                      f"the log is {log}")


def finish(tree):
    """Take away what is left out."""
    for pattern in LEFT_OUT:
        folder, _, last = pattern.rpartition("/")
        where = os.path.join(tree, folder)
        chosen = re.compile(re.escape(last).replace(r"\*", ".*") + "$")
        for name in os.listdir(where) if os.path.isdir(where) else ():
            path = os.path.join(where, name)
            if chosen.match(name):
                if os.path.isdir(path) and not os.path.islink(path):
                    shutil.rmtree(path)
                else:
                    os.remove(path)


def install(archive, essential, wanted, tree):
    """Make the tree beside its place and move it there."""
    way, new = namespaces(), tree + ".new"
    for name in os.listdir(os.path.dirname(tree)):
        if name.endswith(".new"):  # of a run that was cut short
            old = os.path.join(os.path.dirname(tree), name)
            # Not shutil: it may have left directories that are not writable.
            subprocess.run(["chmod", "-R", "u+rwX", old], check=False, stderr=subprocess.DEVNULL)
            subprocess.run(["rm", "-rf", "--one-file-system", old], check=True)
    os.makedirs(new)
    extract(archive, essential, new)
    prepare(archive, essential, wanted, new)
    set_up(way, new, os.path.join(archive.base, "setup.log"))
    finish(new)
    os.rename(new, tree)


@contextlib.contextmanager
def locked(folder):
    """One run at a time uses the folder; others wait."""
    with open(os.path.join(folder, "lock"), "w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def archive_of(build, release=None):
    """The archive of a release, for one run at a time."""
    need_programs()
    release = release or release_of_host()
    if not re.fullmatch(r"[a-z][a-z0-9-]+", release):
        raise Failure(f"'{release}' is no name of a release; 'bookworm' and 'trixie' are")
    base = os.path.join(os.path.realpath(build), "debian", release)
    if re.search(r'[\s"\\]', base):
        raise Failure(f"apt takes no directory with blanks in its name: {base}")
    os.makedirs(base, exist_ok=True)
    with locked(base):
        yield Archive(release, base)


def make_tree(build, packages, release=None):
    """The directory of a tree with these packages, from an earlier run where that had the same."""
    for name in packages:
        if not re.fullmatch(r"[a-z0-9][a-z0-9+.-]+(\|[a-z0-9][a-z0-9+.-]+)*", name):
            raise Failure(f"'{name}' is no name of a package")
    with archive_of(build, release) as archive:
        essential, wanted = archive.fetch(packages)
        with open(__file__, "rb") as own:
            key = hashlib.sha256(own.read() + "\n".join(wanted).encode()).hexdigest()[:16]
        tree = os.path.join(archive.base, "trees", key)
        if not os.path.isdir(tree):
            print(f"debian_tree.py: installing {len(wanted)} packages of {archive.release}",
                  file=sys.stderr, flush=True)
            install(archive, essential, wanted, tree)
        return tree


def read_packages(path):
    """The names in a list of packages: words, with comments behind #."""
    with open(path, encoding="ascii") as file:
        return [word for line in file for word in line.partition("#")[0].split()]


def main():
    """See the top."""
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("-b", dest="build", default=os.path.join(TOP, "build"))
    args.add_argument("--release", help="of Debian (this machine's)")
    args.add_argument("package", nargs="+")
    opts = args.parse_args()
    print(make_tree(opts.build, opts.package, opts.release))


if __name__ == "__main__":
    try:
        main()
    except (Failure, OSError) as err:
        sys.exit(f"debian_tree.py: {err}")
    except KeyboardInterrupt:
        sys.exit("debian_tree.py: stopped")
