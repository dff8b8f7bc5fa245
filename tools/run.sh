#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tools/run.sh [-m MEM] [-s CPUS] [-t SECONDS] IMAGE [-- QEMU ARGS] - boot, and tell the verdict
#
# Exit status: 0 PASS, 1 FAIL, 2 PANIC, 3 no verdict. The work is done by machine.py beside this.
here=$(dirname "$(readlink -f "$0")")
if ! command -v python3 >/dev/null || ! command -v qemu-system-x86_64 >/dev/null; then
    echo "run.sh: QEMU or Python is missing; '$here/deps.sh run' installs them" >&2
    exit 3
fi
exec python3 "$here/machine.py" "$@"
