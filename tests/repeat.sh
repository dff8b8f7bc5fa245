#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tests/repeat.sh TIMES [OPTIONS OF run.sh] IMAGE - boot again and again: does a fault hide?
#
# A line for each run; the serial log of each that is not a PASS. No run is repeated for being red.
# Exit status: 0 if every run was a PASS, else 1.
run=$(dirname "$(readlink -f "$0")")/../tools/run.sh
times=$1
case $times in
'' | *[!0-9]* | 0)
    echo "repeat.sh: TIMES [OPTIONS OF run.sh] IMAGE; TIMES is a number from 1 on" >&2
    exit 1
    ;;
esac
shift
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
trap 'exit 1' INT TERM
passed=0
failed=0
while [ $((passed + failed)) -lt "$times" ]; do
    "$run" "$@" >"$log" 2>&1
    status=$?
    if [ $status -eq 0 ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        cat "$log"
    fi
    echo "run $((passed + failed)) of $times: status $status, $(tail -n 1 "$log")"
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
