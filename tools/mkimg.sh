#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tools/mkimg.sh - make a bootable image from the built kernel, a root filesystem and a plan
#
# Promises: works from any directory, needs no root, leaves either a complete image or none, and
# gives the same bytes for the same inputs (set SOURCE_DATE_EPOCH for another date inside).
set -euo pipefail
export LC_ALL=C TZ=UTC
export PATH="$PATH:/usr/sbin:/sbin"            # mkfs.vfat lives there
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-1767225600}" # 2026-01-01 00:00:00 UTC
export MTOOLSRC=/dev/null MTOOLS_SKIP_CHECK=1

top=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
MIB=$((1024 * 1024))
SLACK_MIB=8          # free space on the stick, for reports and for edits
SMALLEST_MIB=32      # below this FAT16 gets too few clusters to be sure of being FAT16
FAT32_FROM_MIB=512

usage() {
    cat <<END
Usage: tools/mkimg.sh [-o IMAGE] [-r DIR]... [-p PLAN] [-c "WORDS"] [-b BUILD] [--bare]

  -o IMAGE    the file to write                          (default: BUILD/firstlight.img)
  -r DIR      lay this tree over the root filesystem; again for more, later ones win
  -p PLAN     the list of tests    (default: /etc/firstlight/plan of the root filesystem)
  -c "WORDS"  the kernel's command line, for example "after=halt trace=syscall"
  -b BUILD    where the built kernel, loader and programs are       (default: $top/build)
  --bare      write the FAT volume alone, without a partition table
END
}

die() {
    echo "mkimg.sh: $*" >&2
    exit 1
}

image='' plan='' words='' bare=no build="$top/build"
trees=()
while [ $# -gt 0 ]; do
    case $1 in
    -o | -r | -p | -c | -b)
        [ $# -ge 2 ] || die "$1 needs a value behind it (--help tells more)"
        case $1 in
        -o) image=$2 ;;
        -r) trees+=("$2") ;;
        -p) plan=$2 ;;
        -c) words="$words $2" ;;
        -b) build=$2 ;;
        esac
        shift 2
        ;;
    --bare) bare=yes && shift ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && die "unknown argument '$1'" ;;
    esac
done
image=${image:-$build/firstlight.img}

# What is missing is said before any work is done: what, where it should be, what makes it.
need_file() {
    [ -f "$1" ] || die "$2 is missing: $1 is not there; '$3' makes it"
    [ -s "$1" ] || die "$2 is empty: $1; '$3' makes it anew"
}
need_tool() {
    command -v "$1" >/dev/null ||
        die "the program '$1' is missing; 'tools/deps.sh build' installs package $2"
}
need_tool python3 python3
need_tool mkfs.vfat dosfstools
need_tool mcopy mtools
need_file "$build/kernel/kernel.elf" "the kernel" "make image"
need_file "$build/efi/BOOTX64.EFI" "the loader" "make image"
[ -d "$build/user/rootfs" ] ||
    die "the test programs are missing: $build/user/rootfs is not there; 'make image' makes them"
for tree in "${trees[@]}"; do
    [ -d "$tree" ] || die "-r $tree: no such directory"
done
[ -z "$plan" ] || [ -f "$plan" ] || die "-p $plan: no such file"
[ -d "$(dirname "$image")" ] || die "-o $image: the directory $(dirname "$image") is not there"

# Debian's own busybox, as its package installed it and with the checksum that the package gives.
find_busybox() {
    local path sum
    # Whole outputs are read: a reader that stops early would fail the writer.
    path=$(dpkg-query -L busybox-static 2>/dev/null | grep '/bin/busybox$') ||
        die "Debian's package busybox-static is missing; 'tools/deps.sh build' installs it"
    path=${path%%$'\n'*}
    sum=$(sed -n 's|  .*bin/busybox$||p' /var/lib/dpkg/info/busybox-static.md5sums 2>/dev/null || :)
    sum=${sum%%$'\n'*}
    if [ -n "$sum" ] && [ "$(md5sum <"$path" | cut -d' ' -f1)" != "$sum" ]; then
        die "$path is not the file of Debian's package; reinstall busybox-static"
    fi
    readlink -f "$path"
}
busybox=$(find_busybox)

