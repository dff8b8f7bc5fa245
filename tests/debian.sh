#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tests/debian.sh - the README's commands and all tests in bare roots of Debian releases
#
#   RELEASES="bookworm trixie"   which ones
#   GOAL=run | test              the README's two commands alone, or `make test` behind them (test)
#   RIGHTS=root | user | no-admin   whose `make test`: root's, an ordinary user's with packages
#                                there, or root's without CAP_SYS_ADMIN as in a container (root)
#   MIRROR=URL                   of packages; without it, where this machine's come from
#   WORK=DIRECTORY               for roots, packages and logs (build/debian)
#
# Each release gets a fresh root (debootstrap --variant=minbase) and in it a clone of what this
# checkout has committed. The commands run there in a mount namespace whose root it is, with /proc,
# /sys, /dev and /dev/pts, and in a process namespace that leaves nothing behind at its end.
# Exit status: 0 if every release passed. Its whole output is in WORK/RELEASE.log.
set -uo pipefail
top=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
releases=${RELEASES:-bookworm trixie}
goal=${GOAL:-test}
rights=${RIGHTS:-root}
work=${WORK:-$top/build/debian}
home=/root/firstlight # of the clone, in the root

fail() {
    echo "test-debian: $*" >&2
    exit 1
}

# Where apt of this machine gets Debian itself from, not its security updates or other archives.
mirror_of_host() {
    # shellcheck disable=SC2016  # apt's own variables
    apt-get indextargets --format '$(ORIGIN) $(LABEL) $(REPO_URI)' 'Created-By: Packages' \
        2>/dev/null | sed -n 's/^Debian Debian //p' | head -n 1
}

# The first block of commands under "Two commands".
readme_commands() {
    # shellcheck disable=SC2016  # three backquotes begin and end a block
    awk '/^## / { on = $0 == "## Two commands" } on && /^```/ { n++; next } on && n == 1' \
        "$top/README.md"
}

# Makes a mount point the root, not a chroot: in one, Linux gives ordinary users no user namespaces
# (user_namespaces(7)), which their `make test` uses. The old root is under the new one until it is
# detached, so nothing is executed in between. $1 the root, the rest a command.
pivot='
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
os.chdir(sys.argv[1])
SYS_PIVOT_ROOT, MNT_DETACH = 155, 2
if libc.syscall(SYS_PIVOT_ROOT, b".", b".") or libc.umount2(b".", MNT_DETACH):
    sys.exit("test-debian: no root of its own: " + os.strerror(ctypes.get_errno()))
os.chdir("/")
os.execvp(sys.argv[2], sys.argv[2:])'

# What happens in the namespaces: $1 the root, the rest a command for its shell.
inside() {
    local root=$1
    shift
    mount --bind "$root" "$root" && mount -t proc proc "$root/proc" &&
        mount -t sysfs -o ro sysfs "$root/sys" &&
        mount --rbind /dev "$root/dev" && mkdir -p "$root/dev/pts" &&
        mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts "$root/dev/pts" ||
        return 1
    exec python3 -c "$pivot" "$root" env -i HOME=/root \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        TERM=dumb LC_ALL=C.UTF-8 ${http_proxy:+http_proxy="$http_proxy"} \
        ${https_proxy:+https_proxy="$https_proxy"} \
        /bin/bash -e -c "cd $home; $*"
}

# shellcheck disable=SC2317  # called by way of step
make_root() {
    local release=$1 root=$2
    rm -rf --one-file-system "$root" && mkdir -p "$root" "$work/packages" &&
        debootstrap --variant=minbase --cache-dir="$work/packages" "$release" "$root" "$mirror" &&
        git clone --quiet --no-hardlinks "$top" "$root$home"
}

# The process group of the step that runs. `make` is the first process of its namespace there, so
# that nothing but SIGKILL ends it; --kill-child ends the namespace with it.
group=''
# shellcheck disable=SC2317  # called by trap
stopped() {
    [ -z "$group" ] || kill -KILL -- "-$group"
    echo "test-debian: stopped" >&2
    exit 143
}

# One step: its name, and a command. Rings of `make test` and other landmarks are shown meanwhile.
step() {
    local release=$1 name=$2 began=$SECONDS status
    shift 2
    echo "$release: $name ..."
    {
        echo "==== $name"
        "$@" </dev/null 2>&1
    } | tee -a "$work/$release.log" | sed -n -u -E \
        -e "s/^==== (lint|fuzz.*|.*-test.*)/$release:     \1/p" \
        -e "s/^(run\.sh: .*|deps\.sh: installing)/$release:     \1/p" \
        -e "s/^([0-9]+ passed, [0-9]+ failed.*)/$release:     \1/p" &
    group=$(jobs -p %%)
    wait "$!"
    status=$?
    group=''
    echo "$release: $name: $([ "$status" = 0 ] && echo passed || echo "FAILED ($status)")," \
        "$((SECONDS - began)) s"
    return "$status"
}

# The command for all tests. The user's clone is its own, and packages are root's to install.
tests_command() {
    case $rights in
    root) echo 'make test' ;;
    no-admin) echo 'setpriv --bounding-set -sys_admin make test' ;;
    user) echo "tools/deps.sh && useradd -m tester && git clone -q . /home/tester/firstlight &&
        chown -R tester: /home/tester/firstlight &&
        su tester -c 'cd ~/firstlight && make test'" ;;
    esac
}

run_release() {
    local release=$1 root=$work/$1
    local enter=(unshare --mount --propagation private --pid --fork --kill-child
        "$0" --inside "$root")
    : >"$work/$release.log"
    step "$release" "debootstrap" make_root "$release" "$root" &&
        step "$release" "the README's commands" "${enter[@]}" "$(readme_commands)" || return 1
    [ "$goal" = run ] || step "$release" "make test" "${enter[@]}" "$(tests_command)"
}

if [ "${1:-}" = --inside ]; then
    shift
    inside "$@"
    exit 1
fi
case $goal in run | test) ;; *) fail "GOAL is run or test, not '$goal'" ;; esac
case $rights in
root | user | no-admin) ;;
*) fail "RIGHTS is root, user or no-admin, not '$rights'" ;;
esac
[ -n "$(readme_commands)" ] || fail "README.md has no commands"
[ "$(id -u)" = 0 ] || fail "only root can make a root file system and enter it"
command -v debootstrap >/dev/null || fail "debootstrap is missing; see tools/deps.sh debian"
mirror=${MIRROR:-$(mirror_of_host)}
[ -n "$mirror" ] || fail "apt of this machine names no mirror; say MIRROR=URL"
mkdir -p "$work" || exit 1
work=$(readlink -f "$work")
[ -z "$(git -C "$top" status --porcelain)" ] ||
    echo "test-debian: what is not committed is not tested"

set -m # each step a process group of its own
trap stopped HUP INT TERM
result=()
bad=0
for release in $releases; do
    if run_release "$release"; then
        result+=("$release: $goal passed")
    else
        result+=("$release: $goal FAILED; see $work/$release.log")
        bad=1
    fi
done
echo "===="
printf '%s\n' "${result[@]}"
exit "$bad"
