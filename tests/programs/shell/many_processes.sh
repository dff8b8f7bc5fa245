# limit=120
# Hundreds of short processes, one after the other and many at a time; none gets lost.
cd "$1" || exit 99
i=0
while [ $i -lt 150 ]; do
    /bin/true || echo "failed at $i"
    i=$((i + 1))
done
echo "$i in a row"
i=0
while [ $i -lt 60 ]; do
    (echo $i >"out.$i") &
    i=$((i + 1))
done
wait
cat out.* | sort -n | tail -n 1
ls out.* | wc -l
s=0; for f in out.*; do read -r n <$f; s=$((s + n)); done; echo "sum $s"
spawn() { [ $1 -le 0 ] && { echo x >>leaves; return; }; spawn $(($1 - 1)) & spawn $(($1 - 1)) & wait; }
spawn 5
wc -l <leaves
i=0
while [ $i -lt 20 ]; do echo $i | cat | cat >/dev/null; i=$((i + 1)); done
echo "pipelines $i"
x=0
for i in 1 2 3 4 5 6 7 8 9 10; do x=$(expr $x + $i); done; echo $x
seq 1 50 | xargs -n 1 echo | wc -l
wait; echo "wait: $?"
