# Producers and consumers over named pipes, with a clean end.
cd "$1" || exit 99
mkfifo work results
consumer() {
    while read -r n; do
        [ "$n" = end ] && break
        echo "$n $((n * n))"
    done
}
consumer <work >results &
consumer=$!
sort -n <results >sorted &
sorter=$!
exec 3>work
i=1
while [ $i -le 200 ]; do echo $i >&3; i=$((i + 1)); done
echo end >&3
exec 3>&-
wait $consumer; echo "consumer $?"
wait $sorter; echo "sorter $?"
head -n 3 sorted; tail -n 2 sorted; wc -l <sorted
mkfifo a b
(sed 's/^/x/' <a >b) &
(seq 1 5 >a) &
cat b
wait
mkfifo c
(for i in 1 2 3; do echo "c$i"; sleep 0.05; done) >c &
while read -r l; do echo "got $l"; done <c
wait
seq 1 3000 | while read -r n; do echo "$n"; done | tail -n 1
(echo 1; echo 2) | (read -r a; read -r b; echo $((a + b)))
tee copy1 copy2 <sorted | cksum
cmp copy1 copy2 && echo "copies agree"
