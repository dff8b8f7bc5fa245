#!/bin/sh
# SPDX-License-Identifier: MIT
# sieve.sh LIMIT: the primes below LIMIT, counted by the sieve of Eratosthenes, and checked.
# Arrays are variables named by number: the shell has no others.
limit=$1
n=2
count=0
while [ "$n" -lt "$limit" ]; do
    eval "marked=\${m$n:-}"
    if [ -z "$marked" ]; then
        count=$((count + 1))
        multiple=$((n * n))
        while [ "$multiple" -lt "$limit" ]; do
            eval "m$multiple=1"
            multiple=$((multiple + n))
        done
    fi
    n=$((n + 1))
done
echo "$count primes below $limit"
[ "$limit" != 1000 ] || [ "$count" = 168 ]
