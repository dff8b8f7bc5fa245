#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tools/mkimg.sh - make a bootable image from the built kernel, a root filesystem and a plan
#
# Promises: works from any directory, needs no root, leaves either a complete image or none, and
# gives the same bytes for the same inputs (set SOURCE_DATE_EPOCH for another date inside).
set -euo pipefail
export LC_ALL=C TZ=UTC
export PATH="$PATH:/usr/sbin:/sbin"            # mkfs.vfat and sfdisk live there
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-1767225600}" # 2026-01-01 00:00:00 UTC
export MTOOLSRC=/dev/null MTOOLS_SKIP_CHECK=1

top=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
MIB=$((1024 * 1024))
START_MIB=1          # of the volume on the disk; only this line and the partition table know it
TAIL_MIB=1           # behind the volume: the second copy of the partition table
SLACK_MIB=8          # free space on the stick, for reports and for edits
SMALLEST_MIB=260     # FAT32 begins at 65,525 clusters
CLUSTER_SECTORS=8    # 4 KiB: firmware follows a file cluster by cluster, and small ones cost time
ESP=C12A7328-F81F-11D2-BA4B-00A0C93EC93B # EFI system partition: UEFI specification, table 5.7

usage() {
    cat <<END
Usage: tools/mkimg.sh [-o IMAGE] [-d "PACKAGE..."] [-r DIR]... [-p PLAN] [-c "WORDS"] [-b BUILD]
                      [--release NAME] [--bare | --iso | --efi]

  -o IMAGE    the file to write                          (default: BUILD/firstlight.img)
  -d "PACKAGE..."   lay a tree over the root filesystem in which these Debian packages are installed
              with all that they depend on; needs the network once (tools/debian_tree.py)
  --release NAME    of Debian, for -d, such as trixie        (default: that of this machine)
  -r DIR      lay this tree over the root filesystem; again for more, later ones win
  -p PLAN     the list of tests    (default: /etc/firstlight/plan of the root filesystem);
              of the kernel's own tests in /bin/t, the image has those that it names
  -c "WORDS"  the kernel's command line, for example "after=halt trace=syscall"
  -b BUILD    where the built kernel, loader and programs are       (default: $top/build)
  --bare      write the FAT volume alone, without a partition table
  --iso       write an image for a CD or DVD, which works on a stick as well
              (default of -o then: BUILD/firstlight.iso)
  --efi       write the loader alone, as one file with everything in it: for a network (PXE, HTTP
              boot), a firmware's shell, a boot option
              (default of -o then: BUILD/firstlight.efi)
END
}

die() {
    echo "mkimg.sh: $*" >&2
    exit 1
}

image='' plan='' words='' packages='' release='' layout=disk build="$top/build"
trees=()
while [ $# -gt 0 ]; do
    case $1 in
    -o | -d | -r | -p | -c | -b | --release)
        [ $# -ge 2 ] || die "$1 needs a value behind it (--help tells more)"
        case $1 in
        -o) image=$2 ;;
        -d) packages="$packages $2" ;;
        --release) release=$2 ;;
        -r) trees+=("$2") ;;
        -p) plan=$2 ;;
        -c) words="$words $2" ;;
        -b) build=$2 ;;
        esac
        shift 2
        ;;
    --bare | --iso | --efi) layout=${1#--} && shift ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && die "unknown argument '$1'" ;;
    esac
done
case $layout in
iso | efi) image=${image:-$build/firstlight.$layout} ;;
*) image=${image:-$build/firstlight.img} ;;
esac

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
if [ "$layout" = efi ]; then
    need_tool llvm-objcopy llvm
else
    need_tool mkfs.vfat dosfstools
    need_tool mcopy mtools
fi
[ "$layout" != disk ] || need_tool sfdisk fdisk
[ "$layout" != iso ] || need_tool xorriso xorriso
need_file "$build/kernel/kernel.elf" "the kernel" "make image"
need_file "$build/efi/BOOTX64.EFI" "the loader" "make image"
need_file "$build/efi/BOOTIA32.EFI" "the loader for 32 bits" "make image"
[ -d "$build/user/rootfs" ] ||
    die "the test programs are missing: $build/user/rootfs is not there; 'make image' makes them"
for tree in "${trees[@]}"; do
    [ -d "$tree" ] || die "-r $tree: no such directory"
done
[ -z "$plan" ] || [ -f "$plan" ] || die "-p $plan: no such file"
[ -d "$(dirname "$image")" ] || die "-o $image: the directory $(dirname "$image") is not there"
# What is put into its place takes the place of a device, too, for all other programs.
[ ! -e "$image" ] || [ -f "$image" ] || die "-o $image: not a file (tools/usb.sh writes to sticks)"

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

[ -n "$packages" ] || [ -z "$release" ] || die "--release says what -d installs; there is no -d"

# The only part that takes long or needs the network; it says itself what is missing.
if [ -n "$packages" ]; then
    read -r -a names <<<"${packages//$'\n'/ }"
    [ ${#names[@]} -gt 0 ] || die "-d needs names of packages"
    tree=$(python3 "$top/tools/debian_tree.py" -b "$build" ${release:+"--release=$release"} \
        -- "${names[@]}") || exit 1
    trees=("$tree" "${trees[@]}")
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/mkimg.XXXXXXXX")
trap 'rm -rf "$work" "$image.tmp.$$"' EXIT
run_quietly() { # what these tools say is of interest only if they fail
    "$@" >"$work/log" 2>&1 || die "$1 failed: $(cat "$work/log")"
}
# Into place in one step, so that a run that was cut short leaves no half image.
finish() { # finish FILE WORDS
    cp --sparse=always "$1" "$image.tmp.$$"
    mv "$image.tmp.$$" "$image"
    echo "$image: $2"
}

boot="$work/firstlight"
mkdir "$boot"

cp "$build/kernel/kernel.elf" "$boot/kernel.elf"
# The kernel's own tests, /bin/t/*, are most of the tree: an image has those that its plan names.
left_out=(--without usr/src)
named=$(grep -o -w '/bin/t/[A-Za-z0-9_]*' ${plan:+"$plan"} </dev/null || :)
[ -n "$named" ] || left_out+=(--without usr/bin/t)
for program in "$build"/user/rootfs/usr/bin/t/*; do
    case $'\n'$named$'\n' in
    *$'\n'"/bin/t/${program##*/}"$'\n'*) ;;
    *) left_out+=(--without "usr/bin/t/${program##*/}") ;;
    esac
