# Named pipes: rendezvous, many writers, both directions, end of file when writers are gone.
cd "$1" || exit 99
mkfifo p q
[ -p p ] && echo "p is a pipe"
echo "through the pipe" >p &
cat p
wait
cat p >result &
for i in 1 2 3; do echo "writer $i"; done >p
wait
cat result
(while read -r n; do echo $((n * n)); done <p >q) &
exec 3>p 4<q
for n in 2 3 4 5; do
    echo $n >&3
    read -r square <&4
    echo "$n squared is $square"
done
exec 3>&- 4<&-
wait
sort p >sorted &
exec 3>p
(echo b >&3) & (echo a >&3) & (echo c >&3) & 
sleep 0.1
exec 3>&-
wait
cat sorted
seq 1 20000 >p & awk '{ s += $1 } END { print "sum", s }' p
wait
exec 5<>p
echo "reader and writer in one" >&5
read -r line <&5
echo "$line"
exec 5<&-
rm p q
[ -e p ] || echo removed
