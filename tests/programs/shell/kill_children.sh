# Signals between processes: default actions as statuses, ignored ones, handlers in children.
cd "$1" || exit 99
exec 2>/dev/null # some shells name process numbers there
for sig in HUP INT QUIT ILL ABRT FPE KILL USR1 SEGV USR2 PIPE ALRM TERM; do
    sh -c "kill -$sig \$\$; echo survived" 2>/dev/null
    echo "$sig: $?"
done
for sig in CHLD URG WINCH CONT; do
    sh -c "kill -$sig \$\$; echo survived $sig"
done
mkfifo ready
sh -c 'trap "echo caught TERM; exit 3" TERM; echo up >ready; while :; do sleep 0.02; done' &
child=$!
read -r word <ready
echo "child is $word"
kill -TERM $child
wait $child
echo "child said $?"
sh -c 'trap "" TERM; echo up >ready; sleep 0.2; exit 8' &
child=$!
read -r word <ready
kill -TERM $child
wait $child
echo "it ignored that: $?"
sleep 5 & child=$!
kill -0 $child && echo alive
kill -9 $child
wait $child 2>/dev/null
echo "status $?"
kill -0 $child 2>/dev/null || echo gone
kill -TERM 99999999 2>/dev/null; echo "no such process: $?"
