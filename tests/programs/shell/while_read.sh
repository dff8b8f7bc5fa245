# Text line by line: counting, totals, groups, state kept across a pipe's end.
cd "$1" || exit 99
cat >data <<'END'
2024-01-03 alice 120 book
2024-01-03 bob 80 pen
2024-01-04 alice 45 cup
2024-01-05 carol 300 chair
2024-01-05 bob 20 ink
END
total=0 n=0
while read -r day who amount what; do
    total=$((total + amount)) n=$((n + 1))
    echo "$n. $who bought a $what"
done <data
echo "total $total in $n"
for person in alice bob carol; do
    sum=0
    while read -r _ who amount _; do [ "$who" = $person ] && sum=$((sum + amount)); done <data
    echo "$person $sum"
done
cut -d' ' -f1 data | sort | uniq -c | while read -r c day; do echo "$day: $c"; done
lost=0; cat data | while read -r l; do lost=$((lost + 1)); done
echo "after a pipe: $lost"
tac data | while read -r day _; do echo "$day"; done | uniq
while read -r a && read -r b <&3; do echo "$a | $b"; done <<X 3<<Y
left 1
left 2
left 3
X
right 1
right 2
Y
i=0; while :; do i=$((i + 1)); [ $i -eq 3 ] && continue; [ $i -gt 5 ] && break; printf '%s ' $i; done; echo
for a in 1 2; do for b in x y z; do [ $b = y ] && continue 2; echo $a$b; done; done
for a in 1 2 3; do while :; do [ $a = 2 ] && break 2; break; done; echo "a=$a"; done
printf 'last line without end' | while read -r l || [ -n "$l" ]; do echo "<$l>"; done
