# Process groups: setsid makes one, and a signal to the group reaches all of it and nobody else.
cd "$1" || exit 99
exec 2>/dev/null # some shells name process numbers there
mkfifo up
setsid sh -c '
    trap "echo leader got it >leader; exit 4" TERM
    sh -c "trap \"echo member got it >member; exit 5\" TERM; echo >up; while :; do sleep 0.02; done" &
    read -r _ <up2
    wait' &
group=$!
read -r _ <up
kill -TERM -$group
wait $group
echo "the leader ended with $?"
sleep 0.1
sort leader member 2>/dev/null
set -m 2>/dev/null
sh -c 'sleep 5 & sleep 5 & wait' &
job=$!
set +m 2>/dev/null
sleep 0.1
kill -KILL -$job
wait $job 2>/dev/null
echo "job killed: $?"
kill -0 -$job || echo "the whole group is gone"
trap 'echo "this shell got it"' USR1
(trap '' USR1; kill -USR1 $$)
echo end
