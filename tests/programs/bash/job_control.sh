# Job control without a terminal: set -m, own process groups, stopped jobs, fg and bg.
cd "$1" || exit 99
set -m
sleep 5 & p=$!
[ "$(awk '{ print $5 }' /proc/$p/stat)" = $p ] && echo "own process group"
kill -STOP %1; sleep 0.1
jobs | sed 's/  */ /g'
bg %1 >/dev/null; sleep 0.1
jobs | sed 's/  */ /g'
kill %1; wait %1 2>/dev/null; echo "status $?"
(sleep 0.1; exit 9) & fg >/dev/null; echo "fg $?"
sh -c 'exit 4' | sh -c 'cat; exit 5' & wait $!; echo "pipeline $?"
sleep 5 | sleep 5 & kill -- -$(jobs -p %%); wait; echo "whole pipeline ended"
set +m
disown -a; jobs | wc -l
sleep 1 & q=$!
[ "$(awk '{ print $5 }' /proc/$q/stat)" = "$(awk '{ print $5 }' /proc/$$/stat)" ] && echo "same group now"
kill $q; wait $q; echo "$?"
