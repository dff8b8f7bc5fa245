#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tools/deps.sh [GROUP]... - see to it that the Debian packages of these groups are installed
#
# Groups: build, run, test, lint, debug; none means all of these. debian: for `make test-debian`.
# screen: for `make run-screen`.
# Installs what is missing by apt where this is root or sudo can be had; otherwise prints the one
# line to type and fails.
# FIRSTLIGHT_DEPS=no skips the check, for systems that are not Debian.
set -euo pipefail

packages_of() {
    case $1 in
    build) echo clang lld llvm gcc libc6-dev gnu-efi musl-tools busybox-static psf-unifont python3 \
        dosfstools mtools fdisk xorriso libqrcodegen-dev kbd console-data ;;
    run) echo qemu-system-x86 ovmf python3 ;;
    screen) echo qemu-system-gui ;;
    test) echo libcmocka-dev python3-pytest python3-pytest-xdist cpio libarchive-tools \
        libclang-rt-dev gdisk ovmf-ia32 zbar-tools swtpm ;;
    lint) echo clang-format shellcheck python3 git ;;
    debug) echo gdb qemu-system-x86 ovmf python3 ;;
    debian) echo debootstrap git ;;
    *) echo "deps.sh: no group '$1'; its head lists the groups" >&2 && return 1 ;;
    esac
}

[ "${FIRSTLIGHT_DEPS:-}" != no ] || exit 0
[ $# -gt 0 ] || set -- build run test lint debug
wanted=''
for group in "$@"; do
    wanted="$wanted $(packages_of "$group")"
done
if ! command -v dpkg-query >/dev/null; then
    echo "deps.sh: this is not Debian; install the equivalents of:$wanted" >&2
    echo "deps.sh: then set FIRSTLIGHT_DEPS=no" >&2
    exit 1
fi

# One query for all. A package that dpkg never heard of is left out of the answer.
# shellcheck disable=SC2086  # the names are words
installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $wanted 2>/dev/null || true)
missing=''
for package in $wanted; do
    case $'\n'$installed$'\n' in
    *$'\n'"installed $package"$'\n'*) ;;
    *) case " $missing " in *" $package "*) ;; *) missing="$missing $package" ;; esac ;;
    esac
done
[ -n "$missing" ] || exit 0

become=''
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null || ! sudo -v; then
        echo "deps.sh: packages are missing, and this is not root. Type this as root:" >&2
        echo "    apt-get install -y --no-install-recommends$missing" >&2
        exit 1
    fi
    become=sudo
fi

apt() {
    $become env DEBIAN_FRONTEND=noninteractive apt-get -q -y "$@" </dev/null
}
echo "deps.sh: installing$missing"
# Fresh machines have no package lists, and old lists name versions that are gone.
# shellcheck disable=SC2086
if ! apt-cache show $missing >/dev/null 2>&1 || ! apt install --no-install-recommends $missing; then
    apt update
    apt install --no-install-recommends $missing
fi