work=$(mktemp -d "${TMPDIR:-/tmp}/mkimg.XXXXXXXX")
trap 'rm -rf "$work"' EXIT
boot="$work/firstlight"
mkdir "$boot"

cp "$build/kernel/kernel.elf" "$boot/kernel.elf"
overlays=()
for tree in "${trees[@]}"; do
    overlays+=(--over "$tree")
done
python3 "$top/tools/mkcpio.py" -o "$boot/rootfs.cpio" --busybox "$busybox" \
    --base "$build/user/rootfs" --base "$top/rootfs" "${overlays[@]}" ||
    die "the root filesystem could not be put together"
{
    echo "# The kernel's command line: one key=value a line."
    set -f # the words are no file name patterns
    # shellcheck disable=SC2086  # splitting is the point
    [ -z "$words" ] || printf '%s\n' $words
    set +f
} >"$boot/boot.cfg"
if [ -n "$plan" ]; then
    cat "$plan" >"$boot/plan.txt"
fi
(cd "$boot" && cksum kernel.elf rootfs.cpio) >"$boot/checksums"

# The volume's serial number and the disk's signature come from the contents: fixed for the same
# contents, different for sticks that differ.
serial=$(cat "$boot"/* "$build/efi/BOOTX64.EFI" | cksum | cut -d' ' -f1)
bytes=$(cat "$boot"/* "$build/efi/BOOTX64.EFI" | wc -c)
mib=$((bytes / MIB + 1 + SLACK_MIB))
[ "$mib" -ge "$SMALLEST_MIB" ] || mib=$SMALLEST_MIB
fat=16
# FAT32's two tables take 2 x 4 bytes a cluster of 4 KiB.
[ "$mib" -lt "$FAT32_FROM_MIB" ] || { fat=32 && mib=$((mib + mib / 400 + 1)); }
start_mib=1
[ $bare = no ] || start_mib=0

out="$work/image"
truncate -s $(((start_mib + mib) * MIB)) "$out"
mkfs.vfat --invariant -F $fat -n FIRSTLIGHT -i "$(printf %08x "$serial")" -h $((start_mib * 2048)) \
    --offset=$((start_mib * 2048)) "$out" $((mib * 1024)) >"$work/log" 2>&1 ||
    die "mkfs.vfat failed: $(cat "$work/log")"
volume="$out@@${start_mib}M"
mmd -i "$volume" ::/EFI ::/EFI/BOOT ::/firstlight
mcopy -i "$volume" "$build/efi/BOOTX64.EFI" ::/EFI/BOOT/BOOTX64.EFI
mcopy -i "$volume" "$boot"/* ::/firstlight/

# One entry of type 0x0c (FAT, addressed by blocks). The head, track and sector numbers hold what
# the convention wants for "look at the block numbers instead".
le32() {
    local n=$1
    printf '\\x%02x\\x%02x\\x%02x\\x%02x' $((n & 255)) $((n >> 8 & 255)) $((n >> 16 & 255)) \
        $((n >> 24 & 255))
}
poke() { # poke OFFSET ESCAPED-BYTES
    # shellcheck disable=SC2059  # the bytes are the format
    printf "$2" | dd of="$out" bs=1 seek="$1" conv=notrunc status=none
}
if [ $bare = no ]; then
    # A machine that starts it in the old way gets a sentence: print it by int 0x10, then halt.
    poke 0 '\x31\xc0\x8e\xd8\xbe\x15\x7c\xac\x84\xc0\x74\x06\xb4\x0e\xcd\x10\xeb\xf5\xf4\xeb\xfd'
    poke 21 'Firstlight starts by UEFI only: switch legacy boot off in the setup.\r\n'
    poke 440 "$(le32 "$serial")"
    poke 446 '\x00\xfe\xff\xff\x0c\xfe\xff\xff'
    poke 454 "$(le32 $((start_mib * 2048)))$(le32 $((mib * 2048)))"
    poke 510 '\x55\xaa'
fi

# Into place in one step, so that a run that was cut short leaves no half image.
cp --sparse=always "$out" "$image.tmp.$$"
mv "$image.tmp.$$" "$image"
echo "$image: $((start_mib + mib)) MiB, FAT$fat$([ $bare = no ] || echo ', volume only')"
