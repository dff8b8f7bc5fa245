# kill -l: names, numbers, statuses; forms of kill.
cd "$1" || exit 99
exec 2>/dev/null # some shells name process numbers there
for n in 1 2 3 6 9 11 13 14 15; do printf '%s=%s ' $n "$(kill -l $n)"; done; echo
sh -c 'kill -s KILL $$'; s=$?; echo "$s $(kill -l $s)"
sh -c 'kill -15 $$'; s=$?; echo "$s $(kill -l $s)"
sh -c 'kill -s 2 $$' 2>/dev/null; echo $?
trap 'echo usr1' USR1
kill -USR1 $$; kill -s USR1 $$; kill -10 $$
kill -0 $$; echo "zero: $?"
kill -NOSUCH $$ 2>/dev/null; [ $? -ne 0 ] && echo "no such signal"
kill 2>/dev/null; [ $? -ne 0 ] && echo "usage"
kill -TERM notapid 2>/dev/null; [ $? -ne 0 ] && echo "not a number"
/bin/kill -l 15 2>/dev/null || kill -l 15
sleep 3 & a=$!
sleep 3 & b=$!
kill $a $b
wait $a; echo $?
wait $b; echo $?
kill -s TERM $a 2>/dev/null; echo "gone: $?"
