#!/bin/bash
# SPDX-License-Identifier: MIT
#
# run_tests.sh PROGRAM... - run cmocka programs one after the other and add up what they report
#
# Each program's own report is shown as it is. A program that ends without its summary (a crash, a
# sanitizer's finding, more than TEST_SECONDS) counts as one failed test. Exit status 0 only if
# every program succeeded and nothing failed.
set -u

TEST_SECONDS=${TEST_SECONDS:-300}
export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1
export UBSAN_OPTIONS=print_stacktrace=1

passed=0
failed=0
broken=()
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# add_up PATTERN: the sum of the numbers that the pattern finds in the log
add_up() {
    sed -nE "$1" "$log" | awk '{ sum += $1 } END { print sum + 0 }'
}

for program in "$@"; do
    echo "---- ${program##*/}"
    timeout "$TEST_SECONDS" "$program" 2>&1 | tee "$log"
    status=${PIPESTATUS[0]}
    good=$(add_up 's/^\[  PASSED  \] .*\b([0-9]+) test\(s\).*/\1/p')
    bad=$(add_up 's/^\[  FAILED  \] .*\b([0-9]+) test\(s\).*/\1/p')
    if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then
        echo "${program##*/}: ended with status $status"
        bad=1
    elif [ $((good + bad)) -eq 0 ]; then
        echo "${program##*/}: not a single test ran"
        bad=1
    fi
    [ "$bad" -eq 0 ] || broken+=("${program##*/}")
    passed=$((passed + good))
    failed=$((failed + bad))
done

[ ${#broken[@]} -eq 0 ] || echo "failed: ${broken[*]}"
echo "host: $passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