done
overlays=()
for tree in "${trees[@]}"; do
    overlays+=(--over "$tree")
done
python3 "$top/tools/mkcpio.py" -o "$boot/rootfs.cpio" --busybox "$busybox" \
    --base "$build/user/rootfs" --base "$top/rootfs" "${left_out[@]}" "${overlays[@]}" ||
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
cp "$top"/rootfs/etc/firstlight/*.plan "$boot/" # others to choose from
rm "$boot/memory.plan" # which goes on until a key: chosen by one of its own
(cd "$boot" && cksum kernel.elf rootfs.cpio) >"$boot/checksums"

if [ "$layout" = efi ]; then
    chmod 644 "$boot"/*
    python3 "$top/tools/mkcpio.py" --plain -o "$work/bootdir" --over "$boot" ||
        die "the boot directory could not be put together"
    run_quietly llvm-objcopy --add-section ".bootdir=$work/bootdir" \
        --set-section-flags .bootdir=alloc,load,readonly,data \
        "$build/efi/BOOTX64.EFI" "$work/firstlight.efi"
    finish "$work/firstlight.efi" "$(($(stat -c %s "$work/firstlight.efi") / 1024)) KiB, one file"
    exit 0
fi

# The numbers that tell one disk from another come from the contents: the same for the same
# contents, others for sticks that differ. Each is a part of one long hash.
files=("$boot"/* "$build/efi"/BOOT*.EFI)
hash=$(cat "${files[@]}" | sha256sum)
serial=${hash:56:8}
guid() { # guid FIRST-DIGIT: 32 digits of the hash, in the form of a random UUID
    local h=${hash:$1:32}
    echo "${h:0:8}-${h:8:4}-4${h:13:3}-8${h:17:3}-${h:20:12}"
}
bytes=$(cat "${files[@]}" | wc -c)
mib=$((bytes / MIB + 1 + SLACK_MIB))
mib=$((mib + mib / 500 + 1)) # both tables of FAT32 take 2 x 4 bytes for each cluster
[ "$mib" -ge "$SMALLEST_MIB" ] || mib=$SMALLEST_MIB
start=0 tail=0
[ "$layout" != disk ] || start=$START_MIB tail=$TAIL_MIB

# A machine that starts a disk in the old way gets a sentence: print it by int 0x10, then halt.
SECTOR='\x31\xc0\x8e\xd8\xbe\x15\x7c\xac\x84\xc0\x74\x06\xb4\x0e\xcd\x10\xeb\xf5\xf4\xeb\xfd'
SECTOR+='Firstlight starts by UEFI only: switch legacy boot off in the setup.\r\n'
# shellcheck disable=SC2059  # the bytes are the format
printf "$SECTOR" >"$work/legacy"

make_volume() { # make_volume FILE: the files in FAT32 at START
    local volume="$1@@${start}M"
    run_quietly mkfs.vfat --invariant -F 32 -s $CLUSTER_SECTORS -n FIRSTLIGHT -i "$serial" \
        -h $((start * 2048)) --offset=$((start * 2048)) "$1" $((mib * 1024))
    mmd -i "$volume" ::/EFI ::/EFI/BOOT ::/firstlight
    mcopy -i "$volume" "$build/efi/BOOTX64.EFI" "$build/efi/BOOTIA32.EFI" ::/EFI/BOOT/
    mcopy -i "$volume" "$boot"/* ::/firstlight/
}

out="$work/image"
truncate -s $(((start + mib + tail) * MIB)) "$out"
if [ "$layout" = disk ]; then
    run_quietly sfdisk -q --no-reread --no-tell-kernel "$out" <<END
label: gpt
label-id: $(guid 0)
start=$((start * 2048)), size=$((mib * 2048)), type=$ESP, uuid=$(guid 32), name="Firstlight"
END
    dd if="$work/legacy" of="$out" conv=notrunc status=none
fi
make_volume "$out"

# The volume is there once, as a file of the CD: El Torito's catalogue and the partition table of
# the stick both lead to it. Appended behind the CD's file system it would start as a stick only:
# the catalogue cannot tell sizes of 32 MiB or more, and firmware then takes all up to that end.
if [ "$layout" = iso ]; then
    mkdir "$work/cd"
    mv "$out" "$work/cd/efi.img"
    out="$work/iso"
    touch -d "@$SOURCE_DATE_EPOCH" "$work/cd/efi.img" "$work/cd"
    run_quietly xorriso -as mkisofs -quiet -r -o "$out" -V FIRSTLIGHT -G "$work/legacy" \
        --gpt_disk_guid "$(guid 0)" -e efi.img -no-emul-boot -efi-boot-part --efi-boot-image \
        "$work/cd"
    mib=$(($(stat -c %s "$out") / MIB))
fi

case $layout in
disk) kind='GPT, FAT32' ;;
iso) kind='CD and stick, FAT32' ;;
bare) kind='FAT32, volume only' ;;
esac
finish "$out" "$((start + mib + tail)) MiB, $kind"
