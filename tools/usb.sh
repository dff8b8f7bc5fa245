#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tools/usb.sh DEVICE [IMAGE] - write an image to a USB stick or SD card, and read it back
#
# Promises: nothing is written before the device's name has been typed; never to a part of a disk,
# to a disk in use, or to one that is no removable medium. Exit status 0 only if all that was read
# back is what the image holds.
# FIRSTLIGHT_USB=loop: a loop device counts as a stick. For the tests, which have no stick.
set -euo pipefail
export LC_ALL=C
export PATH="$PATH:/usr/sbin:/sbin" # sfdisk and blockdev live there

top=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
PIECE=$((4 << 20)) # written and read back at once
SHOWN=NAME,SIZE,TYPE,FSTYPE,LABEL,MODEL,TRAN,MOUNTPOINTS
BAR='########################################'

die() {
    echo "usb.sh: $*" >&2
    exit 1
}

sticks() {
    lsblk -dpno NAME,SIZE,MODEL,RM | sed -n 's/ 1$//p'
}

# All reasons not to write. Asked twice: a desktop may mount a stick while its name is typed.
check() {
    local type removable ro size
    [ -b "$dev" ] || die "$1 is not a block device; lsblk shows them"
    read -r type removable ro size < <(lsblk -dnbo TYPE,RM,RO,SIZE "$dev") ||
        die "lsblk does not know $dev"
    case $type in
    disk) ;;
    part) die "$dev is a partition of /dev/$(lsblk -dno PKNAME "$dev"), not a whole disk" ;;
    loop) [ "${FIRSTLIGHT_USB:-}" = loop ] || die "$dev is a loop device, not a disk" ;;
    *) die "$dev is of type $type, not a disk" ;;
    esac
    # What lies on it: mounted, used as swap, or taken by encryption, LVM or RAID.
    lsblk -nro TYPE,MOUNTPOINTS "$dev" | awk 'NF > 1 || !/^(disk|part|loop)/ { exit 1 }' ||
        die "$dev is in use; umount what lsblk shows on it:"$'\n'"$(lsblk -o "$SHOWN" "$dev")"
    [ "$type" = loop ] || [ "$removable" = 1 ] ||
        [ "$(cat "/sys/class/block/${dev##*/}/device/type" 2>/dev/null)" = SD ] ||
        die "$dev is not a removable medium"
    [ "$ro" = 0 ] || die "$dev is read-only; some sticks and cards have a switch for it"
    [ "$size" != 0 ] || die "$dev: no medium inside"
    [ "$size" -ge "$nbytes" ] || die "$dev has $size bytes, less than the image's $nbytes"
    [ -w "$dev" ] || die "$dev may not be written by $(id -un); as root: $0 $1 $image"
}

bar() { # bar WORD DONE: in bytes
    local filled=$((${#BAR} * $2 / nbytes))
    printf '\r%-10s [%-*s] %3d %%' "$1" ${#BAR} "${BAR:0:$filled}" $(($2 * 100 / nbytes))
}

# Each piece is on the medium when the bar grows: conv=fsync. A stick that is pulled out takes its
# name along, and nothing may be made in its place: nocreat.
write_image() {
    local i
    for ((i = 0; i * PIECE < nbytes; i++)); do
        bar writing $((i * PIECE))
        dd if=/dev/fd/3 of="$dev" bs=$PIECE count=1 skip=$i seek=$i \
            conv=notrunc,nocreat,fsync status=none || return 1
    done
    bar writing "$nbytes"
    echo
}

# From the medium and not from memory: what the kernel keeps of it is dropped before.
verify_image() {
    local i at left
    blockdev --flushbufs "$dev" || return 1
    for ((i = 0; i * PIECE < nbytes; i++)); do
        bar verifying $((i * PIECE))
        at=$((i * PIECE)) left=$((nbytes - at))
        cmp -s -n $((left < PIECE ? left : PIECE)) -i $at /dev/fd/3 "$dev" || return 1
    done
    bar verifying "$nbytes"
    echo
}

if [ $# -lt 1 ] || [ $# -gt 2 ] || [ -z "$1" ] || [ "$1" = --help ]; then
    echo "Usage: tools/usb.sh /dev/NAME [IMAGE]     (or: make usb DEV=/dev/NAME)"
    echo "Removable disks of this machine:"
    sticks | grep . || echo "none"
    [ "${1:-}" = --help ] && exit 0
    exit 1
fi
image=${2:-$top/build/firstlight.img}
[ -f "$image" ] || die "the image $image is not there; 'make image' makes it"
[ -s "$image" ] || die "the image $image is empty; 'make image' makes it anew"
exec 3<"$image" # this file, even if a build puts another in its place
nbytes=$(stat -Lc %s /dev/fd/3)
dev=$(readlink -m "$1")
for program in sfdisk lsblk blockdev; do
    command -v $program >/dev/null || die "$program is missing; 'tools/deps.sh build' installs it"
done

check "$1"
# Asked for before anything is written: it is what the image is verified with.
blockdev --flushbufs "$dev" 2>/dev/null ||
    die "$dev cannot be verified: no right to drop what memory holds of it; run this as root"
exec 4<"$dev" # as long as it is open no other disk gets the name of one that was pulled out
lsblk -o "$SHOWN" "$dev"
echo "All of it will be lost. It gets $image, $((nbytes >> 20)) MiB."
read -r -p "Type ${dev##*/} to go on: " answer || answer=''
[ "$answer" = "${dev##*/}" ] || die "that is not its name; nothing was written"
check "$1"

trap 'echo; die "stopped; $dev holds only a part of the image"' INT TERM HUP
write_image || die $'\n'"writing failed; the medium may be worn or was removed"
verify_image || die $'\n'"what was read back is not what was written: the medium is bad"
# The second copy of the partition table belongs to the end of the disk, whose size is known now.
said=$(sfdisk -q --no-reread --no-tell-kernel --relocate gpt-bak-std "$dev" 2>&1 &&
    sfdisk -q --verify "$dev" 2>&1) || die "the partition table was not completed: $said"
exec 4<&-
blockdev --rereadpt "$dev" 2>/dev/null || true # shows the partition at once, where it can
echo "$dev: written and verified. It may be removed."
