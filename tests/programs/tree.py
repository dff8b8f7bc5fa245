#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tree.py - fetch Debian packages with the package manager and unpack them into one tree

Usage: tree.py --packages FILE --debs DIR --tree DIR

The packages are downloaded (apt-get download, no root needed), not installed, and kept: later runs
need no network. The files in the tree are the packages' own, byte for byte. Left out is what no
case reads: documentation, translations, character set tables. Write bits of group and others are
cleared, as in every tree of a root filesystem here.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile

# Below the root of a package, as patterns. Each is left out with all that is in it.
LEFT_OUT = ("usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/locale",
            "usr/share/lintian", "usr/share/menu", "usr/share/bug", "usr/share/doc-base",
            "usr/share/bash-completion", "usr/lib/x86_64-linux-gnu/gconv",
            "usr/lib/x86_64-linux-gnu/audit", "usr/lib/x86_64-linux-gnu/libc.a",
            "usr/lib/x86_64-linux-gnu/libm*.a", "usr/share/git-core/contrib",
            "usr/lib/git-core/git-http*", "usr/lib/git-core/git-remote-*",
            "usr/lib/git-core/git-daemon", "usr/lib/git-core/git-imap-send", "usr/bin/scalar",
            "usr/lib/git-core/git-shell", "usr/lib/git-core/git-sh-i18n--envsubst",
            "usr/lib/git-core/scalar", "usr/bin/git-shell", "usr/include/linux/*/",
            "usr/include/drm", "usr/include/misc", "usr/include/mtd", "usr/include/rdma",
            "usr/include/scsi", "usr/include/sound")
# What update-alternatives would make on installation.
LINKS = {"usr/bin/awk": "mawk", "usr/bin/lua": "lua5.4"}


class Failure(RuntimeError):
    """Something went wrong; the text says what and what to do."""


def read_packages(path):
    """The names in the list; ONE|OTHER: the package has other names in other releases."""
    with open(path, encoding="ascii") as file:
        words = [line.partition("#")[0].split() for line in file]
    return [word for line in words for word in line]


def deb_of(debs, package):
    """The file of the package, or None. Names are PACKAGE_VERSION_ARCHITECTURE.deb."""
    found = sorted(name for name in os.listdir(debs)
                   if name.startswith(package + "_") and name.endswith(".deb"))
    return os.path.join(debs, found[-1]) if found else None


def known(package):
    """Whether apt could download it: not if others only provide the name, which is no error."""
    shown = subprocess.run(["apt-cache", "show", "--no-all-versions", package], check=False,
                           capture_output=True, text=True)
    return "\nVersion:" in shown.stdout


def choose(packages, debs):
    """One name for each package: that of the file which is there, or the first that apt knows."""
    for package in packages:
        names = package.split("|")
        found = [name for name in names if deb_of(debs, name)]
        yield (found or [name for name in names[:-1] if known(name)] or names[-1:])[0]


def update_lists():
    """Fresh package lists: old ones name versions that are gone. False where it cannot be done."""
    become = [] if os.geteuid() == 0 else ["sudo", "-n"]
    return subprocess.run(become + ["apt-get", "-q", "update"], check=False,
                          stdout=sys.stderr).returncode == 0


def download(packages, debs):
    """Download packages into the folder; a download that was cut short leaves nothing there."""
    with tempfile.TemporaryDirectory(dir=debs, prefix="new-") as fresh:
        command = ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download"] + packages
        for attempt in (1, 2):
            done = subprocess.run(command, cwd=fresh, check=False, capture_output=True, text=True)
            if done.returncode == 0:
                break
            if attempt == 2 or not update_lists():
                raise Failure("the packages could not be downloaded; 'apt-get update' as root may "
                              f"help. apt-get said:\n{done.stderr}")
        for name in os.listdir(fresh):
            os.replace(os.path.join(fresh, name), os.path.join(debs, name))


def fetch(packages, debs):
    """{package: file}; downloads what is not there yet."""
    os.makedirs(debs, exist_ok=True)
    packages = list(choose(packages, debs))
    missing = [p for p in packages if deb_of(debs, p) is None]
    if missing:
        print(f"programs: downloading {len(missing)} packages", flush=True)
        download(missing, debs)
    found = {p: deb_of(debs, p) for p in packages}
    lost = [p for p, path in found.items() if path is None]
    if lost:
        raise Failure(f"apt-get brought no file for: {' '.join(lost)}")
    return found


def unpack(files, tree):
    """All packages into one tree, in Debian's merged layout."""
    for folder in ("usr/bin", "usr/sbin", "usr/lib", "usr/lib64"):
        os.makedirs(os.path.join(tree, folder))
        os.symlink(folder, os.path.join(tree, os.path.basename(folder)))
    for path in files:
        # Not dpkg-deb -x: it would replace the links of the merged layout by directories.
        data = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", path], stdout=subprocess.PIPE)
        excludes = [f"--exclude=./{name}" for name in LEFT_OUT]
        done = subprocess.run(["tar", "-x", "--keep-directory-symlink", "--no-same-owner",
                               "-C", tree] + excludes, stdin=data.stdout, check=False)
        if data.wait() or done.returncode:
            raise Failure(f"{path} could not be unpacked")


def finish(tree):
    """Links and modes."""
    for link, target in LINKS.items():
        path = os.path.join(tree, link)
        if not os.path.lexists(path):
            os.symlink(target, path)
    for folder, folders, files in os.walk(tree):
        for name in folders + files:
            path = os.path.join(folder, name)
            if not os.path.islink(path):
                os.chmod(path, os.stat(path).st_mode & 0o755)


def make_tree(packages, debs, tree):
    """The tree, made anew only when the list or a package has changed."""
    files = fetch(packages, debs)
    with open(__file__, encoding="utf-8") as own:
        stamp = "\n".join(sorted(os.path.basename(p) for p in files.values())) + "\n" + own.read()
    note = tree + ".stamp"
    if os.path.isdir(tree) and os.path.exists(note):
        with open(note, encoding="utf-8") as file:
            if file.read() == stamp:
                return
    shutil.rmtree(tree, ignore_errors=True)
    os.makedirs(tree)
    unpack(files.values(), tree)
    finish(tree)
    with open(note, "w", encoding="utf-8") as file:
        file.write(stamp)


def main():
    """See the top."""
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("packages", "debs", "tree"):
        args.add_argument("--" + name, required=True)
    opts = args.parse_args()
    try:
        make_tree(read_packages(opts.packages), opts.debs, opts.tree)
    except (Failure, OSError) as err:
        sys.exit(f"tree.py: {err}")


if __name__ == "__main__":
    main()
