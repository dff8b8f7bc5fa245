# Stopped processes: no progress until SIGCONT, and SIGKILL ends them all the same.
cd "$1" || exit 99
exec 2>/dev/null # some shells name process numbers there
sh -c 'i=0; while :; do i=$((i + 1)); echo $i >count.new; mv count.new count; sleep 0.02; done' &
child=$!
while [ ! -s count ]; do sleep 0.02; done
kill -STOP $child
sleep 0.1
a=$(cat count)
sleep 0.2
b=$(cat count)
[ "$a" = "$b" ] && echo "stopped"
grep -q '^State:.T' /proc/$child/status && echo "state T"
kill -CONT $child
sleep 0.3
c=$(cat count)
[ "$c" -gt "$b" ] && echo "continued"
kill -STOP $child
kill -KILL $child
wait $child
echo "killed while stopped: $?"
sleep 3 & child=$!
kill -STOP $child
kill -TERM $child
kill -0 $child && echo "TERM waits"
kill -CONT $child
wait $child
echo "then it ends: $?"
sh -c 'trap "echo continued with a handler" CONT; kill -CONT $$; echo after'
sh -c 'kill -STOP $$; echo "woken up"' & child=$!
sleep 0.1
kill -CONT $child
wait $child; echo "status $?"
