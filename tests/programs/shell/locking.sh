# Locks by mkdir and by noclobber: only one of many gets it; a counter stays right.
cd "$1" || exit 99
echo 0 >counter
add() {
    i=0
    while [ $i -lt $1 ]; do
        until mkdir lock 2>/dev/null; do sleep 0.01; done
        read -r n <counter
        echo $((n + 1)) >counter
        rmdir lock
        i=$((i + 1))
    done
}
add 10 & add 10 & add 10 & add 10 &
wait
echo "counter $(cat counter)"
winners=0
for i in 1 2 3 4 5 6 7 8; do
    (set -C; echo $i >owner) 2>/dev/null &
done
wait
wc -l <owner
(set -C; : >owner) 2>/dev/null || echo "taken"
rm owner; (set -C; echo again >owner) && cat owner
ln -s target link.lock && echo "link made"
ln -s target link.lock 2>/dev/null || echo "link taken"
echo data >file; ln file file.lock; ln file file.lock 2>/dev/null || echo "hard link taken"
i=0; while [ $i -lt 50 ]; do echo "$i" >>log & i=$((i + 1)); done; wait
sort -n log | uniq | wc -l
