# Work in the background: results through files and pipes, order made by wait.
cd "$1" || exit 99
worker() {
    sum=0 i=$1
    while [ $i -le $2 ]; do
        sum=$((sum + i))
        i=$((i + 1))
    done
    echo "$1..$2 $sum" >"part.$1"
}
for start in 1 101 201 301; do
    worker $start $((start + 99)) &
done
wait
cat part.1 part.101 part.201 part.301
awk '{ s += $2 } END { print "total", s }' part.*
(sleep 0.1; echo "from the background") | cat
{ echo first; sleep 0.1; echo third; } >log & sleep 0.05; wait; cat log
x=$( (sleep 0.1; echo captured) & wait )
echo "$x"
cat </dev/null & wait $!; echo "input from null: $?"
( : & ) ; echo "grandchild left alone"
i=0
while [ $i -lt 30 ]; do
    : >"f$i" &
    i=$((i + 1))
done
wait
set -- f*
echo "$# files made by $i jobs"
