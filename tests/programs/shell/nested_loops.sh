# Loops in pipes in loops in functions, with break and continue in all places.
cd "$1" || exit 99
table() {
    for row in 1 2 3 4; do
        for col in 1 2 3 4; do printf '%4d' $((row * col)); done
        echo
    done
}
table
table | while read -r a b c d; do echo $((a + b + c + d)); done | paste -s -d' ' -
for i in 1 2 3; do
    echo "block $i"
    seq 1 $i | while read -r n; do
        [ "$n" = 2 ] && continue
        for c in a b; do
            [ $c = b ] && break
            echo "  $i$n$c"
        done
    done
done
i=0
until [ $i -ge 3 ]; do
    j=0
    while [ $j -lt 3 ]; do
        [ $((i + j)) -eq 3 ] && break
        printf '(%d,%d)' $i $j
        j=$((j + 1))
    done
    i=$((i + 1))
done
echo
collect=$(for x in p q r; do for y in 1 2; do echo "$x$y"; done; done | sort -r | tr '\n' ,)
echo "$collect"
for f in $(for k in 3 1 2; do echo $k; done | sort); do echo "f$f"; done
n=0; while [ $n -lt 3 ]; do n=$((n + 1)); (exit $n) && echo zero || echo "status $?"; done
outer=0; for a in 1 2 3 4 5; do for b in 1 2 3; do [ $b -eq $a ] && continue 2; outer=$((outer + 1)); done; done; echo $outer
