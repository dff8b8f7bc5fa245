#!/bin/bash
# SPDX-License-Identifier: MIT
#
# run_fuzzers.sh short|long DIR NAME:BUDGET... - run libFuzzer programs, two at a time
#
# short: BUDGET is a number of runs from a fixed seed on a copy of the seed corpus, so that each run
# does the same. long: BUDGET is seconds, and what is found stays in DIR/found/NAME for the next
# time. An input that breaks a program is kept as DIR/crash-NAME-*, and the report is shown.
# Exit status 0 only if every program succeeded.
set -u

mode=$1
dir=$2
shift 2
export ASAN_OPTIONS=detect_stack_use_after_return=1
export UBSAN_OPTIONS=print_stacktrace=1

run_one() { # NAME:BUDGET
    local name=${1%%:*} budget=${1##*:} found limit patience=300
    found=$dir/found/$name

    if [ "$mode" = short ]; then
        found=$(mktemp -d)
        limit=(-runs="$budget" -seed=1)
    else
        mkdir -p "$found"
        limit=(-max_total_time="$budget")
        patience=$((budget + 120))
    fi
    mkdir -p "$dir/corpus/$name"
    timeout "$patience" "$dir/$name" "${limit[@]}" -max_len=8192 \
        -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
        -artifact_prefix="$dir/crash-$name-" "$found" "$dir/corpus/$name" \
        >"$dir/$name.log" 2>&1
    echo $? >"$dir/$name.status"
    [ "$mode" != short ] || rm -rf "$found"
}

for job in "$@"; do
    while [ "$(jobs -rp | wc -l)" -ge 2 ]; do
        wait -n
    done
    run_one "$job" &
done
wait

passed=0
failed=0
for job in "$@"; do
    name=${job%%:*}
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$dir/$name.log")
    covered=$(sed -nE 's/^#[0-9]+.* cov: ([0-9]+) .*/\1/p' "$dir/$name.log" | tail -n 1)
    if [ "$(cat "$dir/$name.status")" = 0 ] && [ "${runs:-0}" -gt 0 ]; then
        echo "ok      $name: $runs runs, ${covered:-0} edges"
        passed=$((passed + 1))
    else
        echo "FAILED  $name: status $(cat "$dir/$name.status"), log $dir/$name.log"
        tail -n 60 "$dir/$name.log"
        failed=$((failed + 1))
    fi
done
echo "fuzz: $passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
