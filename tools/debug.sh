#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tools/debug.sh [BUILD] - boot an image that waits for gdb, and attach gdb to it
#
# The kernel's symbols are at their final addresses. The loader runs where the firmware puts it:
# it says its base in its first line (BUILD/debug.log), and `loader BASE` in gdb loads its symbols.
set -euo pipefail
top=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
build=$(readlink -f "${1:-$top/build}")
image=$build/firstlight.img
script=$build/debug.gdb
socket=$build/debug.sock
PE_BASE=0x140000000 # where the linker thought that the loader would be
log=$build/debug.log

[ -f "$image" ] || { echo "debug.sh: $image is not there; 'make image' makes it" >&2 && exit 1; }

cat >"$script" <<END
set pagination off
set confirm off
set architecture i386:x86-64
file "$build/kernel/kernel.full.elf"
define loader
  add-symbol-file "$build/efi/loader.debug.efi" -o \$arg0-$PE_BASE
end
document loader
loader BASE: load the loader's symbols; BASE is on its first line in $log.
end
target remote $socket
hbreak kernel_entry
echo \n
echo The machine waits at its first instruction. Serial line: $log\n
echo \ \ continue      to the kernel's entry, kernel_entry\n
echo \ \ hbreak NAME   then continue: stop in a function of the kernel\n
echo \ \ loader BASE   symbols of the loader, loaded where its first line says\n
echo \ \ monitor quit  end the machine\n
END

rm -f "$socket"
"$top/tools/run.sh" -t 0 -a tcg "$image" -- -S \
    -chardev "socket,id=gdb0,path=$socket,server=on,wait=off" -gdb chardev:gdb0 >"$log" 2>&1 &
machine=$!
trap 'kill $machine 2>/dev/null || true; rm -f "$socket"' EXIT
for _ in $(seq 100); do
    [ ! -S "$socket" ] || break
    kill -0 $machine 2>/dev/null || { cat "$log" >&2 && exit 1; }
    sleep 0.1
done
[ -S "$socket" ] || { echo "debug.sh: QEMU did not start; see $log" >&2 && exit 1; }

if [ -n "${GDB_SCRIPT:-}" ]; then # commands to run instead of a conversation
    gdb -q -batch -x "$script" -x "$GDB_SCRIPT"
elif [ -t 0 ]; then
    gdb -q -x "$script"
else
    echo "The machine waits. In another terminal: gdb -x $script    (here: Ctrl-C ends it)"
    wait $machine
fi
