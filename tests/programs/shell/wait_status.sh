# Background jobs without a terminal: $!, wait for one, wait for all, statuses kept.
cd "$1" || exit 99
exec 2>/dev/null # some shells name process numbers there
(exit 3) & a=$!
(exit 5) & b=$!
(exit 0) & c=$!
wait $b; echo "b=$?"
wait $a; echo "a=$?"
wait $c; echo "c=$?"
wait; echo "nothing left: $?"
sleep 0.2 && echo slow >slow & slow=$!
echo fast >fast &
wait
cat fast slow
wait $slow; echo "known already: $?"
sh -c 'kill -KILL $$' & wait $!; echo "killed: $?"
sh -c 'kill -SEGV $$' & wait $!; echo "segv: $?"
sleep 10 & p=$!
kill $p
wait $p
echo "terminated: $?"
i=0; pids=
while [ $i -lt 10 ]; do
    (exit $i) & pids="$pids $!"
    i=$((i + 1))
done
for p in $pids; do wait $p; printf '%s ' $?; done
echo
wait 1 2>/dev/null; echo "not a child: $?"
{ sleep 0.1; exit 42; } & wait $!
echo "group: $?"
