# limit=180
# Work for the processor: a sieve, sorting, big sums, all in the shell itself.
cd "$1" || exit 99
n=120 i=2
while [ $i -le $n ]; do eval "s$i=1"; i=$((i + 1)); done
i=2
while [ $((i * i)) -le $n ]; do
    eval "c=\$s$i"
    if [ $c = 1 ]; then
        j=$((i * i))
        while [ $j -le $n ]; do eval "s$j=0"; j=$((j + i)); done
    fi
    i=$((i + 1))
done
i=2; while [ $i -le $n ]; do eval "[ \$s$i = 1 ]" && printf '%s ' $i; i=$((i + 1)); done; echo
set -- 37 5 91 2 64 18 77 50 3 29
sorted=
while [ $# -gt 0 ]; do
    min=$1; for a; do [ $a -lt $min ] && min=$a; done
    sorted="$sorted $min"
    rest= seen=0
    for a; do
        if [ $a = $min ] && [ $seen = 0 ]; then seen=1; else rest="$rest $a"; fi
    done
    set -- $rest
done
echo "sorted:$sorted"
i=0 sum=0
while [ $i -lt 20000 ]; do sum=$((sum + i * i % 7)); i=$((i + 1)); done
echo "sum $sum"
x=12345 i=0
while [ $i -lt 2000 ]; do x=$(((x * 1103515245 + 12345) % 2147483648)); i=$((i + 1)); done
echo "random $x"
s=; i=0; while [ $i -lt 300 ]; do s="$s$i"; i=$((i + 1)); done; echo "${#s}"
