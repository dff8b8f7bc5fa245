# Time limits: timeout(1), a watchdog by hand, sleep of fractions, order in time.
cd "$1" || exit 99
exec 2>/dev/null # some shells name process numbers there
timeout 5 true; echo $?
timeout 5 sh -c 'exit 7'; echo $?
timeout 0.2 sleep 5; echo "timed out: $?"
timeout -s KILL 0.2 sleep 5; echo "killed: $?"
timeout 0.2 sh -c 'trap "echo cleaning up; exit 3" TERM; while :; do sleep 0.02; done'
echo "status $?"
/usr/bin/timeout -k 0.2 0.2 sh -c 'trap "" TERM; while :; do sleep 0.05; done' ; echo "stubborn: $?"
timeout 5 no-such-program 2>/dev/null; echo "missing: $?"
timeout 0 true; echo "no limit: $?"
watchdog() {
    "$@" & work=$!
    (sleep 0.3; kill $work 2>/dev/null) & dog=$!
    wait $work; s=$?
    kill $dog 2>/dev/null; wait $dog 2>/dev/null
    return $s
}
watchdog sleep 5; echo "dog: $?"
watchdog sh -c 'exit 2'; echo "no dog: $?"
(sleep 0.3; echo third) & (sleep 0.15; echo second) & echo first; wait
sleep 0; sleep 0.01; echo "sleeps $?"
sleep -1 2>/dev/null; [ $? -ne 0 ] && echo "no negative time"
a=$(date +%s); sleep 1; b=$(date +%s); [ $((b - a)) -ge 1 ] && [ $((b - a)) -le 20 ] && echo "a second"
